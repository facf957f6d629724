import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { applyFixture, fixturePath } from '../../src/demo/fixtures.js';
import { withSession } from '../../src/demo/servers/index.js';
import {
  connectTo,
  describeCitus,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, freshFolder, runJson, runMigrate } from '../support/migrate.js';
import { contentsOf, shapesOf } from '../support/same-rows.js';
import { expectWayBack } from '../support/way-back.js';

const ROWS = 1000;
const expected = JSON.parse(readFileSync(fixturePath('memory-mesh', 'expect.json'), 'utf8'));
const config = fixturePath('memory-mesh', 'migrate.config.yaml');

async function meshSource(): Promise<FreshDatabase> {
  const source = await freshSource();
  await withSession(source.url, (session) => applyFixture(session, 'memory-mesh', { rows: ROWS, seed: 7 }));
  return source;
}

function suite(freshTarget: () => Promise<FreshDatabase>, citus: boolean): void {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const cwd = freshFolder();
  const run = (...args: string[]): Promise<Document> =>
    runJson([...args, '--source', source.url, '--target', target.url, '--config', config], { cwd });

  beforeAll(async () => {
    source = await meshSource();
    target = await freshTarget();
  });

  test('plans every table as the fixture expects, the same twice', async () => {
    const plan = await run('plan');
    expect(plan).toMatchObject({ command: 'plan', exit: 0 });
    const placements = Object.fromEntries(
      plan.tables.map((table: Document) => [table.table, table.placement]),
    );
    for (const [table, { placement, column }] of Object.entries<Document>(expected.tables)) {
      expect(placements[table], table).toMatchObject({ kind: placement, ...(column ? { column } : {}) });
    }
    expect(Object.keys(placements).sort()).toEqual(Object.keys(expected.tables).sort());
    const file = readFileSync(join(cwd, 'migrate.plan.json'), 'utf8');
    expect((await run('plan')).planHash).toBe(plan.planHash);
    expect(readFileSync(join(cwd, 'migrate.plan.json'), 'utf8')).toBe(file);
  });

  test('schema --print touches nothing', async () => {
    const { code, stdout } = await runMigrate(
      ['schema', '--print', '--source', source.url, '--target', target.url, '--config', config],
      { cwd },
    );
    expect(code).toBe(0);
    expect(stdout).toContain('CREATE TABLE');
    expect(stdout.includes('create_distributed_table')).toBe(citus);
    expect(await shapesOf(target.client)).toEqual([]);
  });

  test('exports, imports, and both sides hold the same rows', async () => {
    const exported = await run('export', '--out', 'dump');
    expect(exported).toMatchObject({ exit: 0 });
    const imported = await run('import', '--from', 'dump');
    expect(imported).toMatchObject({ exit: 0 });
    expect(imported.tables.find((table: Document) => table.table === 'memory_entries').rows).toBe(ROWS);
    const shapes = await shapesOf(source.client);
    expect(await contentsOf(target.url, shapes)).toEqual(await contentsOf(source.url, shapes));
  });

  test('verifies per shard', async () => {
    const verified = await run('verify');
    expect(verified).toMatchObject({ exit: 0, verdict: 'match' });
    const entries = verified.tables.find((table: Document) => table.table === 'memory_entries');
    expect(entries.shards).toHaveLength(citus ? 8 : 1);
    expect(entries.source).toEqual(entries.target);
    expect(entries.source.rows).toBe(String(ROWS));
  });

  test('a second import loads nothing again', async () => {
    const again = await run('import', '--from', 'dump');
    expect(again).toMatchObject({ exit: 0 });
    for (const table of again.tables) expect(table.skippedChunks).toBe(table.chunks);
    expect(await run('verify')).toMatchObject({ verdict: 'match' });
  });

  test('new rows get ids behind those that were loaded', async () => {
    const sql = `INSERT INTO memory_entries (namespace, key) VALUES ('new', $1) RETURNING id`;
    const { rows } = await target.client.query(sql, [`k${citus}`]);
    const top = await source.client.query('SELECT max(id) AS id FROM memory_entries');
    expect(Number(rows[0].id)).toBeGreaterThan(top.rows[0].id);
    await target.client.query(`DELETE FROM memory_entries WHERE namespace = 'new'`);
  });

  test('comes back to a single node of the original shape, with the same rows', async () => {
    const back = await expectWayBack({ source, target }, { config, cwd });
    const indexes = `SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`;
    const [original, returned] = [await source.client.query(indexes), await back.client.query(indexes)];
    expect(returned.rows).toEqual(original.rows);
  });

  test('copies without a dump, too', async () => {
    const other = await freshTarget();
    const sides = ['--source', source.url, '--target', other.url, '--config', config];
    expect(await runJson(['copy', ...sides], { cwd })).toMatchObject({ exit: 0 });
    expect(await runJson(['verify', ...sides], { cwd })).toMatchObject({ exit: 0, verdict: 'match' });
    const shapes = await shapesOf(source.client);
    const client = await connectTo(other.url);
    expect((await client.query('SELECT count(*)::int AS n FROM memory_entries')).rows[0].n).toBe(ROWS);
    expect(await contentsOf(other.url, shapes)).toEqual(await contentsOf(source.url, shapes));
  });
}

describeCitus('memory-mesh on Citus', () => suite(() => freshCluster({ shardCount: 8 }), true));
describe('memory-mesh on a plain PostgreSQL', () => suite(freshSource, false));
