import { beforeAll, describe, expect, test } from 'vitest';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, freshFolder, runJson } from '../support/migrate.js';

const SCHEMA = `
  CREATE TYPE mood AS ENUM ('ok', 'bad');
  CREATE TABLE item (
    id bigint PRIMARY KEY, namespace varchar(50) NOT NULL, note text, amount numeric, ratio float8, single real,
    span interval, doc jsonb, raw bytea, code char(5), mood mood, moods mood[], at timestamptz, big numeric
  );
  INSERT INTO item
  SELECT g, 'ns' || g % 20, 'note ' || g, g / 4.0, g / 3.0, g / 7.0, make_interval(mins => g),
         jsonb_build_object('n', g), decode(md5(g::text), 'hex'), 'c' || g % 100, 'ok', '{ok,bad}',
         timestamptz '2024-01-01 00:00:00+00' + make_interval(hours => g), g
  FROM generate_series(1, 5000) g;
  UPDATE item SET note = '' WHERE id = 10;
  UPDATE item SET note = NULL WHERE id = 11;
  UPDATE item SET amount = 1.0, ratio = 0, single = 1.5, span = '1 mon', doc = '{"n": 1.0}', code = 'ab' WHERE id = 12;
  CREATE TABLE loose (namespace varchar(50) NOT NULL, what text);
  INSERT INTO loose SELECT 'ns' || g % 5, 'w' || g % 100 FROM generate_series(1, 400) g;
  CREATE TABLE empty_one (id int PRIMARY KEY, namespace varchar(50) NOT NULL);
`;

/** What is done to the target, and what verify has to say, and nothing else. */
const DAMAGE: readonly [name: string, damage: string, restore: string, expected: Document[]][] = [
  [
    'one changed value',
    `UPDATE item SET note = 'changed' WHERE id = 77`,
    `UPDATE item SET note = 'note 77' WHERE id = 77`,
    [{ kind: 'mismatched', key: { id: '77' }, columns: ['note'] }],
  ],
  [
    'NULL instead of an empty string',
    `UPDATE item SET note = NULL WHERE id = 10`,
    `UPDATE item SET note = '' WHERE id = 10`,
    [{ kind: 'mismatched', key: { id: '10' }, columns: ['note'] }],
  ],
  [
    'an empty string instead of NULL',
    `UPDATE item SET note = '' WHERE id = 11`,
    `UPDATE item SET note = NULL WHERE id = 11`,
    [{ kind: 'mismatched', key: { id: '11' }, columns: ['note'] }],
  ],
  [
    '1.00 instead of 1.0',
    `UPDATE item SET amount = 1.00 WHERE id = 12`,
    `UPDATE item SET amount = 1.0 WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['amount'] }],
  ],
  [
    'minus zero instead of zero',
    `UPDATE item SET ratio = '-0' WHERE id = 12`,
    `UPDATE item SET ratio = 0 WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['ratio'] }],
  ],
  [
    'the last bit of a float',
    `UPDATE item SET single = 1.5000001 WHERE id = 12`,
    `UPDATE item SET single = 1.5 WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['single'] }],
  ],
  [
    '30 days instead of a month',
    `UPDATE item SET span = '30 days' WHERE id = 12`,
    `UPDATE item SET span = '1 mon' WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['span'] }],
  ],
  [
    '1.00 instead of 1.0 inside jsonb',
    `UPDATE item SET doc = '{"n": 1.00}' WHERE id = 12`,
    `UPDATE item SET doc = '{"n": 1.0}' WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['doc'] }],
  ],
  [
    'another label of an enum, and inside an array of it',
    `UPDATE item SET mood = 'bad', moods = '{ok,ok}' WHERE id = 12`,
    `UPDATE item SET mood = 'ok', moods = '{ok,bad}' WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['mood', 'moods'] }],
  ],
  [
    'a shifted time zone',
    `UPDATE item SET at = '2024-01-21 21:00:00+00' WHERE id = 500`,
    `UPDATE item SET at = '2024-01-21 20:00:00+00' WHERE id = 500`,
    [{ kind: 'mismatched', key: { id: '500' }, columns: ['at'] }],
  ],
  [
    'a missing row',
    `DELETE FROM item WHERE id = 300`,
    `INSERT INTO item SELECT * FROM item_copy WHERE id = 300`,
    [{ kind: 'missing', key: { id: '300' } }],
  ],
  [
    'an extra row',
    `INSERT INTO item (id, namespace) VALUES (6000, 'ns1')`,
    `DELETE FROM item WHERE id = 6000`,
    [{ kind: 'extra', key: { id: '6000' } }],
  ],
  [
    'two changes that cancel under XOR',
    `UPDATE item SET note = CASE id WHEN 31 THEN 'note 51' ELSE 'note 31' END WHERE id IN (31, 51)`,
    `UPDATE item SET note = 'note ' || id::text WHERE id IN (31, 51)`,
    [
      { kind: 'mismatched', key: { id: '31' }, columns: ['note'] },
      { kind: 'mismatched', key: { id: '51' }, columns: ['note'] },
    ],
  ],
  [
    'a duplicated row of a table without a key',
    `INSERT INTO loose VALUES ('ns1', 'w1')`,
    '',
    [{ kind: 'extra', key: null }],
  ],
];

const strip = (table: Document): Document[] =>
  table.discrepancies.map(({ kind, key, columns }: Document) => ({
    kind,
    key,
    ...(columns ? { columns } : {}),
  }));

