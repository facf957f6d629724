import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { beforeAll, describe, expect, test } from 'vitest';
import { wireHash } from '../../src/core/hash.js';
import { textHash } from '../../src/core/text-hash.js';
import { freshSource } from '../support/databases.js';

interface Case {
  readonly type: string;
  readonly hashFunction: string;
  readonly values: readonly string[];
}

/** Reproducible 32-bit numbers (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

const random = generator(20_240_229);
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const random64 = (): bigint => BigInt.asIntN(64, (BigInt(random()) << 32n) | BigInt(random()));
const hex = (digits: number): string => many(digits, () => (random() % 16).toString(16)).join('');
const below = (limit: number): number => random() % limit;

/** ASCII, two-, three- and four-byte characters, and what text COPY escapes. */
const ALPHABET = [...'abcXYZ019 _-\\\t\n\r\b\f\v.', ...'äßéЖ', ...'日本語€', ...'😀𝔘🜚'];
const word = (length: number): string => many(length, () => ALPHABET[below(ALPHABET.length)]!).join('');
/** Exactly this many bytes. */
function wordOfBytes(bytes: number): string {
  let text = '';
  for (let left = bytes; left > 0; ) {
    const next = ALPHABET[below(ALPHABET.length)]!;
    const size = Buffer.byteLength(next);
    if (size > left) continue;
    text += next;
    left -= size;
  }
  return text;
}

const texts = [
  '',
  ' ',
  'a',
  'a   ',
  '\\N',
  '\\.',
  'ü',
  '日本語',
  '😀',
  ...many(301 * 12, (index) => wordOfBytes(index % 301)),
  ...many(1000, () => word(below(40))),
];
const integers = (bits: number): string[] => {
  const lowest = -(2n ** BigInt(bits - 1));
  const edges = [0n, 1n, -1n, lowest, lowest + 1n, -lowest - 1n, -lowest - 2n];
  return [...edges, ...many(4000, (index) => BigInt.asIntN(bits, random64() >> BigInt(index % bits)))].map(
    String,
  );
};
const doubles = [
  '0',
  '-0',
  'NaN',
  'Infinity',
  '-Infinity',
  '5e-324',
  '1.7976931348623157e308',
  ...many(2000, () => String(((random() - 2 ** 31) / 1000) * 10 ** (below(40) - 20))),
];
const float4s = [
  '0',
  '-0',
  'NaN',
  'Infinity',
  '1e-45',
  '3.4e38',
  ...many(2000, () => String(Math.fround((random() - 2 ** 31) / 7919))),
];
const numerics = [
  '0',
  '0.00',
  '1',
  '1.0',
  '1.00000000',
  '-1',
  '10000',
  '0.0001',
  'NaN',
  'Infinity',
  '-Infinity',
  `1${'0'.repeat(1000)}`,
  `0.${'0'.repeat(500)}1`,
  ...many(
    3000,
    () =>
      `${below(2) ? '-' : ''}${'123456789'.slice(below(8))}${'0'.repeat(below(20))}.${below(10 ** below(9))}00`,
  ),
  ...many(300, () => `${1 + below(9)}${many(below(300), () => below(10)).join('')}`),
];
const stamps = many(2000, () => {
  const time = new Date((random() - 2 ** 31) * 20_000 + below(1000)).toISOString();
  return `${time.slice(0, -1)}${String(below(1000)).padStart(3, '0')}`;
});
const times = many(1000, () => `${below(24)}:${below(60)}:${below(60)}.${below(1_000_000)}`);

const CASES: readonly Case[] = [
  { type: 'text', hashFunction: 'hashtext', values: texts },
  { type: 'character varying', hashFunction: 'hashtext', values: texts },
  { type: 'character(40)', hashFunction: 'hashbpchar', values: many(2000, () => word(below(40))) },
  { type: 'name', hashFunction: 'hashname', values: many(1000, (index) => wordOfBytes(index % 64)) },
  {
    type: 'bytea',
    hashFunction: 'hashvarlena',
    values: many(301 * 4, (index) => `\\x${hex(2 * (index % 301))}`),
  },
  { type: 'smallint', hashFunction: 'hashint2', values: integers(16) },
  { type: 'integer', hashFunction: 'hashint4', values: integers(32) },
  { type: 'bigint', hashFunction: 'hashint8', values: integers(64) },
  {
    type: 'oid',
    hashFunction: 'hashoid',
    values: ['0', '4294967295', ...many(1000, () => String(random()))],
  },
  { type: 'uuid', hashFunction: 'uuid_hash', values: many(3000, () => hex(32)) },
  {
    type: 'date',
    hashFunction: 'hashint4',
    values: ['infinity', '-infinity', '4713-01-01 BC', ...stamps],
  },
  {
    type: 'timestamp without time zone',
    hashFunction: 'timestamp_hash',
    values: ['infinity', '-infinity', ...stamps],
  },
  {
    type: 'timestamp with time zone',
    hashFunction: 'timestamp_hash',
    values: stamps,
  },
  { type: 'time without time zone', hashFunction: 'time_hash', values: ['24:00:00', ...times] },
  {
    type: 'time with time zone',
    hashFunction: 'timetz_hash',
    values: times.map((time) => `${time}${below(2) ? '+' : '-'}${below(15)}:30`),
  },
  {
    type: 'boolean',
    hashFunction: 'hashchar',
    values: ['true', 'false'],
  },
  { type: '"char"', hashFunction: 'hashchar', values: many(95, (index) => String.fromCharCode(32 + index)) },
  { type: 'real', hashFunction: 'hashfloat4', values: float4s },
  { type: 'double precision', hashFunction: 'hashfloat8', values: doubles },
  { type: 'numeric', hashFunction: 'hash_numeric', values: numerics },
  { type: 'macaddr', hashFunction: 'hashmacaddr', values: many(500, () => hex(12)) },
  { type: 'macaddr8', hashFunction: 'hashmacaddr8', values: many(500, () => hex(16)) },
  { type: 'pg_lsn', hashFunction: 'pg_lsn_hash', values: many(500, () => `${hex(8)}/${hex(8)}`) },
];

