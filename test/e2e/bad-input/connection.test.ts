import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { closeServers, findPostgres, type Server, startServer } from '../../../src/demo/servers/index.js';
import { connectTo, type FreshDatabase, freshSource } from '../../support/databases.js';
import { freshFolder } from '../../support/migrate.js';
import { expectRefusal, PASSWORD, type Refusal, withPassword } from '../../support/refusal.js';

describe('a connection that cannot be made', () => {
  let good: FreshDatabase;
  const cwd = freshFolder();
  beforeAll(async () => {
    good = await freshSource();
  });
  const refused = (source: string, expected: Refusal, env: Record<string, string> = {}) =>
    expectRefusal(['export', '--out', 'dump', '--source', source], { cwd, env, unchanged: [cwd] }, expected);

  test.each([
    ['no URL at all', `just some words with ${PASSWORD}`],
    ['a port that is no number', `postgresql://u:${PASSWORD}@127.0.0.1:five/d`],
    ['an unknown parameter', `postgresql://u:${PASSWORD}@127.0.0.1/d?sslmod=require`],
  ])('%s: the URL is refused', (_what, url) => refused(url, { code: 'URL_INVALID', exit: 2, says: [] }));

  test('no source is named', () =>
    expectRefusal(
      ['plan'],
      { cwd, unchanged: [cwd] },
      { code: 'SOURCE_MISSING', exit: 2, says: ['--source', 'MIGRATE_SOURCE_URL'] },
    ));

  test('no target is named', () =>
    expectRefusal(
      ['copy', '--source', good.url],
      { cwd, unchanged: [cwd] },
      { code: 'TARGET_MISSING', exit: 2, says: ['--target', 'MIGRATE_TARGET_URL'] },
    ));

  test('an unknown host', () =>
    refused(`postgresql://u:${PASSWORD}@no-such-host.invalid/d`, {
      code: 'CONNECTION_REFUSED',
      exit: 3,
      says: ['no-such-host.invalid', 'source'],
    }));

  test('a port on which nobody listens', async () => {
    const port = await closedPort();
    await refused(`postgresql://u:${PASSWORD}@127.0.0.1:${port}/d`, {
      code: 'CONNECTION_REFUSED',
      exit: 3,
      says: [`127.0.0.1:${port}`, 'firewall'],
    });
  });

  test('a server that is no PostgreSQL', async () => {
    const server = createServer((socket) =>
      socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).on('error', () => {}),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await refused(`postgresql://u:${PASSWORD}@127.0.0.1:${port}/d`, {
        code: 'CONNECTION_REFUSED',
        exit: 3,
        says: [`127.0.0.1:${port}`],
      });
      await refused(`postgresql://u:${PASSWORD}@127.0.0.1:${port}/d?sslmode=disable`, {
        code: 'CONNECTION_REFUSED',
        exit: 3,
        says: [`127.0.0.1:${port}`],
      });
    } finally {
      server.close();
    }
  });

  test('an unknown database', () => {
    const url = new URL(withPassword(good.url));
    url.pathname = '/no_such_database';
    return refused(url.href, { code: 'DATABASE_UNKNOWN', exit: 2, says: ['no_such_database', 'source'] });
  });

  test('TLS is required and the server has none', () =>
    refused(`${withPassword(good.url)}?sslmode=require`, { code: 'TLS_FAILED', exit: 2, says: ['sslmode'] }));
});

describe('a server that asks for a password', () => {
  let server: Server;
  let url: string;
  const cwd = freshFolder();
  beforeAll(async () => {
    server = await startServer({ install: await findPostgres(), name: 'scram' });
    const admin = await connectTo(server.url());
    await admin.query(`CREATE ROLE locked LOGIN PASSWORD 'the right one'`);
    const hba = join(server.dataDir, 'pg_hba.conf');
    writeFileSync(hba, `host all locked 127.0.0.1/32 scram-sha-256\n${readFileSync(hba, 'utf8')}`);
    await admin.query('SELECT pg_reload_conf()');
    url = server.url().replace('postgres@', 'locked@');
  });
  afterAll(closeServers);
  const refused = (source: string, env: Record<string, string>, says: string[]) =>
    expectRefusal(
      ['export', '--out', 'dump', '--source', source],
      { cwd, env, unchanged: [cwd] },
      { code: 'AUTHENTICATION_FAILED', exit: 2, says },
    );

  test('a wrong password', () => refused(withPassword(url), {}, ['locked', '~/.pgpass']));
  test('a wrong password in the environment', () => refused(url, { PGPASSWORD: PASSWORD }, ['locked']));
  test('no password', () => refused(url, {}, ['locked', 'password', '~/.pgpass']));
  test('an unknown role', () => refused(withPassword(url, { user: 'nobody_knows' }), {}, ['nobody_knows']));
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
