import { rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../src/citus/database.js';
import { findPostgres, type Server, startServer } from '../../src/demo/servers/index.js';
import { connect } from '../../src/postgres/connect.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
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

  type Host = 'primary' | 'standby' | 'dead' | number;
  const portOf = (host: Host): number => {
    const [primary, standby] = servers as [Server, Server];
    if (typeof host === 'number') return host;
    return { primary: primary.port, standby: standby.port, dead: 1 }[host];
  };
  const urlOf = (hosts: readonly Host[], parameters: string): string => {
    const { username, pathname } = new URL(servers[0]!.url());
    const list = hosts.map((host) => `127.0.0.1:${portOf(host)}`).join(',');
    return `postgresql://${username}@${list}${pathname}?sslmode=disable&${parameters}`;
  };
  const portReached = async (hosts: readonly Host[], parameters: string): Promise<number> => {
    const conninfo = resolveConninfo(urlOf(hosts, parameters), {});
    const session = await connect(conninfo, { server: 'target', applicationName: 'migrate test' });
    await session.close();
    return session.address.port;
  };
  const attrs = (value: string): string => `target_session_attrs=${value}`;
  const READ_ONLY = 'options=-cdefault_transaction_read_only%3Don';

  test.each<[string, Host[], Host]>([
    [attrs('any'), ['primary', 'standby'], 'primary'],
    [attrs('any'), ['standby', 'primary'], 'standby'],
    [attrs('any'), ['dead', 'standby'], 'standby'],
    [attrs('read-write'), ['primary', 'standby'], 'primary'],
    [attrs('read-write'), ['standby', 'primary'], 'primary'],
    [attrs('read-write'), ['dead', 'standby', 'primary'], 'primary'],
    [attrs('primary'), ['standby', 'primary'], 'primary'],
    [`${attrs('primary')}&${READ_ONLY}`, ['standby', 'primary'], 'primary'],
    [attrs('read-only'), ['primary', 'standby'], 'standby'],
    [`${attrs('read-only')}&${READ_ONLY}`, ['primary', 'standby'], 'primary'],
    [attrs('standby'), ['primary', 'standby'], 'standby'],
    [attrs('prefer-standby'), ['primary', 'standby'], 'standby'],
    [attrs('prefer-standby'), ['standby', 'primary'], 'standby'],
    [attrs('prefer-standby'), ['dead', 'primary'], 'primary'],
  ])('with %s of %j the %s is taken', async (parameters, hosts, taken) => {
    expect(await portReached(hosts, parameters)).toBe(portOf(taken));
  });

  test.each<[string, Host[], RegExp]>([
    [attrs('standby'), ['primary'], /is no standby$/],
    [attrs('standby'), ['primary', 'dead'], /is no standby; 127.0.0.1:1 does not answer$/],
    [attrs('read-only'), ['primary'], /is not read-only$/],
    [attrs('primary'), ['standby'], /is a standby$/],
    [attrs('read-write'), ['dead', 'standby'], /does not answer; .*is a standby$/],
    [`${attrs('read-write')}&${READ_ONLY}`, ['primary'], /is read-only$/],
  ])('with %s of %j none is taken', async (parameters, hosts, message) => {
    await expect(portReached(hosts, parameters)).rejects.toMatchObject({
      code: 'SERVER_NOT_WANTED',
      exit: 3,
      message: expect.stringMatching(message),
    });
  });

  /** A server that answers every login with one error, or, without a state, by hanging up. */
  const refusing = async (
    state: string | undefined,
    work: (port: number) => Promise<void>,
  ): Promise<void> => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      const fields = Buffer.from(`SFATAL\0VFATAL\0C${state}\0Mno\0\0`);
      const head = Buffer.alloc(5);
      head.write('E');
      head.writeInt32BE(fields.length + 4, 1);
      socket.once('data', () =>
        state === undefined ? socket.destroy() : socket.end(Buffer.concat([head, fields])),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await work((server.address() as AddressInfo).port);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  };

  test('the next host is tried after one that cannot take connections now', () =>
    refusing('57P03', async (port) => {
      expect(await portReached([port, 'primary'], attrs('any'))).toBe(portOf('primary'));
      await expect(portReached([port], attrs('any'))).rejects.toMatchObject({ code: 'CONNECTION_REFUSED' });
    }));

  test.each([
    ['28P01', 'AUTHENTICATION_FAILED'],
    ['28000', 'AUTHENTICATION_FAILED'],
    ['3D000', 'DATABASE_UNKNOWN'],
    ['53300', 'TOO_MANY_CONNECTIONS'],
    [undefined, 'CONNECTION_REFUSED'],
  ])('no other host is tried after the answer %s', (state, code) =>
    refusing(state, async (port) => {
      await expect(portReached([port, 'primary'], attrs('any'))).rejects.toMatchObject({ code });
    }),
  );

  test('every later connection goes to the host that the first one found', async () => {
    const conninfo = resolveConninfo(urlOf(['dead', 'standby', 'primary'], attrs('read-write')), {});
    const database = await Database.open(conninfo, { side: 'source', runId: 'test', readOnly: true });
    try {
      expect(database.head.name).toBe(`127.0.0.1:${portOf('primary')}`);
      expect(database.head.conninfo.hosts).toEqual([{ host: '127.0.0.1', port: portOf('primary') }]);
    } finally {
      await database.close();
    }
  });
});
