import { describe, expect, test } from 'vitest';
import { textHash, unescapeText } from '../../src/core/text-hash.js';

// The expected hashes are what PostgreSQL 15 answers.

function hash(hashFunction: string, type: string, field: string): number {
  const bytes = Buffer.from(`before\t${field}\tbehind`);
  return textHash(hashFunction, type)!(bytes, 7, bytes.length - 7);
}

describe('textHash', () => {
  test('hashes the value, not its escaped form', () => {
    expect(hash('hashtext', 'text', 'a')).toBe(1075015857);
    expect(hash('hashtext', 'text', '\\141')).toBe(1075015857);
    expect(hash('hashtext', 'text', '\\x61')).toBe(1075015857);
    expect(hash('hashtext', 'text', '日本語')).toBe(554517316);
    expect(hash('hashbpchar', 'character(5)', 'a    ')).toBe(1075015857);
  });

  test.each([
    ['0', -272711505],
    ['-1', 385747274],
    ['42', 1509752520],
    ['-2147483648', -1524351049],
    ['4294967296', -1905060026],
    ['-4294967297', -1242090879],
    ['9223372036854775807', -1524351049],
    ['-9223372036854775808', -96758253],
  ])('reads the integer %s', (text, expected) => {
    expect(hash('hashint8', 'bigint', text)).toBe(expected);
  });

  test('reads a uuid', () => {
    expect(hash('uuid_hash', 'uuid', 'c0ffee00-1234-5678-9abc-def012345678')).toBe(1947890100);
    expect(hash('uuid_hash', 'uuid', 'C0FFEE00-1234-5678-9ABC-DEF012345678')).toBe(1947890100);
  });

  test.each([
    ['hashint4', 'date'],
    ['hashint8', 'money'],
    ['timestamp_hash', 'timestamp without time zone'],
    ['hashfloat8', 'double precision'],
    ['hashchar', 'boolean'],
    ['hashvarlena', 'bytea'],
  ])('leaves %s of %s to the server', (hashFunction, type) => {
    expect(textHash(hashFunction, type)).toBeUndefined();
  });

  test.each([
    ['hashint4', 'integer', ''],
    ['hashint4', 'integer', '-'],
    ['hashint4', 'integer', '1x'],
    ['hashint4', 'integer', ' 1'],
    ['hashint8', 'bigint', '9223372036854775808'],
    ['hashint8', 'bigint', '10000000000000000000'],
    ['uuid_hash', 'uuid', 'c0ffee00-1234-5678-9abc-def01234567'],
    ['uuid_hash', 'uuid', 'c0ffee00x1234-5678-9abc-def012345678'],
    ['uuid_hash', 'uuid', 'g0ffee00-1234-5678-9abc-def012345678'],
  ])('%s refuses the %s %j', (hashFunction, type, text) => {
    expect(() => hash(hashFunction, type, text)).toThrow(expect.objectContaining({ code: 'DUMP_DAMAGED' }));
  });
});

test.each([
  ['\\b\\f\\n\\r\\t\\v\\\\', '\b\f\n\r\t\v\\'],
  ['\\0\\12\\101\\1012', '\0\nAA2'],
  ['\\x9\\x41\\x412', '\tAA2'],
  ['\\xg\\q\\.', 'xgq.'],
  ['\\', '\\'],
  ['a\\\\nb', 'a\\nb'],
])('unescapes %j as COPY FROM does', (escaped, expected) => {
  const out = Buffer.alloc(escaped.length);
  const size = unescapeText(Buffer.from(escaped), 0, escaped.length, out);
  expect(out.toString('latin1', 0, size)).toBe(expected);
});
