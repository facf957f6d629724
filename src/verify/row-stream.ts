import xxhash from 'xxhash-wasm';
import { BinaryRowSplitter } from '../core/copy-binary.js';
import type { TablePlan } from '../core/plan-types.js';
import { sql } from '../postgres/sql-files.js';
import type { RowEvidence } from './classify.js';
import type { Unit } from './units.js';

const { h64Raw } = await xxhash();

/** One row of a stream. Its bytes stay valid as long as it is referenced. */
export interface StreamRow {
  /** 1-based shard in which it lies. */
  readonly bucket: number;
  /** 1-based shard in which it belongs; 0: in none. */
  readonly home: number;
  /** xxh64 of the canonical bytes of all columns, each with its length; signed as PostgreSQL's hashes are. */
  readonly hash: bigint;
  readonly buffer: Buffer;
  /** Where the key fields begin, each behind its length. */
  readonly key: number;
  /** Where the columns begin, and where the row ends. */
  readonly values: number;
  readonly end: number;
}

/** Bytes in front of the key: field count, length of the shard number, shard number. */
const HEAD = 2 + 4 + 4;

/** How many fields a key takes in the stream: a row without a key is ordered by a digest of all of it. */
export const keyFields = (table: TablePlan): number => table.key?.length ?? 1;

/** The statement that streams the rows of some units of one table, of the chosen shards, in the order of their keys. */
export function streamStatement(
  units: readonly Unit[],
  buckets: readonly number[] | undefined,
  ordered: boolean,
): string {
  const { table } = units[0]!;
  const fields = keyFields(table);
  const rows = units
    .map((unit) => {
      const { expressions, home } = unit;
      const keys = table.key === null ? [`(${expressions.hash})::text`] : expressions.key;
      return sql('verify/row-values', {
        home,
        // Both sides sort by bytes, whatever the collation of the column is.
        keys: keys.map((key, index) => `${key} COLLATE "C" AS k${index}`).join(', '),
        values: expressions.canonical.map((value, index) => `${value} AS c${index}`).join(', '),
        from: unit.from,
        condition:
          buckets === undefined
            ? unit.condition
            : `${unit.condition} AND coalesce(${home}, 0) = ANY ('{${buckets.join(',')}}'::int[])`,
      });
    })
    .join(' UNION ALL ');
  if (!ordered) return sql('verify/row-copy', { rows });
  // The shard in which rows lie comes first only where it is not the same for all of them.
  const order = [
    ...(buckets === undefined ? [] : ['z.home']),
    ...Array.from({ length: fields }, (_, index) => `z.k${index}`),
  ];
  return sql('verify/row-stream', { rows, order: order.join(', ') });
}

/**
 * The rows of a binary COPY of `streamStatement`, in batches; `bucket`: where all of them lie, else where they belong.
 * `done` is told of each piece that is not needed any more.
 */
export async function* readRows(
  pieces: AsyncIterable<Buffer>,
  fields: number,
  bucket: number | undefined,
  done: (piece: Buffer) => void,
): AsyncGenerator<StreamRow[]> {
  const splitter = new BinaryRowSplitter();
  let batch: StreamRow[] = [];
  for await (const piece of pieces) {
    splitter.push(piece, ({ buffer, start, ends, count }) => {
      const end = ends[count - 1]!;
      // The splitter uses its buffers again.
      const own = Buffer.from(buffer.subarray(start, end));
      let from = 0;
      for (let row = 0; row < count; row += 1) {
        const to = ends[row]! - start;
        batch.push(parseRow(own, from, to, fields, bucket));
        from = to;
      }
    });
    done(piece);
    if (batch.length > 0) yield batch;
    batch = [];
  }
  splitter.end();
}

function parseRow(
  buffer: Buffer,
  start: number,
  end: number,
  fields: number,
  bucket: number | undefined,
): StreamRow {
  const home = buffer.readInt32BE(start + HEAD - 4);
  const key = start + HEAD;
  let values = key;
  for (let field = 0; field < fields; field += 1) values += 4 + Math.max(0, buffer.readInt32BE(values));
  const hash = BigInt.asIntN(64, h64Raw(buffer.subarray(values, end)));
  return { bucket: bucket ?? home, home, hash, buffer, key, values, end };
}

/** Order of two rows of one table: by shard, then by the bytes of the key's fields, nulls last, as the servers sort. */
export function compareRows(left: StreamRow, right: StreamRow, fields: number): number {
  if (left.bucket !== right.bucket) return left.bucket - right.bucket;
  let at = left.key;
  let other = right.key;
  for (let field = 0; field < fields; field += 1) {
    const length = left.buffer.readInt32BE(at);
    const otherLength = right.buffer.readInt32BE(other);
    at += 4;
    other += 4;
    if (length < 0 || otherLength < 0) {
      if (length !== otherLength) return length < 0 ? 1 : -1;
      continue;
    }
    const order = left.buffer.compare(right.buffer, other, other + otherLength, at, at + length);
    if (order !== 0) return order;
    at += length;
    other += otherLength;
  }
  return 0;
}

function textsOf(row: StreamRow, fields: number): (string | null)[] {
  const texts: (string | null)[] = [];
  let at = row.key;
  for (let field = 0; field < fields; field += 1) {
    const length = row.buffer.readInt32BE(at);
    at += 4;
    texts.push(length < 0 ? null : row.buffer.toString('utf8', at, at + length));
    at += Math.max(0, length);
  }
  return texts;
}

/** What is kept of a row that has no equal on the other side. */
export function evidenceOf(row: StreamRow, table: TablePlan): RowEvidence {
  const key = textsOf(row, keyFields(table));
  const columns: string[] = [];
  for (let at = row.values; at < row.end; ) {
    const next = at + 4 + Math.max(0, row.buffer.readInt32BE(at));
    columns.push(h64Raw(row.buffer.subarray(at, next)).toString(36));
    at = next;
  }
  const { bucket, home } = row;
  return {
    bucket,
    home,
    hash: String(row.hash),
    columns,
    ...(table.key === null ? { key: [], digest: key[0]! } : { key }),
  };
}
