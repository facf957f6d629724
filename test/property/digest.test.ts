import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Digest,
  digestsEqual,
  EMPTY_DIGEST,
  formatDigest,
  mergeDigests,
  parseDigest,
} from '../../src/core/digest.js';

const rowHash = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const hashes = fc.array(rowHash, { maxLength: 20 });

/** As the server computes it over a set of rows. */
function digestOf(rows: readonly bigint[]): Digest {
  if (rows.length === 0) return parseDigest({ rows: '0', sum: null, xor: null });
  return parseDigest({
    rows: `${rows.length}`,
    sum: `${rows.reduce((sum, row) => sum + row, 0n)}`,
    xor: `${rows.reduce((xor, row) => xor ^ row, 0n)}`,
  });
}

test('merging is associative and commutative, and the empty digest changes nothing', () => {
  fc.assert(
    fc.property(hashes, hashes, hashes, (a, b, c) => {
      const [x, y, z] = [digestOf(a), digestOf(b), digestOf(c)];
      expect(mergeDigests(mergeDigests(x, y), z)).toEqual(mergeDigests(x, mergeDigests(y, z)));
      expect(mergeDigests(x, y)).toEqual(mergeDigests(y, x));
      expect(mergeDigests(x, EMPTY_DIGEST)).toEqual(x);
    }),
  );
});

test('the merged digests of parts are the digest of the whole, wherever it is parted and in any order', () => {
  fc.assert(
    fc.property(
      hashes.chain((rows) =>
        fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
      ),
      fc.nat({ max: 20 }),
      ([rows, shuffled], cut) => {
        const merged = mergeDigests(digestOf(shuffled.slice(0, cut)), digestOf(shuffled.slice(cut)));
        expect(digestsEqual(merged, digestOf(rows))).toBe(true);
      },
    ),
  );
});

test('one row missing, doubled or changed is seen', () => {
  fc.assert(
    fc.property(fc.array(rowHash, { minLength: 1, maxLength: 20 }), rowHash, (rows, other) => {
      fc.pre(other !== rows[0]);
      const whole = digestOf(rows);
      expect(digestsEqual(whole, digestOf(rows.slice(1)))).toBe(false);
      expect(digestsEqual(whole, digestOf([rows[0]!, ...rows]))).toBe(false);
      expect(digestsEqual(whole, digestOf([other, ...rows.slice(1)]))).toBe(false);
    }),
  );
});

test('a pair that cancels out in the xor is seen through the sum', () => {
  fc.assert(
    fc.property(hashes, rowHash, rowHash, (rows, one, other) => {
      fc.pre(one !== other);
      const [left, right] = [digestOf([...rows, one, one]), digestOf([...rows, other, other])];
      expect(left.xor).toBe(right.xor);
      expect(digestsEqual(left, right)).toBe(false);
    }),
  );
});

test('texts are equal exactly when the digests are', () => {
  fc.assert(
    fc.property(hashes, hashes, (a, b) => {
      const [left, right] = [digestOf(a), digestOf(b)];
      expect(formatDigest(left) === formatDigest(right)).toBe(digestsEqual(left, right));
      expect(formatDigest(left)).toMatch(/^\d+-[0-9a-f]{32}-[0-9a-f]{16}$/);
    }),
  );
});
