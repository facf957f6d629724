import type { BufferPool } from './buffer-pool.js';
import { BinaryRowSplitter } from './copy-binary.js';
import { type CopyRows, NO_KEY, type RowSplitter } from './copy-rows.js';
import { TextRowSplitter } from './copy-text.js';
import { MigrateError } from './errors.js';
import { type KeyHash, wireHash } from './hash.js';
import { ShardBuffers, type ShardRows, viewOf } from './shard-buffers.js';
import type { ShardMap } from './shard-map.js';
import { textHash } from './text-hash.js';

/** What a row's shard follows from. */
export interface RouteKey {
  /** Index of the distribution column among the fields that travel. */
  readonly field: number;
  /** The type's default hash function, e.g. `hashtext`. */
  readonly hashFunction: string;
  /** The key's type as format_type prints it. */
  readonly type: string;
}

export interface RouterOptions {
  readonly format: 'binary' | 'text';
  /** null: the table is not distributed, and the map's single shard takes every row. */
  readonly key: RouteKey | null;
  readonly shards: ShardMap;
  /** Where buffers come from that are used more than once; absent: each is new. */
  readonly pool?: BufferPool;
}

/** The hash of a key in this format; undefined: only the server can route this table. */
export function keyHash(format: 'binary' | 'text', key: RouteKey): KeyHash | undefined {
  return format === 'binary' ? wireHash(key.hashFunction) : textHash(key.hashFunction, key.type);
}

/**
 * Regroups the rows of one COPY stream by shard. The caller pushes pieces of the stream, takes the rows with
 * `flush` whenever `bufferedBytes` has grown enough, and says when the stream is over. Not usable after an error.
 */
export class RowRouter {
  readonly #shards: ShardMap;
  readonly #splitter: RowSplitter;
  readonly #hash: KeyHash | null;
  readonly #buffers: ShardBuffers;

  /** Throws INTERNAL for a key that `keyHash` does not support: ask it before choosing this path. */
  constructor(options: RouterOptions) {
    const { format, key, shards } = options;
    const hash = key === null ? null : keyHash(format, key);
    if (hash === undefined) {
      throw new MigrateError('INTERNAL', {
        message: `Rows in ${format} format cannot be routed here by ${key?.hashFunction} of ${key?.type}.`,
      });
    }
    if (hash === null && shards.size !== 1) {
      throw new MigrateError('INTERNAL', {
        message: 'A table without a distribution column has several shards.',
      });
    }
    const field = key?.field ?? NO_KEY;
    this.#splitter = format === 'binary' ? new BinaryRowSplitter(field) : new TextRowSplitter(field);
    this.#hash = hash;
    this.#shards = shards;
    this.#buffers = new ShardBuffers(shards.size, options.pool);
  }

  /** Rows pushed so far, flushed or not. */
  get rows(): number {
    return this.#splitter.rows;
  }

  /** Bytes of rows that wait for `flush`. Besides them there is at most one row that the last piece cut. */
  get bufferedBytes(): number {
    return this.#buffers.size;
  }

  /** Takes a piece of the stream, cut anywhere; keeps no reference to it. Throws DISTRIBUTION_NULL, DUMP_DAMAGED. */
  push(chunk: Buffer): void {
    this.#splitter.push(chunk, this.#visit);
  }

  /** Ends the stream: throws DUMP_DAMAGED when it stopped inside a row or before its trailer. */
  end(): void {
    this.#splitter.end();
  }

  /** Hands over everything buffered, sorted by shard; the rows of one shard can come as several entries, in order. */
  flush(): ShardRows[] {
    return this.#buffers.flush();
  }

  /** The same for the shards that have the most waiting; what the others have stays. */
  flushFullest(): ShardRows[] {
    return this.#buffers.flushFullest();
  }

  readonly #visit = (list: CopyRows): void => {
    const hash = this.#hash;
    if (list.owned) {
      const shard = hash === null ? 0 : this.#shardOf(list, 0, hash);
      this.#buffers.adopt(shard, 1, list.buffer.subarray(list.start, list.ends[0]!));
    } else if (hash === null) {
      const { buffer, start, ends, count } = list;
      this.#buffers.append(0, count, buffer, viewOf(buffer), start, ends[count - 1]!);
    } else {
      this.#regroup(list, hash);
    }
  };

  #regroup(list: CopyRows, hash: KeyHash): void {
    const { buffer, count, ends } = list;
    const buffers = this.#buffers;
    const view = viewOf(buffer);
    let start = list.start;
    for (let row = 0; row < count; row++) {
      const end = ends[row]!;
      buffers.append(this.#shardOf(list, row, hash), 1, buffer, view, start, end);
      start = end;
    }
  }

  #shardOf(list: CopyRows, row: number, hash: KeyHash): number {
    const keyStart = list.keyStarts[row]!;
    if (keyStart >= 0) return this.#shards.route(hash(list.buffer, keyStart, list.keyEnds[row]!));
    const ordinal = this.rows - list.count + row + 1;
    throw new MigrateError('DISTRIBUTION_NULL', {
      message: `Row ${ordinal} of the stream has no value in the distribution column.`,
      context: { row: ordinal },
    });
  }
}
