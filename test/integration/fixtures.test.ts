import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { applyFixture, type FixtureName, type FixtureOptions, fixturePath } from '../../src/demo/fixtures.js';
import { type GeneratorOptions, generatedTables, tableStream } from '../../src/demo/generator/generate.js';
import { withSession } from '../../src/demo/servers/index.js';
import { type FreshDatabase, freshSource } from '../support/databases.js';
import { sortedCopy } from '../support/sorted-copy.js';

interface Expected {
  tables: Record<string, { indexes: number; hnsw?: number; rows?: number }>;
  foreignKeys: Record<string, string>;
  sequences?: Record<string, number>;
}

const expected = (fixture: FixtureName): Expected =>
  JSON.parse(readFileSync(fixturePath(fixture, 'expect.json'), 'utf8')) as Expected;

async function load(fixture: FixtureName, options?: FixtureOptions): Promise<FreshDatabase> {
  const database = await freshSource();
  await withSession(database.url, (session) => applyFixture(session, fixture, options));
  return database;
}

/** Name and value of each row of a two-column query. */
async function pairs({ client }: FreshDatabase, query: string): Promise<Record<string, number>> {
  const { rows } = await client.query<{ name: string; value: number }>(query);
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

/** Tables but partitions, with the number of their indexes that use (or do not use) HNSW. */
const indexes = (hnsw: boolean): string => `
  SELECT c.oid::regclass::text AS name, count(am.oid)::int AS value
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_index i ON i.indrelid = c.oid LEFT JOIN pg_class x ON x.oid = i.indexrelid
  LEFT JOIN pg_am am ON am.oid = x.relam AND (am.amname = 'hnsw') = ${hnsw}
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('public', 'archive')
  GROUP BY c.oid ORDER BY 1`;

const only = (fixture: FixtureName, field: 'indexes' | 'hnsw' | 'rows'): Record<string, number> =>
  Object.fromEntries(
    Object.entries(expected(fixture).tables).map(([table, facts]) => [table, facts[field] ?? 0]),
  );

async function rowCounts(database: FreshDatabase, fixture: FixtureName): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of Object.keys(expected(fixture).tables)) {
    const { rows } = await database.client.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
    counts[table] = rows[0]!.n;
  }
  return counts;
}

describe('memory-mesh', () => {
  it('has the expected tables and indexes with the vector type of the server', async () => {
    const database = await load('memory-mesh', { rows: 300 });
    const { rows } = await database.client.query(`SELECT to_regtype('vector') IS NOT NULL AS vector`);
    expect(await pairs(database, indexes(false))).toEqual(only('memory-mesh', 'indexes'));
    const none = Object.fromEntries(Object.keys(expected('memory-mesh').tables).map((table) => [table, 0]));
    expect(await pairs(database, indexes(true))).toEqual(rows[0].vector ? only('memory-mesh', 'hnsw') : none);
  });

  it('holds the generated rows, with plain arrays where it is told so', async () => {
    const options: GeneratorOptions = { rows: 300, seed: 5, namespaces: 20 };
    const database = await load('memory-mesh', { ...options, vectorType: 'real[]' });
    const counts = Object.fromEntries(generatedTables(options).map(({ table, rows }) => [table.name, rows]));
    expect(await rowCounts(database, 'memory-mesh')).toEqual(counts);
    const { rows } = await database.client.query(
      `SELECT DISTINCT array_length(embedding, 1) AS n FROM memory_entries WHERE embedding IS NOT NULL`,
    );
    expect(rows).toEqual([{ n: 384 }]);
  });

  it('is the same whether it comes in binary or as text', async () => {
    const options: GeneratorOptions = { rows: 200, seed: 9 };
    const vectorType = 'real[]';
    const [binary, text] = [
      await load('memory-mesh', { ...options, vectorType }),
      await load('memory-mesh', { vectorType }),
    ];
    await withSession(text.url, async (session) => {
      for (const { table } of generatedTables(options)) {
        const stream = tableStream(table, vectorType, options, 'text');
        const pieces = (async function* () {
          yield* stream;
        })();
        await session.copyIn(`COPY public.${table.name} (${table.columns.join(', ')}) FROM STDIN`, pieces);
      }
    });
    for (const { table } of generatedTables(options)) {
      const select = `SELECT * FROM ${table.name} ORDER BY ${table.name === 'metadata' ? 'key' : 'id'}`;
      const loaded = await sortedCopy(binary.url, select);
      expect(loaded.rows).toBeGreaterThan(0);
      expect(await sortedCopy(text.url, select)).toEqual(loaded);
    }
  });
});

