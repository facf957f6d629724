import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ShardMap, type ShardRange } from '../../src/core/shard-map.js';

const LOWEST = -(2 ** 31);
const HIGHEST = 2 ** 31 - 1;
const hash = fc.integer({ min: LOWEST, max: HIGHEST });

/** Ranges between random bounds: what splits and isolated tenants leave. */
const splits = fc
  .uniqueArray(fc.integer({ min: LOWEST + 1, max: HIGHEST }), { maxLength: 40 })
  .map((bounds) => {
    const mins = [LOWEST, ...bounds.sort((left, right) => left - right)];
    return mins.map(
      (min, index): ShardRange => ({ shardId: index, min, max: (mins[index + 1] ?? HIGHEST + 1) - 1 }),
    );
  });

const even = fc.integer({ min: 1, max: 200 }).map((count) => {
  const step = Math.floor(2 ** 32 / count);
  return Array.from({ length: count }, (_, index): ShardRange => {
    const min = LOWEST + index * step;
    return { shardId: index, min, max: index === count - 1 ? HIGHEST : min + step - 1 };
  });
});

test('route agrees with a linear search, for even and uneven ranges and at every bound', () => {
  fc.assert(
    fc.property(fc.oneof(splits, even), fc.array(hash, { maxLength: 20 }), (ranges, hashes) => {
      const map = new ShardMap(ranges);
      for (const value of [...hashes, ...ranges.flatMap(({ min, max }) => [min, max])]) {
        expect(map.route(value)).toBe(ranges.findIndex(({ min, max }) => value >= min && value <= max));
      }
    }),
    { numRuns: 300 },
  );
});

test('ranges are taken in any order', () => {
  fc.assert(
    fc.property(
      splits.chain((ranges) =>
        fc.tuple(fc.constant(ranges), fc.shuffledSubarray(ranges, { minLength: ranges.length })),
      ),
      ([ranges, shuffled]) => {
        expect(new ShardMap(shuffled).ranges).toEqual(ranges);
      },
    ),
  );
});

test('a map without one of its ranges, or with a bound moved, is refused', () => {
  const broken = splits
    .filter((ranges) => ranges.length > 1)
    .chain((ranges) =>
      fc.tuple(
        fc.constant(ranges),
        fc.nat({ max: ranges.length - 1 }),
        fc.constantFrom('drop', 'shorten', 'lengthen'),
      ),
    );
  fc.assert(
    fc.property(broken, ([ranges, index, how]) => {
      const damaged = ranges.flatMap((range, position) => {
        if (position !== index) return [range];
        if (how === 'drop') return [];
        return [{ ...range, max: range.max + (how === 'shorten' ? -1 : 1) }];
      });
      expect(() => new ShardMap(damaged)).toThrow(expect.objectContaining({ code: 'TARGET_TABLE_DIFFERS' }));
    }),
  );
});
