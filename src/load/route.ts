import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Direction } from '../plan/projection.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { routeKeyOf } from './direct-lane.js';

export type Via = 'direct' | 'coordinator' | 'auto';

/** Display name of a table → the lane of its chunks. */
export type Lanes = ReadonlyMap<string, 'direct' | 'coordinator'>;

export const usesLanes = (lanes: Lanes): boolean => [...lanes.values()].includes('direct');

/** Throws RIGHTS_MISSING when the role cannot keep a ledger on this node. */
async function requireLedger(session: Session): Promise<void> {
  const { role, missing } = await session.one<{ role: string; missing: string | null }>(
    sql('load/lane-rights'),
    'check the rights',
  );
  if (missing === null) return;
  throw new MigrateError('RIGHTS_MISSING', {
    message: `Role ${role} on ${session.server} lacks: ${missing}`,
    context: { missing: [missing] },
  });
}

/** Whether rows can be written on the workers themselves; the reason when they cannot. */
async function directPossible(writer: Database): Promise<MigrateError | undefined> {
  for (const node of writer.nodes.slice(1)) {
    try {
      const session = await writer.connect(node);
      try {
        await requireLedger(session);
      } finally {
        await session.close();
      }
    } catch (error) {
      if (error instanceof MigrateError) return error;
      throw error;
    }
  }
  return undefined;
}

/**
 * Chooses the lane of every table: straight into the shards where the table is distributed by a type whose hash is
 * known here and the workers can be reached, else through the coordinator. With `direct` an unreachable worker is
 * an error; with `auto` the log says why the coordinator is used.
 */
export async function chooseLanes(
  writer: Database,
  tables: readonly TablePlan[],
  direction: Direction,
  via: Via,
  { log }: Pick<Context, 'log'>,
): Promise<Lanes> {
  const through = (lane: 'direct' | 'coordinator') =>
    new Map(tables.map(({ table }) => [table, lane] as const));
  if (writer.kind === 'single' || direction === 'reverse' || via === 'coordinator')
    return through('coordinator');
  const problem = await directPossible(writer);
  if (problem !== undefined) {
    if (via === 'direct') throw problem;
    log.warn(`Loading through the coordinator: ${problem.message}. ${problem.hint}`);
    return through('coordinator');
  }
  return new Map(
    tables.map((table) => {
      if (table.placement.kind !== 'distributed') return [table.table, 'coordinator'];
      if (routeKeyOf(table) !== undefined) return [table.table, 'direct'];
      log.info(`${table.table} goes through the coordinator: ${table.placement.type} is not hashed here`);
      return [table.table, 'coordinator'];
    }),
  );
}

/** A chunk that a lane has begun is finished by one: only lanes know what they have committed. */
export function laneOf(lanes: Lanes, { table }: TablePlan, begun: boolean): 'direct' | 'coordinator' {
  const chosen = lanes.get(table)!;
  if (!begun || chosen === 'direct') return chosen;
  throw new MigrateError('WORKER_UNREACHABLE', {
    message: `${table} was begun straight in its shards and has to be finished there`,
    hint: 'Make the workers reachable again, or start the table over with --truncate.',
  });
}