function suite(freshTarget: () => Promise<FreshDatabase>, citus: boolean): void {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const cwd = freshFolder();
  const verify = (...args: string[]): Promise<Document> =>
    runJson(['verify', '--source', source.url, '--target', target.url, ...args], { cwd });

  beforeAll(async () => {
    source = await freshSource();
    target = await freshTarget();
    await source.client.query(SCHEMA);
    const copied = await runJson(['copy', '--source', source.url, '--target', target.url], { cwd });
    expect(copied).toMatchObject({ exit: 0 });
    await target.client.query('CREATE TABLE item_copy AS SELECT * FROM item WHERE id = 300');
  });

  test('a faithful copy is a match, an empty table one with 0 rows', async () => {
    const result = await verify();
    expect(result).toMatchObject({ exit: 0, verdict: 'match' });
    const empty = result.tables.find((table: Document) => table.table === 'empty_one');
    expect(empty).toMatchObject({ verdict: 'match', source: { rows: '0' }, target: { rows: '0' } });
  });

  test.each(DAMAGE)('%s is found and named, and nothing else', async (_name, damage, restore, expected) => {
    await target.client.query(damage);
    const result = await verify();
    expect(result).toMatchObject({ exit: 1, verdict: 'mismatch' });
    const differing = result.tables.filter((table: Document) => table.verdict !== 'match');
    expect(differing).toHaveLength(1);
    const byKey = (a: Document, b: Document): number => Number(a.key?.id) - Number(b.key?.id);
    expect(strip(differing[0]).sort(byKey)).toEqual(expected);
    expect(differing[0].discrepancyCount).toBe(expected.length);
    const shards = differing[0].shards.filter((shard: Document) => shard.verdict !== 'match');
    expect(shards.map((shard: Document) => shard.shardId).sort()).toEqual(
      [...new Set(differing[0].discrepancies.map((found: Document) => found.shardId))].sort(),
    );
    await target.client.query(restore || `DELETE FROM loose`);
  });

  test('counts alone cannot see a changed value, and say so', async () => {
    await target.client.query(`UPDATE item SET note = 'changed' WHERE id = 78`);
    expect(await verify('--mode', 'counts', '--tables', 'item')).toMatchObject({
      verdict: 'match',
      mode: 'counts',
    });
    expect(await verify('--tables', 'item')).toMatchObject({ verdict: 'mismatch' });
    await target.client.query(`UPDATE item SET note = 'note 78' WHERE id = 78`);
  });

  test('many differences are listed up to the limit, and said to be more', async () => {
    await target.client.query(`UPDATE item SET note = 'x' WHERE id > 1000 AND id <= 2000`);
    const result = await verify('--max-discrepancies', '10', '--tables', 'item');
    expect(result.tables[0].discrepancies).toHaveLength(10);
    expect(result.tables[0].countComplete).toBe(false);
    const all = await verify('--max-discrepancies', '5000', '--tables', 'item');
    expect(all.tables[0]).toMatchObject({ discrepancyCount: 1000, countComplete: true });
    await target.client.query(`UPDATE item SET note = 'note ' || id::text WHERE id > 1000 AND id <= 2000`);
    expect(await verify('--tables', 'item')).toMatchObject({ verdict: 'match' });
  });

  test('odd settings on either side change nothing', async () => {
    const name = (url: string): string => new URL(url).pathname.slice(1);
    const odd = [
      `DateStyle = 'German'`,
      `TimeZone = 'Asia/Tokyo'`,
      `extra_float_digits = 0`,
      `IntervalStyle = 'sql_standard'`,
      `bytea_output = 'escape'`,
    ];
    for (const setting of odd) await target.client.query(`ALTER DATABASE ${name(target.url)} SET ${setting}`);
    expect(await verify('--tables', 'item')).toMatchObject({ verdict: 'match' });
    for (const setting of odd) {
      await target.client.query(`ALTER DATABASE ${name(target.url)} RESET ${setting.split(' ')[0]}`);
    }
  });

  if (!citus) return;

  test('a row in the wrong shard is misplaced, although every count agrees', async () => {
    const cluster = target as FreshCluster;
    const { rows } = await target.client.query(
      `SELECT shardid, nodename, nodeport FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)
       JOIN pg_dist_node USING (groupid) WHERE logicalrelid = 'item'::regclass ORDER BY shardid`,
    );
    const { rows: home } = await target.client.query(
      `SELECT get_shard_id_for_distribution_column('item', 'ns7') AS id`,
    );
    const wrong = rows.find((row) => row.shardid !== home[0].id);
    const at = await connectTo(
      cluster.workerUrls.find((url) => Number(new URL(url).port) === wrong.nodeport)!,
    );
    await target.client.query(`CREATE TABLE moved AS SELECT * FROM item WHERE id = 7`);
    const { rows: moved } = await target.client.query(`SELECT to_json(moved)::text AS row FROM moved`);
    await target.client.query(`DELETE FROM item WHERE id = 7`);
    await at.query(`SET citus.override_table_visibility = off`);
    await at.query(
      `INSERT INTO item_${wrong.shardid} SELECT * FROM json_populate_record(NULL::item_${wrong.shardid}, $1)`,
      [moved[0].row],
    );
    const counts = await verify('--mode', 'counts', '--tables', 'item');
    expect(counts.tables[0].source.rows).toBe(counts.tables[0].target.rows);
    const result = await verify('--tables', 'item');
    expect(result).toMatchObject({ exit: 1, verdict: 'mismatch' });
    expect(result.tables[0].discrepancies).toMatchObject([
      { kind: 'misplaced', key: { id: '7' }, shardId: String(wrong.shardid) },
    ]);
  });
}

describeCitus('verify against Citus', () => suite(() => freshCluster({ shardCount: 8 }), true));
describe('verify against a plain PostgreSQL', () => suite(freshSource, false));
