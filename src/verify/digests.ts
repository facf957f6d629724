import { type Digest, EMPTY_DIGEST, mergeDigests, parseDigest } from '../core/digest.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { Unit } from './units.js';

/** Digests by 1-based shard. */
export type BucketDigests = Map<number, Digest>;

export type Mode = 'counts' | 'digest' | 'rows';

interface DigestRow {
  bucket: number | null;
  rows: string;
  sum: string;
  xor: string;
}

/** The statement that counts and digests a unit's rows by the shard that they belong to. */
export function digestStatement(unit: Unit, mode: Mode): string {
  return sql('verify/digest', {
    bucket: unit.home,
    hash: mode === 'counts' ? '0::bigint' : unit.expressions.hash,
    from: unit.from,
    condition: unit.condition,
  });
}

/** Digests of a unit's rows by the shard that they belong to. Rows without a distribution value have bucket 0. */
export async function readDigests(session: Session, unit: Unit, statement: string): Promise<BucketDigests> {
  const rows = await session.query<DigestRow>(statement, `digest ${unit.table.table}`);
  return new Map(rows.map((row) => [row.bucket ?? 0, parseDigest(row)]));
}

/** The digests as they are kept in a file, and back. */
export const keptDigests = {
  to: (digests: BucketDigests): unknown =>
    [...digests].map(([bucket, { rows, sum, xor }]) => [bucket, String(rows), String(sum), String(xor)]),
  from: (value: unknown): BucketDigests =>
    new Map(
      (value as [number, string, string, string][]).map(([bucket, rows, sum, xor]) => [
        bucket,
        parseDigest({ rows, sum, xor }),
      ]),
    ),
};

export function addDigests(into: BucketDigests, from: BucketDigests): void {
  for (const [bucket, digest] of from)
    into.set(bucket, mergeDigests(into.get(bucket) ?? EMPTY_DIGEST, digest));
}

export function total(digests: Iterable<Digest>): Digest {
  let sum = EMPTY_DIGEST;
  for (const digest of digests) sum = mergeDigests(sum, digest);
  return sum;
}
