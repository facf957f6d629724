import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Segment } from '../../src/dualwrite/names.js';
import { ATTEMPTS, backoff, nextPause } from '../../src/dualwrite/pace.js';
import { rotate, type SegmentSize } from '../../src/dualwrite/rotation.js';

const segment = fc.constantFrom<Segment>(1, 2);
const sizes = fc.array(
  fc.record({ id: fc.integer({ min: 1, max: 5 }), segment, bytes: fc.integer({ min: 0, max: 1000 }) }),
  { maxLength: 10 },
);
const bytesOf = (all: readonly SegmentSize[], one: Segment): number =>
  all.reduce((sum, size) => (size.segment === one ? sum + size.bytes : sum), 0);

describe('segment rotation', () => {
  test('never empties the segment that is written to, nor an empty one', () => {
    fc.assert(
      fc.property(segment, sizes, fc.integer({ min: 0, max: 2000 }), (current, all, threshold) => {
        const { write, empty } = rotate(current, all, threshold);
        for (const each of empty) {
          expect(each.segment).not.toBe(write);
          const same = all.filter(({ id, segment: one }) => id === each.id && one === each.segment);
          expect(same.some(({ bytes }) => bytes > 0)).toBe(true);
        }
      }),
    );
  });

  test('turns only away from a segment that has grown, towards a smaller one', () => {
    fc.assert(
      fc.property(segment, sizes, fc.integer({ min: 0, max: 2000 }), (current, all, threshold) => {
        const { write } = rotate(current, all, threshold);
        const other: Segment = current === 1 ? 2 : 1;
        const turns = bytesOf(all, current) > threshold && bytesOf(all, other) < bytesOf(all, current);
        expect(write).toBe(turns ? other : current);
      }),
    );
  });

  test('keeps a log small whose one segment is held by a long transaction', () => {
    // Every pass adds a little to the written segment; segment 1 can never be emptied.
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 50, max: 500 }), (step, threshold) => {
        const bytes = { 1: threshold + 1, 2: 0 };
        let current: Segment = 1;
        for (let pass = 0; pass < 2000; pass += 1) {
          bytes[current] += step;
          const all = ([1, 2] as const).map((each) => ({ id: 1, segment: each, bytes: bytes[each] }));
          const { write, empty } = rotate(current, all, threshold);
          for (const each of empty) if (each.segment === 2) bytes[2] = 0;
          current = write;
        }
        // 2,000 passes wrote 2,000 steps; without turning back and forth all of them would still lie there.
        expect(bytes[1] + bytes[2]).toBeLessThan(2 * threshold + 200 * step);
        expect(bytes[2]).toBeLessThanOrEqual(bytes[1] + step);
      }),
    );
  });
});

describe('pace', () => {
  test('a pause is between 50 ms and a second, and never shorter than the pass that found changes', () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(1000), fc.nat(10_000), (previous, changes, ms) => {
        const pause = nextPause(previous, { changes, ms });
        expect(pause).toBeGreaterThanOrEqual(50);
        expect(pause).toBeLessThanOrEqual(1000);
        if (changes > 0 && ms <= 1000) expect(pause).toBeGreaterThanOrEqual(ms);
      }),
    );
  });

  test('an idle side is looked at ever more rarely, and at once more often when changes come', () => {
    let pause = 0;
    for (let pass = 0; pass < 10; pass += 1) {
      const next = nextPause(pause, { changes: 0, ms: 5 });
      expect(next).toBeGreaterThanOrEqual(pause);
      pause = next;
    }
    expect(pause).toBe(1000);
    expect(nextPause(pause, { changes: 1, ms: 5 })).toBe(50);
  });

  test('the pauses between failing attempts grow up to 15 s', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: ATTEMPTS }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, random) => {
          const pause = backoff(attempt, random);
          expect(pause).toBeGreaterThanOrEqual(125);
          expect(pause).toBeLessThanOrEqual(15_000);
        },
      ),
    );
    expect(backoff(3, 0)).toBeGreaterThan(backoff(1, 0));
  });
});
