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

/**
 * Collects rows by shard in a list of buffers each, so that growing copies nothing. A shard's buffers double while it
 * fills them between two flushes and halve while it leaves them near empty.
 */
export class ShardBuffers {
  readonly #open: (OpenBuffer | undefined)[];
  readonly #nextSize: Int32Array;
  #full: ShardRows[] = [];
  readonly #pool: BufferPool;
  #size = 0;

  /** Buffers come from `pool`; whoever has written them gives them back. */
  constructor(shards: number, pool = new BufferPool(0)) {
    this.#pool = pool;
    this.#open = new Array<OpenBuffer | undefined>(shards).fill(undefined);
    this.#nextSize = new Int32Array(shards).fill(SMALLEST_BUFFER);
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
    this.#size += length;
  }

  /** Takes a buffer over without copying it. */
  adopt(shard: number, rows: number, bytes: Buffer): void {
    this.#seal(shard);
    this.#full.push({ shardIndex: shard, rows, bytes });
    this.#size += bytes.length;
  }

  /** Hands over everything, sorted by shard; the rows of one shard can come as several entries, in order. */
  flush(): ShardRows[] {
    for (let shard = 0; shard < this.#open.length; shard++) {
      const open = this.#open[shard];
      if (open === undefined) continue;
      const usual = this.#nextSize[shard]!;
      if (open.filled < usual / 4) this.#nextSize[shard] = Math.max(usual / 2, SMALLEST_BUFFER);
      this.#seal(shard);
    }
    const all = this.#full;
    // The sort is stable: each shard keeps its order.
    all.sort((left, right) => left.shardIndex - right.shardIndex);
    this.#full = [];
    this.#size = 0;
    return all;
  }

  #next(shard: number, length: number): OpenBuffer {
    if (this.#open[shard] !== undefined) {
      this.#nextSize[shard] = Math.min(this.#nextSize[shard]! * 2, LARGEST_BUFFER);
      this.#seal(shard);
    }
    const size = this.#nextSize[shard]!;
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
