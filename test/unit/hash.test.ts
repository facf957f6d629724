import { describe, expect, test } from 'vitest';
import { hashBytes, hashUint32, wireHash } from '../../src/core/hash.js';

// The expected hashes are what PostgreSQL 15 answers.

function wire(hashFunction: string, bytes: Buffer): number {
  const hash = wireHash(hashFunction);
  if (hash === undefined) throw new Error(`${hashFunction} is not supported`);
  // Surrounded by other bytes, as in a stream.
  return hash(Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')]), 6, 6 + bytes.length);
}

const int8 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
const int4 = (value: number): Buffer => int8(BigInt(value)).subarray(4);
const float8 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};
const float4 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return bytes;
};
/** count, weight, sign, display scale, digits */
const numeric = (weight: number, sign: number, digits: number[]): Buffer => {
  const words = [digits.length, weight & 0xffff, sign, 0, ...digits];
  return Buffer.concat(words.map((word) => Buffer.from([word >> 8, word & 0xff])));
};

describe('hash functions equal those of the server', () => {
  test.each([
    ['', -1477818771],
    ['a', 1075015857],
    ['a   ', -1842045252],
    ['ab', 1718550461],
    ['abc', -785388649],
    ['abcd', -393934804],
    ['abcde', -445659580],
    ['abcdef', -1747460160],
    ['abcdefg', 501636814],
    ['abcdefgh', -1960928205],
    ['abcdefghi', -92131489],
    ['abcdefghij', 1948051852],
    ['abcdefghijklmnopqrstuvwx', 1251586959],
    ['abcdefghijklmnopqrstuvwxy', 980150893],
    ['ü', 1832814172],
    ['日本語', 554517316],
    ['😀', 1734229978],
    ['abcdefghijk', -1483803693],
    ['abcdefghijkl', -1586087212],
    ['abcdefghijklm', 405849808],
    ['namespace-4711', 177630515],
  ])('hashtext of %j', (text, expected) => {
    expect(wire('hashtext', Buffer.from(text))).toBe(expected);
  });

  test.each([
    [0, -272711505],
    [1, -1905060026],
    [-1, 385747274],
    [42, 1509752520],
    [2147483647, -96758253],
    [-2147483648, -1524351049],
  ])('every integer width for %d', (value, expected) => {
    expect(wire('hashint4', int4(value))).toBe(expected);
    expect(wire('hashint8', int8(BigInt(value)))).toBe(expected);
    if (Math.abs(value) < 32768) expect(wire('hashint2', int4(value).subarray(2))).toBe(expected);
    expect(hashUint32(value)).toBe(expected);
  });

  test.each([
    [9223372036854775807n, -1524351049],
    [-9223372036854775808n, -96758253],
    [4294967296n, -1905060026],
    [-4294967297n, -1242090879],
  ])('hashint8 beyond 32 bits, %d', (value, expected) => {
    expect(wire('hashint8', int8(value))).toBe(expected);
    expect(wire('timestamp_hash', int8(value))).toBe(expected);
  });

  test.each([
    ['00000000000000000000000000000000', 1353656403],
    ['c0ffee00123456789abcdef012345678', 1947890100],
  ])('uuid_hash of %s', (hex, expected) => {
    expect(wire('uuid_hash', Buffer.from(hex, 'hex'))).toBe(expected);
  });

  test('hashbpchar drops blanks at the end, hashtext does not', () => {
    expect(wire('hashbpchar', Buffer.from('a    '))).toBe(1075015857);
    expect(wire('hashbpchar', Buffer.from('   '))).toBe(-1477818771);
    expect(wire('hashtext', Buffer.from('a    '))).not.toBe(1075015857);
  });

  test('booleans hash as the integers 0 and 1', () => {
    expect(wire('hashchar', Buffer.from([0]))).toBe(-272711505);
    expect(wire('hashchar', Buffer.from([1]))).toBe(-1905060026);
  });

  test('floats of both widths agree, zero has no sign and NaN one form', () => {
    expect(wire('hashfloat8', float8(1))).toBe(376496956);
    expect(wire('hashfloat4', float4(1))).toBe(376496956);
    expect(wire('hashfloat4', float4(0.1))).toBe(-222057114);
    expect(wire('hashfloat8', float8(-1.5e300))).toBe(-127821968);
    expect(wire('hashfloat8', float8(Infinity))).toBe(-2133226302);
    expect(wire('hashfloat8', float8(-0))).toBe(0);
    expect(wire('hashfloat4', float4(-0))).toBe(0);
    for (const nan of ['7ff8000000000000', 'fff8000000000000', '7ff800000000beef']) {
      expect(wire('hashfloat8', Buffer.from(nan, 'hex'))).toBe(-1275764840);
    }
  });

  test('hash_numeric ignores sign, display scale and outer zeros', () => {
    expect(wire('hash_numeric', numeric(0, 0, [1]))).toBe(1324868424);
    expect(wire('hash_numeric', numeric(0, 0x4000, [1]))).toBe(1324868424);
    expect(wire('hash_numeric', numeric(1, 0, [1]))).toBe(1324868425);
    expect(wire('hash_numeric', numeric(-1, 0, [1]))).toBe(-1324868425);
    expect(wire('hash_numeric', numeric(2, 0, [0, 1, 0, 0]))).toBe(1324868425);
    expect(wire('hash_numeric', numeric(2, 0, [1, 2345, 6789, 9876, 5432, 1000]))).toBe(1241263062);
    expect(wire('hash_numeric', numeric(0, 0, []))).toBe(-1);
    expect(wire('hash_numeric', numeric(0, 0, [0]))).toBe(-1);
    for (const special of [0xc000, 0xd000, 0xf000])
      expect(wire('hash_numeric', numeric(0, special, []))).toBe(0);
  });

  test('hash_numeric takes more digits than it has hashed before', () => {
    const hash = wireHash('hash_numeric')!;
    const long = numeric(
      99,
      0,
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    const fresh = hash(long, 0, long.length);
    hash(numeric(0, 0, [1]), 0, 10);
    expect(hash(long, 0, long.length)).toBe(fresh);
    expect(fresh).not.toBe(hash(numeric(0, 0, [1]), 0, 10));
  });
});

describe('what cannot be hashed here', () => {
  test.each([
    'hashenum',
    'record_hash',
    'hash_array',
    'hash_range',
    'jsonb_hash',
    'citext_hash',
    'interval_hash',
    '',
  ])('%s is left to the server', (hashFunction) => {
    expect(wireHash(hashFunction)).toBeUndefined();
  });

  test.each([
    ['hashint2', 4],
    ['hashint4', 8],
    ['hashint8', 4],
    ['uuid_hash', 15],
    ['hashchar', 2],
    ['hashfloat4', 8],
    ['hashfloat8', 4],
    ['timetz_hash', 8],
    ['hash_numeric', 6],
    ['hash_numeric', 9],
  ])('%s refuses a field of %d bytes', (hashFunction, length) => {
    expect(() => wire(hashFunction, Buffer.alloc(length))).toThrow(
      expect.objectContaining({ code: 'DUMP_DAMAGED' }),
    );
  });

  test('a "char" beyond ASCII, whose hash depends on the platform, is refused', () => {
    expect(() => wire('hashchar', Buffer.from([0x80]))).toThrow(
      expect.objectContaining({ code: 'PLAN_BLOCKED' }),
    );
  });
});

test('hashBytes reads nothing outside its extent', () => {
  for (let length = 0; length <= 40; length++) {
    const quiet = Buffer.alloc(60, 0x61);
    const noisy = Buffer.alloc(60, 0x7a).fill(0x61, 10, 10 + length);
    expect(hashBytes(noisy, 10, 10 + length)).toBe(hashBytes(quiet, 10, 10 + length));
  }
});
