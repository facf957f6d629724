import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../../support/databases.js';
import { freshFolder, runJson } from '../../support/migrate.js';
import { expectRefusal, withPassword } from '../../support/refusal.js';
import { contentsOf, shapesOf } from '../../support/same-rows.js';

const SCHEMA = 'CREATE TABLE item (id int PRIMARY KEY, namespace varchar(20) NOT NULL, note text)';
const ROWS = `INSERT INTO item SELECT g, 'ns' || g % 7, 'note ' || g FROM generate_series(1, 100) g`;

async function filledSource(): Promise<FreshDatabase> {
  const source = await freshSource();
  await source.client.query(`${SCHEMA}; ${ROWS}`);
  return source;
}

describe('a target that is not meant', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const cwd = freshFolder();
  const copy = (...args: string[]): string[] => [
    'copy',
    ...args,
    '--source',
    withPassword(source.url),
    '--target',
    withPassword(target.url),
  ];
  const unchanged = () => [cwd, source, target];

  beforeAll(async () => {
    source = await filledSource();
    target = await freshSource();
  });

  test('is the source itself', async () => {
    const expected = { code: 'SAME_DATABASE', exit: 2, says: ['--source and --target'] };
    const twice = ['--source', source.url, '--target', source.url.replace('127.0.0.1', 'localhost')];
    await expectRefusal(
      ['copy', '--yes', '--truncate', ...twice],
      { cwd, unchanged: [cwd, source] },
      expected,
    );
    await expectRefusal(['verify', ...twice], { cwd, unchanged: [cwd, source] }, expected);
  });

  test('is being worked on by another run', async () => {
    await target.client.query(
      `SET application_name = 'migrate 0ther1d'; SELECT pg_advisory_lock(x'636d6967'::int)`,
    );
    await expectRefusal(
      copy(),
      { cwd, unchanged: unchanged() },
      { code: 'RUN_LOCKED', exit: 3, says: ['0ther1d', /process \d+/, '127.0.0.1', 'pg_terminate_backend'] },
    );
    await target.client.query('SELECT pg_advisory_unlock_all(); RESET application_name');
  });

  test('has a table of that name with other columns', async () => {
    await target.client.query('CREATE TABLE item (id bigint PRIMARY KEY, namespace varchar(20) NOT NULL)');
    await expectRefusal(
      copy(),
      { cwd, unchanged: unchanged() },
      {
        code: 'TARGET_TABLE_DIFFERS',
        exit: 2,
        says: ['item.id is bigint, planned integer', 'item.note is missing, planned text'],
      },
    );
    await target.client.query('DROP TABLE item');
  });

  test('holds rows that this run did not load, and keeps them unless somebody says otherwise', async () => {
    await target.client.query(`${SCHEMA}; INSERT INTO item VALUES (4711, 'mine', 'do not touch')`);
    await expectRefusal(
      copy(),
      { cwd, unchanged: unchanged() },
      { code: 'TARGET_NOT_EMPTY', exit: 2, says: ['item', '--truncate'] },
    );
    await expectRefusal(
      copy('--truncate'),
      { cwd, unchanged: unchanged() },
      { code: 'CONFIRMATION_NEEDED', exit: 2, says: ['item', 'target', '--yes'] },
    );
    expect(await runJson(copy('--truncate', '--yes'), { cwd })).toMatchObject({ exit: 0 });
    const shapes = await shapesOf(source.client);
    expect(await contentsOf(target.url, shapes)).toEqual(await contentsOf(source.url, shapes));
  });
});

describeCitus('a cluster that is not meant', () => {
  let source: FreshDatabase;
  let cluster: FreshCluster;
  const cwd = freshFolder();
  const refused = (target: string, code: string, says: string[], exit = 2) =>
    expectRefusal(
      ['copy', '--source', withPassword(source.url), '--target', withPassword(target)],
      { cwd, unchanged: [cwd, source, cluster] },
      { code, exit, says },
    );

  beforeAll(async () => {
    source = await filledSource();
    cluster = await freshCluster({ shardCount: 4 });
  });

  test('the server loads Citus, but the database has no extension', () => {
    const url = new URL(cluster.url);
    url.pathname = '/postgres';
    return refused(url.href, 'CITUS_MISSING', ['postgres', 'CREATE EXTENSION citus']);
  });

  test('the target is a worker', () =>
    refused(cluster.workerUrls[0]!, 'NOT_COORDINATOR', [
      new URL(cluster.workerUrls[0]!).port,
      'is a worker',
      'Name the coordinator',
    ]));

  test('the cluster has no worker', async () => {
    const name = `${new URL(cluster.url).pathname.slice(1)}_alone`;
    await cluster.client.query('SET citus.enable_create_database_propagation = off');
    await cluster.client.query(`CREATE DATABASE ${name}`);
    const url = new URL(cluster.url);
    url.pathname = `/${name}`;
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await client.query('CREATE EXTENSION citus');
    await client.end();
    try {
      await refused(url.href, 'NO_WORKERS', ['citus_add_node']);
    } finally {
      await cluster.client.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  });

  test('a worker cannot be reached from here', async () => {
    const sides = ['--source', source.url, '--target', withPassword(cluster.url)];
    expect(await runJson(['copy', ...sides], { cwd: freshFolder() })).toMatchObject({ exit: 0 });
    const { host } = new URL(cluster.workerUrls[0]!);
    const folder = freshFolder();
    writeFileSync(
      join(folder, 'migrate.config.yaml'),
      `nodeAddresses:\n  "${host}": "127.0.0.1:${await closedPort()}"\n`,
    );
    await expectRefusal(
      ['verify', ...sides],
      { cwd: folder, unchanged: [folder, source, cluster] },
      { code: 'WORKER_UNREACHABLE', exit: 3, says: [host, 'nodeAddresses'] },
    );
  });
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
