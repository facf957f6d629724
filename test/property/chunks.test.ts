import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutExtent, type PageRange, remaining, shareOf, tidRange } from '../../src/export/chunks.js';

const extent = fc.record({
  pages: fc.integer({ min: 1, max: 5000 }),
  bytes: fc.integer({ min: 8192, max: 1e9 }),
});

/** Disjoint ranges made from cut points, each kept or not. */
const doneRanges = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 0, max: 5000 }), { maxLength: 12 }),
    fc.array(fc.boolean(), { minLength: 13, maxLength: 13 }),
    fc.boolean(),
  )
  .map(([points, keep, open]) => {
    const sorted = points.sort((a, b) => a - b);
    return sorted.flatMap((from, index): PageRange[] => {
      const to = sorted[index + 1] ?? null;
      if (to === null && !open) return [];
      return keep[index] ? [{ from, to }] : [];
    });
  });

const covers = (range: PageRange, page: number): boolean =>
  page >= range.from && (range.to === null || page < range.to);

describe('chunks of a table', () => {
  test('hold every page exactly once together with what is done already', () => {
    fc.assert(
      fc.property(extent, fc.integer({ min: 1, max: 1e9 }), doneRanges, (size, chunkBytes, done) => {
        const ranges = [...cutExtent(size, chunkBytes, done), ...done];
        for (const page of [0, 1, size.pages - 1, size.pages, 2500, 4999, 5000, 100_000, 4_294_967_294]) {
          expect(ranges.filter((range) => covers(range, page))).toHaveLength(1);
        }
      }),
    );
  });

  test('stay within half and one and a half times the wished size where a page is smaller than that', () => {
    fc.assert(
      fc.property(extent, fc.integer({ min: 2, max: 50 }), (size, wished) => {
        const perPage = size.bytes / size.pages;
        const ranges = cutExtent(size, wished * perPage);
        for (const range of ranges.slice(0, -1))
          expect(range.to! - range.from).toBeLessThanOrEqual(wished + 1);
        const last = size.pages - ranges.at(-1)!.from;
        expect(last).toBeLessThanOrEqual(1.5 * wished + 1);
      }),
    );
  });

  test('are none when everything is done', () => {
    expect(
      remaining([
        { from: 0, to: 10 },
        { from: 10, to: null },
      ]),
    ).toEqual([]);
    expect(remaining([{ from: 0, to: 10 }])).toEqual([{ from: 10, to: null }]);
  });

  test('name their places as PostgreSQL does', () => {
    expect(tidRange({ from: 3, to: 7 })).toEqual({ first: '(3,0)', last: '(7,0)' });
    expect(tidRange({ from: 7, to: null })).toEqual({ first: '(7,0)', last: '(4294967295,0)' });
  });
});

describe('the size of chunks', () => {
  const MB = 1024 * 1024;

  test('leaves no job without a chunk, and is the wish where there are enough', () => {
    expect(shareOf(64 * MB, 72 * MB, 2)).toBe(36 * MB);
    expect(shareOf(64 * MB, 128 * MB, 2)).toBe(64 * MB);
    expect(shareOf(64 * MB, 10_000 * MB, 8)).toBe(64 * MB);
    expect(shareOf(64 * MB, 72 * MB, 1)).toBe(64 * MB);
  });

  test('is not cut down to where a chunk costs more than it brings, and never above the wish', () => {
    expect(shareOf(64 * MB, 20 * MB, 8)).toBe(16 * MB);
    expect(shareOf(64 * MB, 0, 8)).toBe(16 * MB);
    expect(shareOf(64 * 1024, 20 * MB, 8)).toBe(64 * 1024);
  });
});