describe('type-zoo', () => {
  let database: FreshDatabase;
  beforeAll(async () => {
    database = await load('type-zoo', { bigBytes: 50_000 });
  });

  it('has the expected tables, rows, indexes, foreign keys and sequences', async () => {
    expect(await pairs(database, indexes(false))).toEqual(only('type-zoo', 'indexes'));
    expect(await rowCounts(database, 'type-zoo')).toEqual(only('type-zoo', 'rows'));
    const foreign = await pairs(
      database,
      `SELECT conrelid::regclass || '.' || conname AS name, 1 AS value FROM pg_constraint WHERE contype = 'f'`,
    );
    expect(Object.keys(foreign).sort()).toEqual(Object.keys(expected('type-zoo').foreignKeys).sort());
    const sequences = `SELECT to_regclass(format('%I.%I', schemaname, sequencename))::text AS name,
      last_value::int AS value FROM pg_sequences WHERE last_value IS NOT NULL`;
    expect(await pairs(database, sequences)).toEqual(expected('type-zoo').sequences);
  });

  it('deletes in each of the five ways', async () => {
    const { rows } = await database.client.query<{ way: string }>(
      `SELECT DISTINCT confdeltype AS way FROM pg_constraint WHERE contype = 'f' ORDER BY 1`,
    );
    expect(rows.map(({ way }) => way)).toEqual(['a', 'c', 'd', 'n', 'r']);
  });

  it('has the values that copies get wrong', async () => {
    const count = async (condition: string, table = 'every_type') =>
      Number(
        (await database.client.query(`SELECT count(*) AS n FROM ${table} WHERE ${condition}`)).rows[0].n,
      );
    const conditions = [
      `c_float8::text = '-0'`,
      `c_float8 = 'NaN'`,
      `c_numeric = 'NaN'`,
      `c_numeric = 'Infinity'`,
      `c_numeric = '-Infinity'`,
      `c_numeric::text = '1.0'`,
      `c_numeric::text = '1.00'`,
      `c_timestamptz = 'infinity'`,
      `c_date = '-infinity'`,
      `c_text = ''`,
      'c_text IS NULL',
      `c_text LIKE '%😀%'`,
      `strpos(c_text, E'\\r\\n') > 0`,
      `strpos(c_text, '\\N') > 0`,
      `c_jsonb = 'null'`,
      `c_json::text = 'null'`,
      `array_ndims(c_ints) = 2`,
      `array_lower(c_ints, 1) = 0`,
      `cardinality(c_ints) = 0`,
      `c_texts @> '{""}'`,
      `c_int8 = 9223372036854775807`,
      `isempty(c_int4range)`,
      `c_interval = '30 days' AND c_interval::text = '1 mon'`,
      `extract(microseconds FROM c_timestamp)::int % 1000 <> 0`,
    ];
    for (const condition of conditions)
      expect([condition, await count(condition)]).not.toEqual([condition, 0]);
    expect(await count('length(body) = 50000 OR length(raw) = 50000', 'blobs')).toBe(2);
  });

  it('says the same at every load', async () => {
    const again = await load('type-zoo', { bigBytes: 50_000 });
    for (const [table, key] of [
      ['accounts', 'id'],
      ['comments', 'id'],
      ['"Order"', '"select"'],
      ['every_type', 'namespace, id'],
    ]) {
      const select = `SELECT * FROM ${table} ORDER BY ${key}`;
      expect(await sortedCopy(again.url, select)).toEqual(await sortedCopy(database.url, select));
    }
  });
});
