import { describe, expect, test } from 'vitest';
import { NO_KEY } from '../../src/core/copy-rows.js';
import { TextRowSplitter } from '../../src/core/copy-text.js';
import { cutAt, encodeText, encodeTextRow, type Field } from '../support/copy-encoder.js';
import { fingerprint, type SplitRow, splitRows } from '../support/split-rows.js';

const ROWS: Field[][] = [
  [Buffer.from('alpha'), Buffer.from('1'), null],
  [Buffer.from(''), null, Buffer.from('two\nlines\tand \\N')],
  [null, Buffer.from('\\N'), Buffer.from('\\.')],
  [Buffer.from('\\.'), Buffer.from('N'), Buffer.from('')],
  [Buffer.from('ü😀\r'), Buffer.from('4'), Buffer.from('\\')],
];

function expected(rows: Field[][], key: number): SplitRow[] {
  return rows.map((fields) => ({
    row: encodeTextRow(fields).toString('latin1'),
    // The key still escaped: a row of one column without its newline.
    key: fields[key] == null ? null : encodeTextRow([fields[key]!]).toString('latin1').slice(0, -1),
  }));
}

const damaged = (message: string) =>
  expect.objectContaining({ code: 'DUMP_DAMAGED', message: expect.stringContaining(message) });

describe('rows and keys are found', () => {
  test.each([0, 1, 2, NO_KEY])('for key field %d, wherever the stream is cut once', (key) => {
    const stream = encodeText(ROWS);
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(splitRows(new TextRowSplitter(key), cutAt(stream, [cut])), `cut at ${cut}`).toEqual(
        expected(ROWS, key),
      );
    }
  });

  test('when every byte comes alone', () => {
    const stream = encodeText(ROWS);
    const bytes = Array.from(stream.keys());
    expect(splitRows(new TextRowSplitter(1), cutAt(stream, bytes))).toEqual(expected(ROWS, 1));
  });

  test.each([0, 2])('before an end marker, cut anywhere, for key field %d', (key) => {
    const stream = Buffer.concat([encodeText(ROWS), Buffer.from('\\.\n')]);
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(splitRows(new TextRowSplitter(key), cutAt(stream, [cut]))).toEqual(expected(ROWS, key));
    }
  });

  test('when there are more of them than one visit holds', () => {
    const rows = Array.from({ length: 5000 }, (_, index) => [Buffer.from(`${index}`)]);
    const splitter = new TextRowSplitter(0);
    const seen = splitRows(splitter, [encodeText(rows)]);
    expect(seen.filter(({ row, key }, index) => row !== `${index}\n` || key !== `${index}`)).toEqual([]);
    expect(seen.length).toBe(5000);
    expect(splitter.rows).toBe(5000);
  });

  test('when there are none, or none of their columns travels', () => {
    expect(splitRows(new TextRowSplitter(0), [])).toEqual([]);
    expect(splitRows(new TextRowSplitter(), [Buffer.from('\n\n')])).toEqual([
      { row: '\n', key: null },
      { row: '\n', key: null },
    ]);
  });

  test('when a row is much longer than the pieces, and its buffer may be kept', () => {
    const long = [3_000_000, 2_900_000].map((size) => Buffer.from(`tenant\t${'x'.repeat(size)}\n`));
    const stream = Buffer.concat([Buffer.from('a\t1\n'), long[0]!, Buffer.from('b\t2\n'), long[1]!]);
    const cuts = Array.from({ length: Math.floor(stream.length / 65536) }, (_, index) => (index + 1) * 65536);
    expect(splitRows(new TextRowSplitter(0), cutAt(stream, cuts)).map(({ key }) => key)).toEqual([
      'a',
      'tenant',
      'b',
      'tenant',
    ]);
    const splitter = new TextRowSplitter(0);
    const kept: Buffer[] = [];
    for (const piece of cutAt(stream, cuts)) {
      splitter.push(piece, (list) => {
        if (list.owned) kept.push(list.buffer.subarray(list.start, list.ends[0]!));
      });
    }
    expect(kept.map(fingerprint)).toEqual(long.map(fingerprint));
  });
});

describe('a damaged stream is refused', () => {
  test('when it ends inside a row', () => {
    const stream = encodeText(ROWS);
    const splitter = () => new TextRowSplitter(0);
    expect(() => splitRows(splitter(), [stream.subarray(0, -1)])).toThrow(damaged('ends inside a row'));
    expect(() => splitRows(splitter(), [Buffer.from('alph')])).toThrow(damaged('ends inside a row'));
  });

  test('when a row lacks the key field', () => {
    const stream = Buffer.from('a\tb\nc\n');
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(() => splitRows(new TextRowSplitter(1), cutAt(stream, [cut]))).toThrow(damaged('behind row 1 '));
    }
  });

  test('when bytes follow the end marker, in the same piece or the next', () => {
    const stream = Buffer.from('a\n\\.\nb\n');
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(() => splitRows(new TextRowSplitter(0), cutAt(stream, [cut]))).toThrow(
        damaged('follow the end marker'),
      );
    }
  });
});
