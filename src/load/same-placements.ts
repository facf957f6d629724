import type { Shard, TableShards } from '../citus/shards.js';
import { MigrateError } from '../core/errors.js';
import type { LaneRange } from '../ledger/rows.js';
import type { LoadChunk } from './lane.js';

export const isReplicated = ({ shards }: TableShards): boolean =>
  shards.some((shard) => shard.nodes.length > 1);

export const groupsOf = ({ nodes }: Shard): number[] =>
  nodes.map((node) => node.groupId).sort((left, right) => left - right);

/**
 * A replicated shard that was moved or copied after only some of its placements had got a chunk: nobody can tell
 * which of them the new one was made from, so whether it has these rows. Throws SHARDS_MOVED. `done`: what earlier
 * attempts have committed.
 */
export function requireSamePlacements(
  chunk: LoadChunk,
  shards: TableShards,
  done: readonly LaneRange[],
): void {
  const replicated = isReplicated(shards);
  const same = done.every(({ min, max, groups }) =>
    shards.shards
      .filter(({ range }) => range!.min <= max && min <= range!.max)
      .every((shard) => (groups === undefined ? !replicated : groups.join() === groupsOf(shard).join())),
  );
  if (same) return;
  throw new MigrateError('SHARDS_MOVED', {
    message: `Placements of ${chunk.table.table} were moved or copied while only some of them had ${chunk.chunk}`,
    hint: `Start the table over: --truncate --tables ${chunk.table.table}`,
    retry: 'never',
    context: { table: chunk.table.table, chunk: chunk.chunk },
  });
}
