import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDigest, type PartDigests } from '../../src/verify/digests.js';
import { type PinpointRequest, suspectParts, unaccounted } from '../../src/verify/pinpoint.js';
import type { Unit } from '../../src/verify/units.js';

const SHARDS = 3;
const UNITS = 4;
const SLICES = 4;

interface Row {
  readonly shard: number;
  readonly hash: bigint;
  /** Range of pages of the source. */
  readonly unit: number;
  /** What the target has of it. */
  readonly fate: 'same' | 'missing' | 'changed';
  readonly changed: bigint;
}

/** Without bias towards small numbers: hashes of changes that cancel, or change nothing, are not what is tested here. */
const hash = fc.noBias(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
const rows: fc.Arbitrary<Row[]> = fc.uniqueArray(
  fc.record({
    shard: fc.integer({ min: 1, max: SHARDS }),
    hash,
    unit: fc.nat({ max: UNITS - 1 }),
    fate: fc.constantFrom('same', 'same', 'same', 'missing', 'changed'),
    changed: hash,
  }),
  { selector: (row) => row.hash, maxLength: 60 },
);

const partOf = (shard: number, value: bigint): number =>
  shard * SLICES + Number(BigInt.asUintN(64, value) % BigInt(SLICES));
const one = (value: bigint) => ({ rows: 1n, sum: value, xor: value });
const units = Array.from({ length: UNITS }, (_, index) => ({ node: index }) as unknown as Unit);

function measured(all: readonly Row[]) {
  const source = new Map(units.map((unit) => [unit, new Map() as PartDigests]));
  const target = new Map(Array.from({ length: SHARDS }, (_, index) => [index + 1, new Map() as PartDigests]));
  for (const row of all) {
    addDigest(source.get(units[row.unit]!)!, partOf(row.shard, row.hash), one(row.hash));
    if (row.fate === 'missing') continue;
    const there = row.fate === 'changed' ? row.changed : row.hash;
    addDigest(target.get(row.shard)!, partOf(row.shard, there), one(there));
  }
  return { source, target };
}

const suspectsOf = (all: readonly Row[]) =>
  suspectParts({ ...measured(all), slices: SLICES, differing: [1, 2, 3] } as unknown as PinpointRequest);

test('the parts of every differing row are suspect, that of its old hash and that of its new one', () => {
  fc.assert(
    fc.property(rows, (all) => {
      const suspects = suspectsOf(all);
      for (const { shard, hash: old, fate, changed } of all) {
        if (fate !== 'same') expect(suspects.has(partOf(shard, old))).toBe(true);
        if (fate === 'changed') expect(suspects.has(partOf(shard, changed))).toBe(true);
      }
    }),
  );
});

test('no other part is suspect', () => {
  fc.assert(
    fc.property(rows, (all) => {
      const touched = new Set(
        all.flatMap(({ shard, hash: old, fate, changed }) =>
          fate === 'same'
            ? []
            : [partOf(shard, old), ...(fate === 'changed' ? [partOf(shard, changed)] : [])],
        ),
      );
      for (const part of suspectsOf(all).keys()) expect(touched.has(part)).toBe(true);
    }),
  );
});

test('exactly the page ranges with a row that was not found are read again', () => {
  fc.assert(
    fc.property(rows, (all) => {
      const { source } = measured(all);
      const suspects = new Set(suspectsOf(all).keys());
      const known = new Map(units.map((unit) => [unit, new Map() as PartDigests]));
      // Rows of suspect parts whose keys the target has are looked up and found.
      for (const { shard, hash: old, unit, fate } of all) {
        const part = partOf(shard, old);
        if (fate !== 'missing' && suspects.has(part)) addDigest(known.get(units[unit]!)!, part, one(old));
      }
      const expected = new Set(all.filter(({ fate }) => fate === 'missing').map(({ unit }) => units[unit]!));
      expect(new Set(unaccounted(source, suspects, known))).toEqual(expected);
    }),
  );
});
