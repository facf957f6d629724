import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgres, type Server, startServer } from '../../src/demo/servers/index.js';
import { connectTo, type FreshDatabase, freshSource } from '../support/databases.js';
import { freshFolder, runJson } from '../support/migrate.js';
import { contentsOf, shapesOf } from '../support/same-rows.js';

describe('a hot standby as source', () => {
  const cwd = freshFolder();
  const servers: Server[] = [];
  let target: FreshDatabase;

  beforeAll(async () => {
    const install = await findPostgres();
    const primary = await startServer({ install, name: 'primary' });
    servers.push(primary);
    const client = await connectTo(primary.url());
    await client.query(`
      CREATE TABLE entry (id bigserial PRIMARY KEY, namespace text NOT NULL, note text);
      INSERT INTO entry (namespace, note) SELECT 'n' || g % 7, repeat('x', g % 100) FROM generate_series(1, 5000) g`);
    // The standby starts from a copy of the stopped primary.
    const signal = join(primary.dataDir, 'standby.signal');
    await primary.halt();
    writeFileSync(signal, '', { mode: 0o644 });
    const standby = await startServer({
      install,
      name: 'standby',
      dataTemplate: primary.dataDir,
      settings: { primary_conninfo: `host=127.0.0.1 port=${primary.port} user=${primary.user}` },
    });
    servers.push(standby);
    rmSync(signal);
    await primary.resume();
    const again = await connectTo(primary.url());
    await again.query(
      `INSERT INTO entry (namespace, note) SELECT 'late', 'row ' || g FROM generate_series(1, 100) g`,
    );
    target = await freshSource();
  });
  afterAll(async () => {
    for (const server of servers.reverse()) await server.stop();
  });

  test('is exported in one snapshot, with what it has replayed, and verified', async () => {
    const [primary, standby] = servers as [Server, Server];
    const replica = await connectTo(standby.url());
    const rows = async (): Promise<number> => (await replica.query('SELECT FROM entry')).rowCount ?? 0;
    await expect.poll(rows, { timeout: 30_000 }).toBe(5100);
    expect((await replica.query('SELECT pg_is_in_recovery() AS standby')).rows[0].standby).toBe(true);
    const sides = ['--source', standby.url(), '--target', target.url];
    expect(
      await runJson(['export', '--out', 'dump', '--chunk-bytes', '64kB', ...sides], { cwd }),
    ).toMatchObject({
      exit: 0,
      tables: [{ table: 'entry', rows: 5100 }],
    });
    expect(await runJson(['import', '--from', 'dump', ...sides], { cwd })).toMatchObject({ exit: 0 });
    expect(await runJson(['verify', ...sides], { cwd })).toMatchObject({ exit: 0, verdict: 'match' });
    const shapes = await shapesOf(await connectTo(primary.url()));
    expect(await contentsOf(target.url, shapes)).toEqual(await contentsOf(primary.url(), shapes));
  });

  test('refuses to read unlogged tables, of which a standby has no rows', async () => {
    const [primary, standby] = servers as [Server, Server];
    const client = await connectTo(primary.url());
    await client.query(`
      CREATE UNLOGGED TABLE cache (id int PRIMARY KEY, namespace text NOT NULL);
      INSERT INTO cache SELECT g, 'n' FROM generate_series(1, 10) g`);
    const elsewhere = freshFolder();
    const fresh = await freshSource();
    const from = (server: Server): string[] => ['--source', server.url(), '--target', fresh.url];
    expect(await runJson(['plan', ...from(primary)], { cwd: elsewhere })).toMatchObject({ exit: 0 });
    const replica = await connectTo(standby.url());
    await expect
      .poll(async () => (await replica.query("SELECT to_regclass('cache') AS t")).rows[0].t, {
        timeout: 30_000,
      })
      .toBe('cache');
    for (const command of [['plan'], ['export', '--out', 'dump'], ['copy'], ['verify']]) {
      const document = await runJson([...command, ...from(standby)], { cwd: elsewhere });
      expect(document, command[0]).toMatchObject({ exit: 2, error: { code: 'UNLOGGED_ON_STANDBY' } });
      expect(document.error.message).toMatch(/unlogged tables: cache$/);
    }
    const rest = ['copy', '--exclude', 'cache', ...from(standby)];
    expect(await runJson(rest, { cwd: elsewhere })).toMatchObject({ exit: 0, tables: [{ rows: 5100 }] });
  });
});
