import { BufferPool, LARGEST_BUFFER, SMALLEST_BUFFER } from './buffer-pool.js';

/** Whole rows for one shard, without header and trailer, in the order in which they came. */
export interface ShardRows {
  /** Index into the map's ranges. */
  readonly shardIndex: number;
  readonly rows: number;
  readonly bytes: Buffer;
}

/** Below this many bytes a loop over words beats a call of copy (54 bytes: 45 against 82 ns). */
const COPY_BY_WORDS = 160;

interface OpenBuffer {
  readonly bytes: Buffer;
  readonly view: DataView;
  filled: number;
  rows: number;
}

/** Bytes that the buffers being filled may take together; half of it is empty on average. */
export const OPEN_BYTES = 2 * 1024 * 1024;

/** The size of the buffers for so many shards. */
function sizeFor(shards: number): number {
  let size = LARGEST_BUFFER;
  while (size > SMALLEST_BUFFER && size * shards > OPEN_BYTES) size /= 2;
  return size;
}

/**
 * Collects rows by shard in a list of buffers each, so that growing copies nothing. All buffers have one size: with
 * sizes that followed what each shard received, the pool had the wrong ones, and 200 MB of new ones were made per
 * thread while 1.6 GB of rows passed.
 */
export class ShardBuffers {
  readonly #open: (OpenBuffer | undefined)[];
  readonly #bufferSize: number;
  /** Bytes that wait, by shard. */
  readonly #waiting: Float64Array;
  #full: ShardRows[] = [];
  readonly #pool: BufferPool;
  #size = 0;

  /** Buffers come from `pool`; whoever has written them gives them back. */
  constructor(shards: number, pool = new BufferPool(0)) {
    this.#pool = pool;
    this.#open = new Array<OpenBuffer | undefined>(shards).fill(undefined);
    this.#bufferSize = sizeFor(shards);
    this.#waiting = new Float64Array(shards);
  }

  /** Bytes of rows that wait for `flush`. Memory exceeds them by the unfilled part of one buffer per shard. */
  get size(): number {
    return this.#size;
  }

  /** Copies `rows` rows, `source[start, end)`; `view` is over all of `source`. */
  append(shard: number, rows: number, source: Buffer, view: DataView, start: number, end: number): void {
    const length = end - start;
    let target = this.#open[shard];
    if (target === undefined || target.filled + length > target.bytes.length)
      target = this.#next(shard, length);
    if (length < COPY_BY_WORDS) copyWords(view, start, end, target.view, target.filled);
    else source.copy(target.bytes, target.filled, start, end);
    target.filled += length;
    target.rows += rows;
    this.#waiting[shard]! += length;
    this.#size += length;
  }

  /** Takes a buffer over without copying it. */
  adopt(shard: number, rows: number, bytes: Buffer): void {
    this.#seal(shard);
    this.#full.push({ shardIndex: shard, rows, bytes });
    this.#waiting[shard]! += bytes.length;
    this.#size += bytes.length;
  }

  /** Hands over everything, sorted by shard; the rows of one shard can come as several entries, in order. */
  flush(): ShardRows[] {
    return this.#handOver(0);
  }

  /**
   * The same for the shards that have no less than the average waiting, which is at least one: so each COPY brings
   * more rows for as much memory.
   */
  flushFullest(): ShardRows[] {
    const used = this.#waiting.reduce((count, bytes) => (bytes > 0 ? count + 1 : count), 0);
    return this.#handOver(used === 0 ? 0 : this.#size / used);
  }

  #handOver(least: number): ShardRows[] {
    const taken = this.#waiting.map((bytes) => (bytes >= least ? 1 : 0));
    for (let shard = 0; shard < taken.length; shard++) {
      if (taken[shard] === 0) continue;
      this.#seal(shard);
      this.#size -= this.#waiting[shard]!;
      this.#waiting[shard] = 0;
    }
    const rows = this.#full.filter(({ shardIndex }) => taken[shardIndex] === 1);
    this.#full = this.#full.filter(({ shardIndex }) => taken[shardIndex] === 0);
    // The sort is stable: each shard keeps its order.
    return rows.sort((left, right) => left.shardIndex - right.shardIndex);
  }

  #next(shard: number, length: number): OpenBuffer {
    this.#seal(shard);
    const size = this.#bufferSize;
    const bytes = length > size ? Buffer.allocUnsafeSlow(length) : this.#pool.take(size);
    const open = { bytes, view: viewOf(bytes), filled: 0, rows: 0 };
    this.#open[shard] = open;
    return open;
  }

  #seal(shard: number): void {
    const open = this.#open[shard];
    if (open === undefined) return;
    this.#full.push({ shardIndex: shard, rows: open.rows, bytes: open.bytes.subarray(0, open.filled) });
    this.#open[shard] = undefined;
  }
}

export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Unaligned 32-bit words; 64-bit ones would be BigInts, or doubles, which may lose the bits of a NaN. */
function copyWords(source: DataView, start: number, end: number, target: DataView, to: number): void {
  let from = start;
  let at = to;
  for (const last = end - 8; from <= last; from += 8, at += 8) {
    target.setInt32(at, source.getInt32(from, true), true);
    target.setInt32(at + 4, source.getInt32(from + 4, true), true);
  }
  for (; from < end; from++, at++) target.setUint8(at, source.getUint8(from));
}
