import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { applyFixture, fixturePath } from '../../src/demo/fixtures.js';
import { withSession } from '../../src/demo/servers/index.js';
import { describeCitus, type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import type { Document } from '../support/migrate.js';
import { differing, type Moved, moved } from '../support/moved.js';

/** A value of each type, and another that a careless comparison takes for the same where the type has such a pair. */
const ZOO: Readonly<Record<string, readonly [before: string, after: string]>> = {
  c_bool: ['true', 'false'],
  c_int2: ['1', '2'],
  c_int8: ['9007199254740992', '9007199254740993'],
  c_float4: ['1.5', '1.5000001'],
  c_float8: ['0', '-0'],
  c_numeric: ['1.0', '1.00'],
  c_numeric_scaled: ['1', '1.000001'],
  c_money: ['1.00', '1.01'],
  c_text: ['a', 'a '],
  c_char: ['ab', 'aB'],
  c_bytea: ['\\x00', '\\x0000'],
  c_date: ['infinity', '5874897-12-31'],
  c_time: ['24:00', '00:00'],
  c_timetz: ['12:00+00', '13:00+01'],
  c_timestamp: ['2024-01-01 00:00:00.123456', '2024-01-01 00:00:00.123'],
  c_timestamptz: ['2024-03-31 01:00+00', '2024-03-31 02:00+00'],
  c_interval: ['1 mon', '30 days'],
  c_uuid: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'],
  c_json: ['{"a": 1}', '{"a":1}'],
  c_jsonb: ['{"a": 1.0}', '{"a": 1.00}'],
  c_inet: ['1.2.3.4', '1.2.3.4/31'],
  c_cidr: ['10.0.0.0/8', '10.0.0.0/9'],
  c_macaddr: ['08:00:2b:01:02:03', '08:00:2b:01:02:04'],
  c_bit: ['0000', '0001'],
  c_varbit: ['0', '00'],
  c_point: ['(0,1)', '(-0,1)'],
  c_int4range: ['[1,5)', '[1,6)'],
  c_numrange: ['[1.0,2)', '[1.00,2)'],
  c_tstzrange: ['["2024-01-01 00:00+00",)', '("2024-01-01 00:00+00",)'],
  c_multirange: ['{[1,3),[5,8)}', '{[1,3)}'],
  c_enum: ['sad', 'ok'],
  c_enum_other: ['low', 'high'],
  c_email: ['a@b', 'A@b'],
  c_amount: ['3.5000', '3.5001'],
  c_composite: ['(a,,)', '("",,)'],
  c_ints: ['{1,2}', '[0:1]={1,2}'],
  c_texts: ['{NULL}', '{"NULL"}'],
  c_numerics: ['{1.0}', '{1.00}'],
  c_enums: ['{sad,ok}', '{ok,sad}'],
  c_composites: ['{"(a,,)"}', '{"(a,,)",NULL}'],
  c_lsn: ['0/0', '0/1'],
};

/** The same in memory-mesh: an SQL expression for the other value. */
const MESH = {
  key: `key || ' '`,
  value: `value || ' '`,
  embedding: `(SELECT ('[' || string_agg(CASE n WHEN 384 THEN (e::real + 1e-6)::text ELSE e END, ',' ORDER BY n) || ']')
               FROM unnest(string_to_array(translate(embedding::text, '[]{}', ''), ',')) WITH ORDINALITY AS u (e, n))::public.vector`,
  metadata: `metadata || '{"one": 1.0}'`,
  tags: 'tags || NULL::text',
  created_at: `created_at + interval '1 microsecond'`,
  updated_at: 'NULL',
  expires_at: `CASE WHEN expires_at IS NULL THEN 'infinity' END::timestamp`,
};

const pairs = Object.entries(ZOO).map(([column, [before, after]], index) => ({
  id: 1000 + index,
  column,
  before,
  after,
}));

const byId = (a: Document, b: Document): number => Number(a.key.id) - Number(b.key.id);

function suite(freshTarget: () => Promise<FreshDatabase>): void {
  let at: Moved;
  beforeAll(async () => {
    const config = readFileSync(fixturePath('type-zoo', 'migrate.config.yaml'), 'utf8');
    const fill = async ({ url, client }: FreshDatabase): Promise<void> => {
      await withSession(url, (session) => applyFixture(session, 'type-zoo'));
      for (const { id, column, before } of pairs)
        await client.query(`INSERT INTO every_type (namespace, id, ${column}) VALUES ('probe', ${id}, $1)`, [
          before,
        ]);
    };
    at = await moved(freshTarget, fill, config);
  });

  test('every type of the fixture is among those that are changed', async () => {
    const { rows } = await at.source.client.query(
      `SELECT attname AS name FROM pg_attribute WHERE attrelid = 'every_type'::regclass AND attnum > 0
       AND attname NOT IN ('namespace', 'id')`,
    );
    expect(pairs.map(({ column }) => column).sort()).toEqual(rows.map(({ name }) => name).sort());
  });

  test.each(['digest', 'rows'] as const)(
    'a changed value of each type is found in its column, in %s mode',
    async (mode) => {
      const set = async (what: 'before' | 'after'): Promise<void> => {
        for (const pair of pairs)
          await at.target.client.query(
            `UPDATE every_type SET ${pair.column} = $1 WHERE namespace = 'probe' AND id = ${pair.id}`,
            [pair[what]],
          );
      };
      expect(differing(await at.compare({ mode }))).toEqual({});
      await set('after');
      const result = await at.compare({ mode });
      await set('before');
      const found = differing(result);
      expect(Object.keys(found)).toEqual(['every_type']);
      expect(found.every_type.sort(byId)).toEqual(
        pairs.map(({ id, column }) => ({
          kind: 'mismatched',
          key: { namespace: 'probe', id: String(id) },
          columns: [column],
        })),
      );
      expect(differing(await at.compare({ mode }))).toEqual({});
    },
  );
}

describeCitus('types of type-zoo on Citus', () => suite(() => freshCluster({ shardCount: 4 })));
describe('types of type-zoo on a plain PostgreSQL', () => suite(freshSource));

describeCitus('types of memory-mesh on Citus', () => {
  let at: Moved;
  let vectors = false;
  beforeAll(async () => {
    const fill = async ({ url, client }: FreshDatabase): Promise<void> => {
      await withSession(url, (session) => applyFixture(session, 'memory-mesh', { rows: 500, seed: 5 }));
      const { rows } = await client.query(`SELECT to_regtype('public.vector') IS NOT NULL AS found`);
      vectors = rows[0].found;
    };
    const config = readFileSync(fixturePath('memory-mesh', 'migrate.config.yaml'), 'utf8');
    at = await moved(() => freshCluster({ shardCount: 4 }), fill, config);
  });

  test.each(['digest', 'rows'] as const)(
    'a changed value of each column is found in it, in %s mode',
    async (mode) => {
      const { client } = at.target;
      const columns = Object.entries(MESH).filter(([column]) => vectors || column !== 'embedding');
      await client.query('CREATE TABLE before AS SELECT * FROM memory_entries WHERE false');
      await client.query('INSERT INTO before SELECT * FROM memory_entries');
      const set = async (): Promise<void> => {
        for (const [index, [column, other]] of columns.entries()) {
          await client.query(`UPDATE memory_entries SET ${column} = ${other} WHERE id = ${index + 1}`);
        }
      };
      await set();
      const found = differing(await at.compare({ mode }));
      for (const column of Object.keys(MESH)) {
        const { rows } = await client.query(
          `SELECT id, namespace, ${column}::text AS was FROM before WHERE id <= ${columns.length}`,
        );
        for (const { id, namespace, was } of rows)
          await client.query(`UPDATE memory_entries SET ${column} = $1 WHERE id = $2 AND namespace = $3`, [
            was,
            id,
            namespace,
          ]);
      }
      await client.query('DROP TABLE before');
      expect(found.memory_entries.sort(byId)).toEqual(
        columns.map(([column], index) => ({
          kind: 'mismatched',
          key: { id: String(index + 1) },
          columns: [column],
        })),
      );
      expect(Object.keys(found)).toEqual(['memory_entries']);
      expect(differing(await at.compare({ mode }))).toEqual({});
    },
  );
});
