import { describe, expect, test } from 'vitest';
import {
  digestsEqual,
  EMPTY_DIGEST,
  formatDigest,
  mergeDigests,
  parseDigest,
} from '../../src/core/digest.js';

describe('parseDigest', () => {
  test('reads the aggregates exactly, negative ones and sums beyond 64 bits too', () => {
    expect(parseDigest({ rows: '3', sum: '-27670116110564327424', xor: '-9223372036854775808' })).toEqual({
      rows: 3n,
      sum: -27670116110564327424n,
      xor: -9223372036854775808n,
    });
  });

  test.each([
    { rows: '0', sum: null, xor: null },
    { rows: '0', sum: '0', xor: '0' },
  ])('takes no rows as the empty digest: %j', (columns) => {
    expect(parseDigest(columns)).toEqual(EMPTY_DIGEST);
  });

  test.each([
    { rows: '1', sum: null, xor: null },
    { rows: '1', sum: '5', xor: null },
    { rows: '0', sum: '5', xor: '0' },
    { rows: '-1', sum: '5', xor: '5' },
    { rows: '', sum: '5', xor: '5' },
    { rows: '1', sum: '5.5', xor: '5' },
    { rows: '1', sum: 'NaN', xor: '5' },
    { rows: '1', sum: '0x5', xor: '5' },
    { rows: '1', sum: '5', xor: '9223372036854775808' },
  ])('refuses what the aggregates cannot return: %j', (columns) => {
    expect(() => parseDigest(columns)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});

test('formatDigest has a fixed form', () => {
  expect(formatDigest(EMPTY_DIGEST)).toBe('0-00000000000000000000000000000000-0000000000000000');
  expect(formatDigest({ rows: 2n, sum: -1n, xor: -2n })).toBe(
    '2-ffffffffffffffffffffffffffffffff-fffffffffffffffe',
  );
});

describe('what xor alone, sum alone or the count alone would miss', () => {
  const row = (hash: bigint) => ({ rows: 1n, sum: hash, xor: hash });
  const all = (...hashes: bigint[]) => hashes.map(row).reduce(mergeDigests, EMPTY_DIGEST);

  test('a pair of equal rows replaced by another pair', () => {
    expect(all(5n, 5n).xor).toBe(all(9n, 9n).xor);
    expect(digestsEqual(all(5n, 5n), all(9n, 9n))).toBe(false);
  });

  test('two changes whose sums cancel out', () => {
    expect(all(5n, 9n).sum).toBe(all(6n, 8n).sum);
    expect(digestsEqual(all(5n, 9n), all(6n, 8n))).toBe(false);
  });

  test('an extra row whose hash is zero', () => {
    expect(digestsEqual(all(5n), all(5n, 0n))).toBe(false);
  });

  test('but the order of rows does not count', () => {
    expect(digestsEqual(all(5n, 9n, -3n), all(-3n, 5n, 9n))).toBe(true);
  });
});
