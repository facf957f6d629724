import { spawn } from 'node:child_process';
import { constants, cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { embeddedBinDir, embeddedPackage } from '../../src/demo/servers/embedded.js';
import {
  closeServers,
  createDatabase,
  findPostgres,
  openSession,
  startCluster,
  startServer,
  withSession,
} from '../../src/demo/servers/index.js';
import { connectTo, describeCitus, freshCluster, freshSource } from '../support/databases.js';
import { sortedCopy } from '../support/sorted-copy.js';

afterAll(closeServers);

const one = async (url: string, query: string) =>
  (await withSession(url, (session) => session.one<{ v: unknown }>(`SELECT (${query}) AS v`))).v;

const unreachable = (url: string) =>
  expect(openSession(url)).rejects.toMatchObject({ code: 'CONNECTION_REFUSED' });

describe('throw-away servers', () => {
  it('run side by side on ports of their own, in UTF-8 with the C collation, and leave nothing when stopped', async () => {
    const install = await findPostgres();
    const servers = await Promise.all([startServer({ install }), startServer({ install, name: 'other' })]);
    expect(new Set(servers.map(({ port }) => port)).size).toBe(2);
    for (const server of servers) {
      expect(await one(server.url(), `current_setting('server_encoding')`)).toBe('UTF8');
      expect(
        await one(server.url(), 'SELECT datcollate FROM pg_database WHERE datname = current_database()'),
      ).toBe('C');
    }
    await Promise.all(servers.map((server) => server.stop()));
    for (const server of servers) {
      expect(existsSync(server.dataDir)).toBe(false);
      await unreachable(server.url());
    }
  });

  it('keep committed rows over a restart, an immediate stop and a kill', async () => {
    const server = await startServer({ install: await findPostgres() });
    const url = await createDatabase(server, 'kept');
    await withSession(url, (session) => session.query('CREATE TABLE public.t (n int)'));
    const crashes = [() => server.restart(), () => server.restart('immediate'), () => server.kill9()];
    for (const [index, crash] of crashes.entries()) {
      await withSession(url, (session) => session.query(`INSERT INTO public.t VALUES (${index})`));
      await crash();
      await server.resume();
      expect(await one(url, 'SELECT count(*)::int FROM public.t')).toBe(index + 1);
    }
    await server.stop();
  });

  it('start with the settings they are given, and from the data of a stopped server', async () => {
    const install = await findPostgres();
    const first = await startServer({ install, settings: { max_connections: 17, 'app.motto': "it's" } });
    expect(await one(first.url(), `current_setting('max_connections')`)).toBe('17');
    expect(await one(first.url(), `current_setting('app.motto')`)).toBe("it's");
    await createDatabase(first, 'carried');
    await first.halt();
    const second = await startServer({ install, dataTemplate: first.dataDir });
    expect(await one(second.url('carried'), 'current_database()')).toBe('carried');
    await Promise.all([first.stop(), second.stop()]);
  });

  it('report the log when they do not start', async () => {
    const install = await findPostgres();
    const failed = await startServer({ install, settings: { shared_buffers: 'much' } }).catch(
      (error) => error,
    );
    expect(failed).toMatchObject({ code: 'SERVER_NOT_STARTED' });
    expect(failed.context.log.join('\n')).toContain('shared_buffers');
  });

  it('do not mistake another listener on their port for themselves', async () => {
    const server = await startServer({ install: await findPostgres() });
    await server.halt();
    const squatter = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => squatter.listen(server.port, '127.0.0.1', resolve));
    const resumed = server.resume();
    await expect(Promise.race([resumed, logged(server.logFile, 'could not')])).resolves.toBe('logged');
    await new Promise((resolve) => squatter.close(resolve));
    await resumed;
    expect(await one(server.url(), '1')).toBe(1);
    await server.stop();
  });

  it('stop starting when cancelled', async () => {
    const reason = new Error('enough');
    const started = startServer({ install: await findPostgres(), signal: AbortSignal.abort(reason) });
    await expect(started).rejects.toBe(reason);
  });

  it('do not outlive a process that was killed', async () => {
    const script = `
      import { findPostgres, startServer } from ${JSON.stringify(join(process.cwd(), 'dist/demo/servers/index.js'))};
      const server = await startServer({ install: await findPostgres() });
      console.log(JSON.stringify({ url: server.url(), dataDir: server.dataDir }));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (data) => resolve(String(data)));
      child.once('exit', () => reject(new Error('the process ended: is dist/ built?')));
    });
    const server = JSON.parse(line) as { url: string; dataDir: string };
    expect(await one(server.url, '1')).toBe(1);
    child.kill('SIGKILL');
    await expect.poll(() => existsSync(dirname(dirname(server.dataDir))), { timeout: 30_000 }).toBe(false);
    await unreachable(server.url);
  });
});

describe('the choice of a PostgreSQL', () => {
  it('takes the embedded one where it is asked for', async () => {
    const install = await findPostgres({ ...process.env, MIGRATE_PG_KIND: 'embedded' });
    expect(install).toMatchObject({ kind: 'embedded', hasCitus: false, hasVector: false });
    const server = await startServer({ install });
    expect(await one(server.url(), `current_setting('server_version')`)).toBe(install.version);
    await server.stop();
  });

  it('needs neither the install script of the embedded one nor a folder that others can read', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'migrate-closed-'));
    const native = join(folder, 'native');
    cpSync(embeddedPackage()!, native, { recursive: true, mode: constants.COPYFILE_FICLONE });
    for (const entry of readdirSync(join(native, 'lib'), { withFileTypes: true })) {
      if (entry.isSymbolicLink()) rmSync(join(native, 'lib', entry.name));
    }
    const install = await findPostgres({ ...process.env, MIGRATE_PG_KIND: 'embedded' });
    const server = await startServer({ install: { ...install, binDir: await embeddedBinDir(native) } });
    expect(await one(server.url(), '1')).toBe(1);
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  it('refuses a folder without a server and a server older than 14', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'migrate-old-'));
    const find = () =>
      findPostgres({ ...process.env, MIGRATE_PG_BINDIR: folder, MIGRATE_PG_KIND: undefined });
    await expect(find()).rejects.toMatchObject({ code: 'NO_SERVER' });
    for (const [version, usable] of [
      ['13.20', false],
      ['16.4', true],
    ] as const) {
      for (const program of ['postgres', 'initdb']) {
        const script = `#!/bin/sh\necho '${program} (PostgreSQL) ${version}'\n`;
        writeFileSync(join(folder, program), script, { mode: 0o755 });
      }
      if (usable) expect(await find()).toMatchObject({ version, major: 16, kind: 'local', hasCitus: false });
      else await expect(find()).rejects.toMatchObject({ code: 'NO_SERVER' });
    }
    rmSync(folder, { recursive: true });
  });
});

