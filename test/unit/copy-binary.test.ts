import { describe, expect, test } from 'vitest';
import { BINARY_HEADER, BINARY_TRAILER, BinaryRowSplitter } from '../../src/core/copy-binary.js';
import { NO_KEY } from '../../src/core/copy-rows.js';
import { cutAt, encodeBinary, encodeBinaryRow, type Field, int16, int32 } from '../support/copy-encoder.js';
import { fingerprint, type SplitRow, splitRows } from '../support/split-rows.js';

const ROWS: Field[][] = [
  [Buffer.from('alpha'), int32(1), null],
  [Buffer.from(''), null, Buffer.from('x'.repeat(40))],
  [null, int32(-1), Buffer.from('\n\t\\.\0')],
  [Buffer.from('ü😀'), int32(3), Buffer.alloc(0)],
];

function expected(rows: Field[][], key: number): SplitRow[] {
  return rows.map((fields) => ({
    row: encodeBinaryRow(fields).toString('latin1'),
    key: fields[key]?.toString('latin1') ?? null,
  }));
}

const damaged = (message: string) =>
  expect.objectContaining({ code: 'DUMP_DAMAGED', message: expect.stringContaining(message) });

describe('rows and keys are found', () => {
  test.each([0, 1, 2, NO_KEY])('for key field %d, wherever the stream is cut once', (key) => {
    const stream = encodeBinary(ROWS);
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(splitRows(new BinaryRowSplitter(key), cutAt(stream, [cut])), `cut at ${cut}`).toEqual(
        expected(ROWS, key),
      );
    }
  });

  test('wherever the stream is cut twice', () => {
    const rows = ROWS.slice(0, 2);
    const stream = encodeBinary(rows);
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second++) {
        expect(splitRows(new BinaryRowSplitter(0), cutAt(stream, [first, second]))).toEqual(
          expected(rows, 0),
        );
      }
    }
  });

  test('when every byte comes alone', () => {
    const stream = encodeBinary(ROWS);
    const bytes = Array.from(stream.keys());
    expect(splitRows(new BinaryRowSplitter(0), cutAt(stream, bytes))).toEqual(expected(ROWS, 0));
  });

  test('behind a header with an extension, cut anywhere', () => {
    const stream = encodeBinary(ROWS, Buffer.from('future'));
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(splitRows(new BinaryRowSplitter(0), cutAt(stream, [cut]))).toEqual(expected(ROWS, 0));
    }
  });

  test('when there are more of them than one visit holds', () => {
    const rows = Array.from({ length: 5000 }, (_, index) => [int32(index)]);
    const seen = splitRows(new BinaryRowSplitter(0), [encodeBinary(rows)]);
    expect(seen.length).toBe(5000);
    expect(seen.filter(({ row }, index) => row !== encodeBinaryRow(rows[index]!).toString('latin1'))).toEqual(
      [],
    );
  });

  test('when there are none, or none of their columns travels', () => {
    expect(splitRows(new BinaryRowSplitter(), [encodeBinary([])])).toEqual([]);
    const stream = encodeBinary([[], [], []]);
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(splitRows(new BinaryRowSplitter(), cutAt(stream, [cut]))).toEqual(
        expected([[], [], []], NO_KEY),
      );
    }
  });

  test('and counted', () => {
    const splitter = new BinaryRowSplitter(0);
    splitRows(splitter, cutAt(encodeBinary(ROWS), [40]));
    expect(splitter.rows).toBe(ROWS.length);
  });
});

