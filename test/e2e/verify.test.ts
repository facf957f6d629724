import { beforeAll, describe, expect, test } from 'vitest';
import { DAMAGE, SCHEMA, strip } from '../support/damage.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, freshFolder, runJson } from '../support/migrate.js';

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
