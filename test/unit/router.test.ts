import { describe, expect, test } from 'vitest';
import { hashUint32 } from '../../src/core/hash.js';
import { keyHash, type RouterOptions, RowRouter } from '../../src/core/router.js';
import { ShardMap } from '../../src/core/shard-map.js';
import {
  encodeBinary,
  encodeBinaryRow,
  encodeText,
  encodeTextRow,
  type Field,
  int32,
} from '../support/copy-encoder.js';
import { fingerprint } from '../support/split-rows.js';

const shards = new ShardMap([
  { shardId: 1, min: -(2 ** 31), max: -1_000_000_000 },
  { shardId: 2, min: -999_999_999, max: 5 },
  { shardId: 3, min: 6, max: 2 ** 31 - 1 },
]);
const integerKey = { field: 1, hashFunction: 'hashint4', type: 'integer' };

function route(options: RouterOptions, stream: Buffer, pieceSize = stream.length): Map<number, string> {
  const router = new RowRouter(options);
  for (let at = 0; at < stream.length; at += pieceSize) router.push(stream.subarray(at, at + pieceSize));
  router.end();
  return byShard(router);
}

/** Length and digest of each shard's bytes. */
function byShard(router: RowRouter): Map<number, string> {
  return fingerprints(router.flush().map(({ shardIndex, bytes }) => [shardIndex, bytes]));
}

function fingerprints(parts: readonly (readonly [shard: number, bytes: Buffer])[]): Map<number, string> {
  const found = new Map<number, Buffer[]>();
  for (const [shard, bytes] of parts) found.set(shard, [...(found.get(shard) ?? []), bytes]);
  return new Map([...found].map(([shard, buffers]) => [shard, fingerprint(Buffer.concat(buffers))]));
}

/** Each row encoded, under the shard that a linear search finds. */
function oracle(rows: number[], encode: (value: number) => Buffer): Map<number, string> {
  const parts = rows.map((value) => {
    const hash = hashUint32(value);
    return [shards.ranges.findIndex(({ min, max }) => hash >= min && hash <= max), encode(value)] as const;
  });
  return fingerprints(parts);
}

const values = Array.from({ length: 3000 }, (_, index) => Math.imul(index, 48271));
// Rows of 14 to 313 bytes: shorter and longer than what is copied by words.
const binaryFields = (value: number): Field[] => [Buffer.alloc(Math.abs(value) % 300, 1), int32(value)];
const textFields = (value: number): Field[] => [Buffer.from('-\n'), Buffer.from(`${value}`)];

describe('every row reaches its shard, in order', () => {
  test.each([1, 7, 4096, 10_000_000])('in binary, in pieces of %d bytes', (pieceSize) => {
    const stream = encodeBinary(values.map(binaryFields));
    const routed = route({ format: 'binary', key: integerKey, shards }, stream, pieceSize);
    expect(routed).toEqual(oracle(values, (value) => encodeBinaryRow(binaryFields(value))));
  });

  test.each([1, 4096])('in text, in pieces of %d bytes', (pieceSize) => {
    const stream = encodeText(values.map(textFields));
    const routed = route({ format: 'text', key: integerKey, shards }, stream, pieceSize);
    expect(routed).toEqual(oracle(values, (value) => encodeTextRow(textFields(value))));
  });

  test('without a key, in the single shard', () => {
    const rows = values.map(binaryFields);
    const single = ShardMap.single('public.t');
    const routed = route({ format: 'binary', key: null, shards: single }, encodeBinary(rows), 1000);
    expect(routed).toEqual(new Map([[0, fingerprint(Buffer.concat(rows.map(encodeBinaryRow)))]]));
  });

  test('rows that are longer than a buffer or than a piece included', () => {
    const sizes = [10, 300_000, 20, 2_500_000, 30, 2_500_000, 40];
    const fields = (size: number): Field[] => [Buffer.alloc(size, size % 251), int32(7)];
    const stream = encodeBinary(sizes.map(fields));
    const whole = fingerprint(Buffer.concat(sizes.map((size) => encodeBinaryRow(fields(size)))));
    const owner = shards.route(hashUint32(7));
    expect(route({ format: 'binary', key: integerKey, shards }, stream, 65536)).toEqual(
      new Map([[owner, whole]]),
    );
    const single = ShardMap.single('public.t');
    expect(route({ format: 'binary', key: null, shards: single }, stream, 65536)).toEqual(
      new Map([[0, whole]]),
    );
  });
});

