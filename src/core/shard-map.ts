import { MigrateError } from './errors.js';

/** One row of pg_dist_shard: the hashes `min` to `max`, both included, belong to this shard. */
export interface ShardRange {
  readonly shardId: number | string;
  readonly min: number;
  readonly max: number;
}

const LOWEST = -(2 ** 31);
const HIGHEST = 2 ** 31 - 1;
const HASHES = 2 ** 32;

/** The shards of one table over the whole hash space; answers which of them owns a hash. */
export class ShardMap {
  /** In the order of their hashes: `route` returns indexes into this. */
  readonly ranges: readonly ShardRange[];
  readonly #mins: Int32Array;
  /** Width of every range but the last, as Citus creates them; 0 when a split or tenant isolation changed that. */
  readonly #step: number;

  /**
   * Takes the ranges in any order. Throws TARGET_TABLE_DIFFERS unless they cover every hash exactly once: a row
   * for which there is no shard, or two, must never be loaded.
   */
  constructor(ranges: readonly ShardRange[]) {
    this.ranges = [...ranges].sort((left, right) => left.min - right.min);
    requireCover(this.ranges);
    this.#mins = Int32Array.from(this.ranges, (range) => range.min);
    const step = Math.floor(HASHES / this.ranges.length);
    const even = this.ranges.every((range, index) => range.min === LOWEST + index * step);
    this.#step = even ? step : 0;
  }

  /** One shard that takes every row: reference and local tables, and plain PostgreSQL. */
  static single(shardId: number | string): ShardMap {
    return new ShardMap([{ shardId, min: LOWEST, max: HIGHEST }]);
  }

  get size(): number {
    return this.ranges.length;
  }

  /** Index into `ranges` of the shard that owns `hash`, a signed 32-bit integer. */
  route(hash: number): number {
    const mins = this.#mins;
    const last = mins.length - 1;
    if (this.#step > 0) {
      // Exact: quotients of integers below 2^32 are never rounded across an integer. The last shard is wider.
      const index = ((hash - LOWEST) / this.#step) | 0;
      return Math.min(index, last);
    }
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (mins[middle]! <= hash) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function requireCover(sorted: readonly ShardRange[]): void {
  let next = LOWEST;
  for (const { shardId, min, max } of sorted) {
    if (!Number.isInteger(min) || !Number.isInteger(max) || min > max || max > HIGHEST) {
      throw brokenMap(`Shard ${shardId} has an impossible hash range, ${min} to ${max}.`);
    }
    if (min > next) throw brokenMap(`No shard owns the hashes ${next} to ${min - 1}.`);
    if (min < next) throw brokenMap(`Shard ${shardId} overlaps another shard at hash ${min}.`);
    next = max + 1;
  }
  if (next <= HIGHEST) throw brokenMap(`No shard owns the hashes ${next} to ${HIGHEST}.`);
}

function brokenMap(message: string): MigrateError {
  return new MigrateError('TARGET_TABLE_DIFFERS', {
    message,
    hint: 'Check the table in pg_dist_shard; create it again if its shards are incomplete.',
  });
}
