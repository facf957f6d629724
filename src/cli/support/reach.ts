import type { Database } from '../../citus/database.js';
import { MigrateError } from '../../core/errors.js';
import { type Reached, readStanding } from '../../cutover/status.js';
import type { Invocation } from '../frame/command.js';
import { withDatabases } from './databases.js';

/** What keeps a server from being asked, and not the command from being right. */
const AWAY = new Set([
  'CONNECTION_REFUSED',
  'CONNECTION_LOST',
  'TOO_MANY_CONNECTIONS',
  'SERVER_NOT_WANTED',
  'TRANSIENT',
]);

export const isAway = (error: unknown): error is MigrateError =>
  error instanceof MigrateError && AWAY.has(error.code);

/** What one side tells of the migration, or why it was not reached. */
export async function reach(invocation: Invocation, side: 'source' | 'target'): Promise<Reached> {
  try {
    const needs = { [side]: 'read' } as Record<typeof side, 'read'>;
    return await withDatabases(invocation, needs, async (sides) => ({
      standing: await readStanding(sides[side] as Database),
    }));
  } catch (error) {
    if (!isAway(error)) throw error;
    return { unreachable: error.message };
  }
}