describe('the buffer', () => {
  test('is measured, and empty after a flush that hands over every row once', () => {
    const rows = values.map(binaryFields);
    const router = new RowRouter({ format: 'binary', key: integerKey, shards });
    const stream = encodeBinary(rows);
    let handed = 0;
    let bytes = 0;
    for (let at = 0; at < stream.length; at += 5000) {
      router.push(stream.subarray(at, at + 5000));
      if (router.bufferedBytes < 20_000) continue;
      const measured = router.bufferedBytes;
      const parts = router.flush();
      const order = parts.map(({ shardIndex }) => shardIndex);
      expect(order).toEqual([...order].sort());
      expect(parts.reduce((sum, part) => sum + part.bytes.length, 0)).toBe(measured);
      expect(router.bufferedBytes).toBe(0);
      expect(router.flush()).toEqual([]);
      for (const part of parts) handed += part.rows;
      bytes += measured;
    }
    router.end();
    for (const part of router.flush()) {
      handed += part.rows;
      bytes += part.bytes.length;
    }
    expect(handed).toBe(values.length);
    expect(router.rows).toBe(values.length);
    expect(bytes).toBe(stream.length - 19 - 2);
  });

  test('of the fullest shards leaves the others what they have, in order', () => {
    const stream = encodeBinary(values.map(binaryFields));
    const router = new RowRouter({ format: 'binary', key: integerKey, shards });
    const parts: (readonly [number, Buffer])[] = [];
    let kept = 0;
    for (let at = 0; at < stream.length; at += 5000) {
      router.push(stream.subarray(at, at + 5000));
      if (router.bufferedBytes < 20_000) continue;
      const before = router.bufferedBytes;
      const fullest = router.flushFullest();
      const bytes = fullest.reduce((sum, part) => sum + part.bytes.length, 0);
      // No shard has less than the average, so there is at least a third; and nothing is counted twice.
      expect(bytes).toBeGreaterThanOrEqual(before / 3);
      expect(router.bufferedBytes).toBe(before - bytes);
      if (router.bufferedBytes > 0) kept += 1;
      parts.push(...fullest.map(({ shardIndex, bytes }) => [shardIndex, bytes] as const));
    }
    router.end();
    expect(kept).toBeGreaterThan(0);
    parts.push(...router.flush().map(({ shardIndex, bytes }) => [shardIndex, bytes] as const));
    expect(router.flushFullest()).toEqual([]);
    expect(fingerprints(parts)).toEqual(oracle(values, (value) => encodeBinaryRow(binaryFields(value))));
  });

  test('does not change what was handed over', () => {
    const router = new RowRouter({ format: 'text', key: integerKey, shards });
    router.push(Buffer.from('a\t1\n'));
    const [first] = router.flush();
    router.push(Buffer.from('b\t1\n'));
    expect(first!.bytes.toString()).toBe('a\t1\n');
    expect(router.flush()[0]!.bytes.toString()).toBe('b\t1\n');
  });
});

describe('what cannot be routed', () => {
  test.each(['binary', 'text'] as const)('a NULL key is an error that names the row, in %s', (format) => {
    const rows: Field[][] = [
      [null, Buffer.from('0001')],
      [null, Buffer.from('0002')],
      [null, null],
    ];
    const router = new RowRouter({ format, key: integerKey, shards });
    const stream = format === 'binary' ? encodeBinary(rows) : encodeText(rows);
    expect(() => router.push(stream)).toThrow(
      expect.objectContaining({ code: 'DISTRIBUTION_NULL', context: { row: 3 } }),
    );
  });

  test('a hash that only the server knows is refused at once', () => {
    const key = { field: 0, hashFunction: 'hashenum', type: 'mood' };
    expect(keyHash('binary', key)).toBeUndefined();
    expect(() => new RowRouter({ format: 'binary', key, shards })).toThrow(
      expect.objectContaining({ code: 'INTERNAL' }),
    );
  });

  test('no key but several shards is refused at once', () => {
    expect(() => new RowRouter({ format: 'binary', key: null, shards })).toThrow(
      expect.objectContaining({ code: 'INTERNAL' }),
    );
  });

  test('a stream that stops early is refused at its end', () => {
    const router = new RowRouter({ format: 'binary', key: integerKey, shards });
    router.push(encodeBinary(values.map(binaryFields)).subarray(0, -1));
    expect(() => router.end()).toThrow(expect.objectContaining({ code: 'DUMP_DAMAGED' }));
  });
});
