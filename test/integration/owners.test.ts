import { beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../src/citus/database.js';
import { MigrateError } from '../../src/core/errors.js';
import { ALL_UNITS, bucketOf, bucketSql, bucketUnit, type Side } from '../../src/core/ownership.js';
import { Owners } from '../../src/dualwrite/owners.js';
import { noopContext } from '../../src/observe/noop.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';

const open = (url: string, side: Side): Promise<Database> =>
  Database.open(resolveConninfo(url, {}), { side, runId: `owners-${process.pid}`, readOnly: false });

describe('a bucket', () => {
  test('is the same here and on a server', async () => {
    const { client } = await freshSource();
    const names = ['', 'a', 'tenant-7', 'Größe', '日本語', '😀', "it's", ' blank ', '42'];
    const many = Array.from({ length: 5000 }, (_, index) => `ns${index * 7919}`);
    const { rows } = await client.query<{ name: string; bucket: number; sum: number }>(
      `SELECT name, ${bucketSql('name')} AS bucket FROM unnest($1::text[]) AS n (name)`,
      [[...names, ...many]],
    );
    expect(rows.filter(({ name, bucket }) => bucketOf(name) !== bucket)).toEqual([]);
    expect(new Set(rows.map(({ bucket }) => bucket)).size).toBe(100);
  });
});

function suite(fresh: () => Promise<FreshDatabase & { workerUrls?: readonly string[] }>): void {
  let mine: Awaited<ReturnType<typeof fresh>>;
  let database: Database;
  beforeAll(async () => {
    mine = await fresh();
    database = await open(mine.url, 'source');
    await Owners.install(database);
    return () => database.close();
  });

  test('gives units away once, by the one who holds them', async () => {
    const owners = await Owners.open(database, noopContext());
    const units = ['b00', bucketUnit(99), '*', 'n:seven'];
    await owners.block(units, 20_000);
    await owners.awaitWriters(units, 1000);
    const epoch = await owners.give(units, 'target');
    const rows = await owners.read();
    expect(
      rows
        .filter(({ owner }) => owner === 'target')
        .map(({ unit }) => unit)
        .sort(),
    ).toEqual([...units].sort());
    expect(rows.every(({ blockedUntil }) => blockedUntil === null)).toBe(true);
    await expect(owners.give(units, 'target')).rejects.toMatchObject({ code: 'BLOCK_EXPIRED' });
    await expect(owners.block(units, 1000)).rejects.toMatchObject({ code: 'UNIT_NOT_OWNED' });
    await owners.take(units, epoch + 1);
    expect((await owners.read()).every(({ owner }) => owner === 'source')).toBe(true);
    expect(rows.length).toBe(ALL_UNITS.length + 1);
    await owners.close();
  });
}

describe('owners on a single node', () => suite(freshSource));
describeCitus('owners on a cluster', () => {
  suite(freshCluster);

  /** Owners of the cluster's side, which has taken `units`; `dies` is called at the point named. */
  async function dying(cluster: FreshCluster, point: string, dies: () => Promise<void>) {
    const database = await open(cluster.url, 'target');
    await Owners.install(database);
    const fail = async (passed: string): Promise<void> => {
      if (passed === point) await dies();
    };
    const owners = await Owners.open(database, noopContext({ fail }));
    await owners.take(['b00', 'b01'], 1);
    return { database, owners };
  }
  const rowsOf = async (url: string): Promise<Record<string, string>> => {
    const client = await connectTo(url);
    const { rows } = await client.query<{ unit: string; state: string }>(
      `SELECT unit, concat_ws(' ', owner, epoch, CASE WHEN blocked_until = 'infinity' THEN 'held'
         WHEN blocked_until > clock_timestamp() THEN 'blocked' END) AS state
       FROM citus_migrate.ownership WHERE unit IN ('b00', 'b01') ORDER BY 1`,
    );
    return Object.fromEntries(rows.map(({ unit, state }) => [unit, state]));
  };
  /** What a later run does first. */
  const comeBack = async (cluster: FreshCluster): Promise<void> => {
    const database = await open(cluster.url, 'target');
    await (await Owners.open(database, noopContext())).close();
    await database.close();
  };

  /** Ends the connections of owners on every node. */
  const cut = async (cluster: FreshCluster): Promise<void> => {
    for (const url of [cluster.url, ...cluster.workerUrls]) {
      await (await connectTo(url)).query(
        "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE application_name LIKE 'migrate owners-%' AND datname = current_database()",
      );
    }
  };

  test('ends a block over new connections where its own broke before the decision', async () => {
    const cluster = await freshCluster();
    const { database, owners } = await dying(cluster, 'owners: before the decision', () => cut(cluster));
    await owners.block(['b00'], 60_000);
    await expect(owners.give(['b00'], 'source')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(await owners.release(['b00'])).toBe(true);
    for (const url of [cluster.url, ...cluster.workerUrls])
      expect(await rowsOf(url)).toEqual({ b00: 'target 1', b01: 'target 1' });
    await owners.close();
    await database.close();
  });

  test('tells the workers over new connections where theirs broke behind the decision', async () => {
    const cluster = await freshCluster();
    const { database, owners } = await dying(cluster, 'owners: after the decision', () => cut(cluster));
    await owners.block(['b00'], 60_000);
    await owners.give(['b00'], 'source');
    for (const url of [cluster.url, ...cluster.workerUrls])
      expect(await rowsOf(url)).toEqual({ b00: 'source 2', b01: 'target 1' });
    await owners.close();
    await database.close();
  });

  test('says as often as it is asked that a block could not be ended on a worker', async () => {
    const cluster = await freshCluster();
    const { database, owners } = await dying(cluster, 'owners: before the decision', async () => {
      await cut(cluster);
      const connect = database.connect.bind(database);
      const gone = database.nodes.at(-1);
      database.connect = (node, stallMs) =>
        node === gone ? Promise.reject(new MigrateError('WORKER_UNREACHABLE')) : connect(node, stallMs);
    });
    await owners.block(['b00'], 60_000);
    await expect(owners.give(['b00'], 'source')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect([await owners.release(['b00']), await owners.release(['b00'])]).toEqual([false, false]);
    expect(await rowsOf(cluster.url)).toEqual({ b00: 'target 1', b01: 'target 1' });
    expect(await rowsOf(cluster.workerUrls.at(-1)!)).toEqual({ b00: 'target 1 held', b01: 'target 1' });
    await owners.close();
    await database.close();
  });

  test('lets workers go whose process died before the decision, but not before its block has run out', async () => {
    const cluster = await freshCluster();
    const { database, owners } = await dying(cluster, 'owners: before the decision', async () => {
      await cut(cluster);
      // The dead connect no more.
      database.connect = () => Promise.reject(new MigrateError('CONNECTION_REFUSED'));
    });
    await owners.block(['b00'], 3000);
    await expect(owners.give(['b00'], 'source')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    const held = { b00: 'target 1 held', b01: 'target 1' };
    for (const url of cluster.workerUrls) expect(await rowsOf(url)).toEqual(held);
    expect(await rowsOf(cluster.url)).toEqual({ b00: 'target 1 blocked', b01: 'target 1' });
    await comeBack(cluster);
    for (const url of cluster.workerUrls) expect(await rowsOf(url)).toEqual(held);
    await expect
      .poll(() => rowsOf(cluster.url), { timeout: 10_000 })
      .toEqual({ b00: 'target 1', b01: 'target 1' });
    await comeBack(cluster);
    for (const url of cluster.workerUrls)
      expect(await rowsOf(url)).toEqual({ b00: 'target 1', b01: 'target 1' });
    await database.close();
  });

  test('makes workers follow a decision that its process did not live to tell', async () => {
    const cluster = await freshCluster();
    const { database, owners } = await dying(cluster, 'owners: after the decision', () =>
      Promise.reject(new Error('the server room burns')),
    );
    await owners.block(['b00'], 10_000);
    await expect(owners.give(['b00'], 'source')).rejects.toThrow('burns');
    await owners.close();
    expect(await rowsOf(cluster.url)).toEqual({ b00: 'source 2', b01: 'target 1' });
    for (const url of cluster.workerUrls)
      expect(await rowsOf(url)).toEqual({ b00: 'target 1 held', b01: 'target 1' });
    await comeBack(cluster);
    for (const url of cluster.workerUrls)
      expect(await rowsOf(url)).toEqual({ b00: 'source 2', b01: 'target 1' });
    await database.close();
  });
});