describe('databases for tests', () => {
  it('are empty, separate, and read by the oracle in a fixed form', async () => {
    const [a, b] = [await freshSource(), await freshSource()];
    await a.client.query(`CREATE TABLE t (id int, v float8); INSERT INTO t VALUES (2, 0.1), (1, 'NaN')`);
    await b.client.query(`CREATE TABLE t (id int, v float8); INSERT INTO t VALUES (1, 'NaN'), (2, 0.1)`);
    const read = (url: string) => sortedCopy(url, 'SELECT * FROM t ORDER BY id');
    expect(await read(a.url)).toEqual(await read(b.url));
    expect((await read(a.url)).rows).toBe(2);
    await b.client.query('UPDATE t SET v = 0.10000000000000002 WHERE id = 2');
    expect((await read(a.url)).sha256).not.toBe((await read(b.url)).sha256);
  });
});

describeCitus('throw-away clusters', () => {
  it('spread a table over their workers, with the shard count asked for', async () => {
    const { client, workerUrls } = await freshCluster({ shardCount: 6 });
    await client.query(`CREATE TABLE t (id int PRIMARY KEY)`);
    await client.query(`SELECT create_distributed_table('t', 'id')`);
    await client.query('INSERT INTO t SELECT generate_series(1, 100)');
    const shards = await client.query(
      'SELECT count(*)::int AS n, count(DISTINCT nodeport)::int AS nodes FROM citus_shards',
    );
    expect(shards.rows).toEqual([{ n: 6, nodes: 2 }]);
    for (const url of workerUrls) {
      const worker = await connectTo(url);
      expect((await worker.query('SELECT count(*)::int AS n FROM t')).rows).toEqual([{ n: 100 }]);
    }
  });

  it('place every shard twice with a replication factor of 2', async () => {
    const { client } = await freshCluster({ shardCount: 4, replicationFactor: 2 });
    await client.query(`CREATE TABLE t (id int PRIMARY KEY)`);
    await client.query(`SELECT create_distributed_table('t', 'id')`);
    expect((await client.query('SELECT count(*)::int AS n FROM citus_shards')).rows).toEqual([{ n: 8 }]);
  });

  it('go on after a worker was killed and came back', async () => {
    const cluster = await startCluster({ install: await findPostgres(), workers: 1, shardCount: 2 });
    await withSession(cluster.url(), async (session) => {
      await session.query('CREATE TABLE public.t (id int PRIMARY KEY)');
      await session.query(`SELECT create_distributed_table('public.t', 'id')`);
    });
    const insert = (id: number) =>
      withSession(cluster.url(), (session) => session.query(`INSERT INTO public.t VALUES (${id})`));
    await cluster.workers[0]!.kill9();
    await expect(insert(1)).rejects.toThrow();
    await cluster.workers[0]!.resume();
    await insert(2);
    expect(await one(cluster.url(), 'SELECT count(*)::int FROM public.t')).toBe(1);
    await cluster.stop();
    await unreachable(cluster.url());
  });
});

/** Resolves when the log has the words. */
async function logged(file: string, words: string): Promise<'logged'> {
  await expect.poll(() => readFile(file, 'utf8'), { timeout: 30_000 }).toContain(words);
  return 'logged';
}
