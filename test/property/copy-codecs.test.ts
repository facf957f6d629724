import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BinaryRowSplitter } from '../../src/core/copy-binary.js';
import { TextRowSplitter } from '../../src/core/copy-text.js';
import { hashBytes, wireHash } from '../../src/core/hash.js';
import { RowRouter } from '../../src/core/router.js';
import { ShardMap } from '../../src/core/shard-map.js';
import { textHash, unescapeText } from '../../src/core/text-hash.js';
import {
  cutAt,
  encodeBinary,
  encodeBinaryRow,
  encodeText,
  encodeTextRow,
  type Field,
} from '../support/copy-encoder.js';
import { splitRows } from '../support/split-rows.js';

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
// Text COPY is cut into rows by few bytes: make those frequent.
const awkward = fc
  .array(fc.constantFrom(0x5c, 0x4e, 0x2e, 0x0a, 0x09, 0x0d, 0x41), { maxLength: 12 })
  .map((array) => Buffer.from(array));
const field: fc.Arbitrary<Field> = fc.oneof(bytes, awkward, fc.constant(null));

const table = fc.integer({ min: 1, max: 5 }).chain((columns) =>
  fc.record({
    key: fc.integer({ min: 0, max: columns - 1 }),
    rows: fc.array(fc.array(field, { minLength: columns, maxLength: columns }), { maxLength: 30 }),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
  }),
);

const pieces = (stream: Buffer, cuts: readonly number[]): Buffer[] =>
  cutAt(
    stream,
    cuts.map((part) => Math.floor(part * stream.length)),
  );

describe('a splitter finds exactly the rows that were encoded, however the stream is cut', () => {
  test('binary', () => {
    fc.assert(
      fc.property(table, ({ key, rows, cuts }) => {
        const seen = splitRows(new BinaryRowSplitter(key), pieces(encodeBinary(rows), cuts));
        expect(seen).toEqual(
          rows.map((fields) => ({
            row: encodeBinaryRow(fields).toString('latin1'),
            key: fields[key]?.toString('latin1') ?? null,
          })),
        );
      }),
      { numRuns: 500 },
    );
  });

  test('text', () => {
    fc.assert(
      fc.property(table, ({ key, rows, cuts }) => {
        const seen = splitRows(new TextRowSplitter(key), pieces(encodeText(rows), cuts));
        expect(seen.map(({ row }) => row)).toEqual(
          rows.map((fields) => encodeTextRow(fields).toString('latin1')),
        );
        const values = seen.map(({ key: escaped }) => {
          if (escaped === null) return null;
          const source = Buffer.from(escaped, 'latin1');
          const out = Buffer.alloc(source.length);
          return out.subarray(0, unescapeText(source, 0, source.length, out));
        });
        expect(values).toEqual(rows.map((fields) => fields[key]));
      }),
      { numRuns: 500 },
    );
  });
});

test('bytes that are no COPY stream are refused or understood, but never crash the splitter', () => {
  const head = encodeBinary([]).subarray(0, 19);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
      (noise, cuts) => {
        const stream = Buffer.concat([head, noise]);
        const run = (parts: Buffer[]): unknown => {
          try {
            return splitRows(new BinaryRowSplitter(0), parts);
          } catch (error) {
            return (error as { code?: unknown }).code;
          }
        };
        const whole = run([stream]);
        expect(Array.isArray(whole) || whole === 'DUMP_DAMAGED').toBe(true);
        expect(run(pieces(stream, cuts))).toEqual(whole);
      },
    ),
    { numRuns: 1000 },
  );
});

describe('hashing', () => {
  test('a field has the same hash escaped in text as plain in binary', () => {
    const hash = textHash('hashtext', 'text')!;
    fc.assert(
      fc.property(fc.oneof(bytes, awkward), (value) => {
        const escaped = encodeTextRow([value]);
        expect(hash(escaped, 0, escaped.length - 1)).toBe(hashBytes(value, 0, value.length));
      }),
    );
  });

  test('an integer has the same hash in text as in binary', () => {
    const fromWire = wireHash('hashint8')!;
    const fromText = textHash('hashint8', 'bigint')!;
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.integer({ min: 0, max: 63 }),
        (value, shift) => {
          const shifted = value >> BigInt(shift);
          const wire = Buffer.alloc(8);
          wire.writeBigInt64BE(shifted);
          const text = Buffer.from(`${shifted}`);
          expect(fromText(text, 0, text.length)).toBe(fromWire(wire, 0, 8));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

test('routing keeps every row, once, in order, in the shard of its hash, whatever the cuts and flushes', () => {
  const distributed = table.map(({ key, rows, cuts }) => ({
    key,
    cuts,
    rows: rows.filter((fields) => fields[key] !== null),
  }));
  const shards = new ShardMap(
    [-(2 ** 31), -12345, 0, 1, 900_000_000].map((min, index, mins) => ({
      shardId: index,
      min,
      max: (mins[index + 1] ?? 2 ** 31) - 1,
    })),
  );
  fc.assert(
    fc.property(
      distributed,
      fc.constantFrom('binary' as const, 'text' as const),
      ({ key, rows, cuts }, format) => {
        const router = new RowRouter({
          format,
          key: { field: key, hashFunction: 'hashtext', type: 'text' },
          shards,
        });
        const routed = shards.ranges.map(() => Buffer.alloc(0));
        let count = 0;
        const take = () => {
          for (const part of router.flush()) {
            routed[part.shardIndex] = Buffer.concat([routed[part.shardIndex]!, part.bytes]);
            count += part.rows;
          }
        };
        for (const piece of pieces(format === 'binary' ? encodeBinary(rows) : encodeText(rows), cuts)) {
          router.push(piece);
          if (router.bufferedBytes > 200) take();
        }
        router.end();
        take();
        const expected = shards.ranges.map(({ min, max }) =>
          Buffer.concat(
            rows
              .filter((fields) => {
                const hash = hashBytes(fields[key]!, 0, fields[key]!.length);
                return hash >= min && hash <= max;
              })
              .map(format === 'binary' ? encodeBinaryRow : encodeTextRow),
          ),
        );
        expect(routed).toEqual(expected);
        expect(count).toBe(rows.length);
      },
    ),
    { numRuns: 500 },
  );
});
