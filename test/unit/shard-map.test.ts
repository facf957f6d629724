import { describe, expect, test } from 'vitest';
import { ShardMap, type ShardRange } from '../../src/core/shard-map.js';

const LOWEST = -2147483648;
const HIGHEST = 2147483647;
const range = (shardId: number, min: number, max: number): ShardRange => ({ shardId, min, max });

/** As Citus makes them: steps of floor(2^32 / count), the last shard takes the rest. */
function citusRanges(count: number): ShardRange[] {
  const step = Math.floor(2 ** 32 / count);
  return Array.from({ length: count }, (_, index) =>
    range(
      102008 + index,
      LOWEST + index * step,
      index === count - 1 ? HIGHEST : LOWEST + (index + 1) * step - 1,
    ),
  );
}

describe('route', () => {
  test.each([1, 2, 3, 5, 7, 12, 32, 48, 100, 64000])(
    'finds the owner at both edges of each of %d even shards',
    (count) => {
      const ranges = citusRanges(count);
      const map = new ShardMap(ranges);
      const wrong = ranges.filter(
        (own, index) => map.route(own.min) !== index || map.route(own.max) !== index,
      );
      expect(wrong).toEqual([]);
    },
  );

  test('finds the owner at both edges after a tenant was isolated', () => {
    const [first, ...others] = citusRanges(4);
    const ranges = [
      range(1, LOWEST, 76),
      range(2, 77, 77),
      range(3, 78, 99),
      { ...first!, min: 100, max: 2000 },
    ];
    const map = new ShardMap([...ranges, range(5, 2001, HIGHEST)]);
    expect(others).toHaveLength(3);
    for (const [index, own] of map.ranges.entries()) {
      expect([map.route(own.min), map.route(own.max)]).toEqual([index, index]);
    }
  });

  test('a single shard takes every hash', () => {
    const map = ShardMap.single('public.t');
    expect([LOWEST, -1, 0, HIGHEST].map((hash) => map.route(hash))).toEqual([0, 0, 0, 0]);
    expect(map.ranges[0]!.shardId).toBe('public.t');
  });

  test('indexes count in the order of the hashes, whatever the order of the input', () => {
    const map = new ShardMap(citusRanges(8).reverse());
    expect(map.ranges).toEqual(citusRanges(8));
    expect(map.ranges[map.route(0)]!.shardId).toBe(102008 + 4);
  });
});

describe('a map that does not own every hash exactly once is refused', () => {
  test.each([
    ['no shard', [], 'No shard owns the hashes -2147483648 to 2147483647.'],
    [
      'a gap at the start',
      [range(1, LOWEST + 1, HIGHEST)],
      'No shard owns the hashes -2147483648 to -2147483648.',
    ],
    ['a gap inside', [range(1, LOWEST, -2), range(2, 0, HIGHEST)], 'No shard owns the hashes -1 to -1.'],
    ['a gap at the end', [range(1, LOWEST, 5)], 'No shard owns the hashes 6 to 2147483647.'],
    ['an overlap', [range(1, LOWEST, 5), range(2, 5, HIGHEST)], 'Shard 2 overlaps another shard at hash 5.'],
    ['the same shard twice', [range(1, LOWEST, HIGHEST), range(1, LOWEST, HIGHEST)], 'overlaps'],
    ['a reversed range', [range(1, LOWEST, -1), range(2, 0, -1)], 'impossible hash range'],
    ['a range beyond 32 bits', [range(1, LOWEST, HIGHEST + 1)], 'impossible hash range'],
    ['a bound that is no number', [range(1, LOWEST, Number.NaN)], 'impossible hash range'],
  ])('%s', (_, ranges, message) => {
    expect(() => new ShardMap(ranges)).toThrow(
      expect.objectContaining({ code: 'TARGET_TABLE_DIFFERS', message: expect.stringContaining(message) }),
    );
  });
});
