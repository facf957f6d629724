import type { Cut } from '../citus/cut.js';
import type { SessionPool } from '../citus/pool.js';
import type { TableShards } from '../citus/shards.js';
import { MigrateError } from '../core/errors.js';

/** One side as the checks between rows see it: all of them under one cut. */
export interface CheckedSide {
  readonly cut: Cut;
  readonly pool: SessionPool;
  readonly shards: ReadonlyMap<string, TableShards>;
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