describe('a row much longer than the pieces', () => {
  const long = [3_000_000, 2_900_000].map((size): Field[] => [
    Buffer.from(`tenant ${size}`),
    Buffer.alloc(size, size % 251),
    Buffer.from('behind'),
  ]);
  const rows: Field[][] = [
    [Buffer.from('a'), null, null],
    long[0]!,
    [Buffer.from('b'), null, null],
    long[1]!,
  ];
  const stream = encodeBinary(rows);
  const pieces = cutAt(
    stream,
    Array.from({ length: Math.floor(stream.length / 65536) }, (_, index) => (index + 1) * 65536),
  );

  test('is found, and the rows around it', () => {
    const short = ({ row, key }: SplitRow) => ({ row: fingerprint(row), key });
    expect(splitRows(new BinaryRowSplitter(0), pieces).map(short)).toEqual(expected(rows, 0).map(short));
  });

  test('comes in a buffer that its visitor may keep', () => {
    const splitter = new BinaryRowSplitter(0);
    const kept: Buffer[] = [];
    for (const piece of pieces) {
      splitter.push(piece, (list) => {
        if (list.owned) kept.push(list.buffer.subarray(list.start, list.ends[0]!));
      });
    }
    splitter.end();
    expect(kept.map(fingerprint)).toEqual(long.map((row) => fingerprint(encodeBinaryRow(row))));
  });
});

describe('a damaged stream is refused', () => {
  const split = (stream: Buffer, key = 0) =>
    splitRows(new BinaryRowSplitter(key), cutAt(stream, [19, 22, 30]));

  test('when it ends anywhere before its trailer is complete', () => {
    const stream = encodeBinary(ROWS);
    for (let length = 0; length < stream.length; length++) {
      expect(() => split(stream.subarray(0, length))).toThrow(damaged('ends before its trailer'));
    }
  });

  test('when a byte of the signature differs', () => {
    for (let index = 0; index < 11; index++) {
      const stream = encodeBinary(ROWS);
      stream[index]! ^= 1;
      expect(() => split(stream)).toThrow(damaged('signature'));
    }
  });

  test('when the header has a critical flag, as with OIDs, but not for an uncritical one', () => {
    const stream = encodeBinary(ROWS);
    stream[12] = 1;
    expect(() => split(stream)).toThrow(damaged('flag'));
    stream[12] = 0;
    stream[14] = 1;
    expect(split(stream)).toEqual(expected(ROWS, 0));
  });

  test('when the extension of the header has a negative length', () => {
    expect(() => split(Buffer.concat([BINARY_HEADER.subarray(0, 15), int32(-1)]))).toThrow(
      damaged('negative length'),
    );
  });

  test.each([
    ['a negative field count', int16(-2)],
    ['another field count than the rows before', encodeBinaryRow([Buffer.from('a')])],
    ['a field length below -1', Buffer.concat([int16(3), int32(-2)])],
    ['a later field length below -1', Buffer.concat([int16(3), int32(0), int32(-2147483648)])],
  ])('when a row has %s, cut anywhere', (_, row) => {
    const stream = Buffer.concat([BINARY_HEADER, ...ROWS.map(encodeBinaryRow), row, BINARY_TRAILER]);
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(() => splitRows(new BinaryRowSplitter(0), cutAt(stream, [cut]))).toThrow(
        damaged('behind row 4 '),
      );
    }
  });

  test('when a row claims a size that no server can send', () => {
    const row = Buffer.concat([int16(3), int32(0x7fffffff), Buffer.from('abc')]);
    expect(() => split(Buffer.concat([BINARY_HEADER, row]))).toThrow(
      damaged('longer than PostgreSQL can send'),
    );
  });

  test('when rows lack the key field', () => {
    expect(() => split(encodeBinary(ROWS), 3)).toThrow(damaged('field count'));
  });

  test('when bytes follow the trailer, in the same piece or the next', () => {
    const stream = encodeBinary(ROWS);
    const longer = Buffer.concat([stream, Buffer.from('x')]);
    expect(() => split(longer)).toThrow(damaged('follow the trailer'));
    expect(() => splitRows(new BinaryRowSplitter(0), cutAt(longer, [stream.length]))).toThrow(
      damaged('follow the trailer'),
    );
  });
});

test('header and trailer are those of an empty stream', () => {
  expect(Buffer.concat([BINARY_HEADER, BINARY_TRAILER])).toEqual(encodeBinary([]));
});