describe('hashes of keys as COPY carries them equal those of the server', () => {
  let client: pg.Client;

  beforeAll(async () => {
    ({ client } = await freshSource());
    await client.query("set client_encoding = 'UTF8'");
  });

  /** The values with their hashes. A record of one column has the hash of that column's default function. */
  async function copyOut({ type, values }: Case, format: 'binary' | 'text'): Promise<Buffer> {
    await client.query('drop table if exists pg_temp.samples');
    await client.query(`create temporary table samples (v ${type})`);
    await client.query(`insert into samples select value::${type} from unnest($1::text[]) value`, [values]);
    const stream = client.query(
      copyTo(`copy (select v, hash_record(row(v)) from samples) to stdout (format ${format})`),
    );
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    return Buffer.concat(parts);
  }

  /** Reads the two columns by hand, so that the test does not rest on the splitters. */
  function* binaryPairs(stream: Buffer): Generator<[start: number, end: number, hash: number]> {
    for (let at = 19; stream.readInt16BE(at) !== -1; ) {
      const start = at + 6;
      const end = start + stream.readInt32BE(at + 2);
      yield [start, end, stream.readInt32BE(end + 4)];
      at = end + 8;
    }
  }

  test.each(CASES)('$type by $hashFunction, binary', async (sample) => {
    const hash = wireHash(sample.hashFunction)!;
    const stream = await copyOut(sample, 'binary');
    const pairs = [...binaryPairs(stream)];
    expect(pairs).toHaveLength(sample.values.length);
    const wrong = pairs.filter(([start, end, expected]) => hash(stream, start, end) !== expected);
    expect(wrong.map(([start, end]) => stream.toString('hex', start, end))).toEqual([]);
  });

  test.each(CASES.filter(({ hashFunction, type }) => textHash(hashFunction, type) !== undefined))(
    '$type by $hashFunction, text',
    async (sample) => {
      const hash = textHash(sample.hashFunction, sample.type)!;
      const lines = (await copyOut(sample, 'text')).toString('latin1').split('\n').slice(0, -1);
      expect(lines).toHaveLength(sample.values.length);
      const wrong = lines.filter((line) => {
        const [value, expected] = line.split('\t');
        const bytes = Buffer.from(value!, 'latin1');
        return hash(bytes, 0, bytes.length) !== Number(expected);
      });
      expect(wrong).toEqual([]);
    },
  );

  test('a hash of other bytes differs, so that the comparison can fail', async () => {
    const sample = { type: 'text', hashFunction: 'hashtext', values: texts };
    const stream = await copyOut(sample, 'binary');
    const hash = wireHash('hashtext')!;
    const equal = [...binaryPairs(stream)].filter(
      ([start, end, expected]) => hash(stream, start, end + 1) === expected,
    );
    expect(equal).toEqual([]);
  });

  test('every function named here is the default hash function of its type on this server', async () => {
    const { rows } = await client.query<{ type: string; function: string }>(
      `select format_type(c.opcintype, null) as type, p.amproc::regproc::text as function
         from pg_opclass c
         join pg_am a on a.oid = c.opcmethod and a.amname = 'hash'
         join pg_amproc p on p.amprocfamily = c.opcfamily and p.amproclefttype = c.opcintype and p.amprocnum = 1
        where c.opcdefault`,
    );
    const defaults = new Map(rows.map((row) => [row.type, row.function]));
    const baseTypes = new Map([
      ['character varying', 'text'],
      ['character(40)', 'character'],
    ]);
    const found = CASES.map(({ type }) => [type, defaults.get(baseTypes.get(type) ?? type)]);
    expect(found).toEqual(CASES.map(({ type, hashFunction }) => [type, hashFunction]));
  });
});
