import type { Cut } from '../citus/cut.js';
import { SessionPool } from '../citus/pool.js';
import { readShards, type TableShards } from '../citus/shards.js';
import { MigrateError } from '../core/errors.js';

/** One side as all checks see it: under one cut, with sessions that they share. */
export interface CheckedSide {
  readonly cut: Cut;
  readonly pool: SessionPool;
  readonly shards: ReadonlyMap<string, TableShards>;
}

export async function openSide(cut: Cut): Promise<CheckedSide> {
  return {
    cut,
    pool: new SessionPool((node) => cut.open(node)),
    shards: await readShards(cut.database.session, cut.database.connector),
  };
}

/** Failures after which the whole command ends; any other makes the one check inconclusive. */
const FATAL = new Set([
  'CONNECTION_REFUSED',
  'CONNECTION_LOST',
  'WORKER_UNREACHABLE',
  'TOO_MANY_CONNECTIONS',
  'CANCELLED',
  'INTERNAL',
]);

/** Why a check could not be made; throws what is no answer about the check. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof MigrateError) || FATAL.has(error.code)) throw error;
  return error.message;
}
