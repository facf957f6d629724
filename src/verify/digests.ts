import { type Digest, EMPTY_DIGEST, mergeDigests, parseDigest } from '../core/digest.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { Unit } from './units.js';

/** Digests by 1-based shard. */
export type BucketDigests = Map<number, Digest>;

/** Digests by part of a shard: the shard's 1-based number × slices of a shard + the low bits of the rows' hash. */
export type PartDigests = Map<number, Digest>;

export type Mode = 'counts' | 'digest' | 'rows';

interface DigestRow {
  part: number | null;
  rows: string;
  sum: string;
  xor: string;
}

/** The statement that counts and digests a unit's rows by the shard that they belong to, `slices` parts to each. */
export function digestStatement(unit: Unit, mode: Mode, slices: number): string {
  return sql('verify/digest', {
    bucket: unit.home,
    slices,
    hash: mode === 'counts' ? '0::bigint' : unit.expressions.hash,
    from: unit.from,
    condition: unit.condition,
  });
}

/** Digests of a unit's rows. Rows without a distribution value are in part 0. */
export async function readDigests(session: Session, unit: Unit, statement: string): Promise<PartDigests> {
  const rows = await session.query<DigestRow>(statement, `digest ${unit.table.table}`);
  return new Map(rows.map((row) => [row.part ?? 0, parseDigest(row)]));
}

/** The shards' digests, from those of their parts. */
export function byBucket(parts: PartDigests, slices: number): BucketDigests {
  const buckets: BucketDigests = new Map();
  for (const [part, digest] of parts) addDigest(buckets, Math.floor(part / slices), digest);
  return buckets;
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

export function addDigest<K>(into: Map<K, Digest>, key: K, digest: Digest): void {
  into.set(key, mergeDigests(into.get(key) ?? EMPTY_DIGEST, digest));
}

export function addDigests<K>(into: Map<K, Digest>, from: ReadonlyMap<K, Digest>): void {
  for (const [key, digest] of from) addDigest(into, key, digest);
}

export function total(digests: Iterable<Digest>): Digest {
  let sum = EMPTY_DIGEST;
  for (const digest of digests) sum = mergeDigests(sum, digest);
  return sum;
}
