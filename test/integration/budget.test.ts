import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CONNECTION_RESERVE, fitJobs } from '../../src/citus/budget.js';
import { Database } from '../../src/citus/database.js';
import {
  type Cluster,
  createClusterDatabase,
  dropClusterDatabase,
  findPostgres,
  startCluster,
} from '../../src/demo/servers/index.js';
import { noopContext, noopLog } from '../../src/observe/noop.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import { connectTo, describeCitus, type FreshDatabase, freshSource } from '../support/databases.js';
import { expectArrived, filled, type Journey, load, prepare } from '../support/load.js';
import { runJson } from '../support/migrate.js';

const MAX_CONNECTIONS = 36;

describeCitus('connections on servers that have few', () => {
  let cluster: Cluster;
  let source: FreshDatabase;
  let spies: pg.Client[];
  const made: string[] = [];

  beforeAll(async () => {
    cluster = await startCluster({
      install: await findPostgres(),
      settings: { max_connections: MAX_CONNECTIONS },
    });
    source = await freshSource();
    await source.client.query(filled(2000));
    spies = await Promise.all(
      [cluster.coordinator, ...cluster.workers].map((node) => connectTo(node.url('postgres'))),
    );
  });
  // Citus keeps three connections for every database.
  afterEach(async () => {
    for (const name of made.splice(0)) await dropClusterDatabase(cluster, name);
  });
  afterAll(async () => cluster.stop());

  const journeyTo = async (name: string, shardCount: number): Promise<Journey> => {
    const url = await createClusterDatabase(cluster, name, { shardCount });
    made.push(name);
    return prepare(source, { url, client: await connectTo(url) });
  };
  /** The most connections that a database had on each node while `work` went on. */
  const peaks = async (database: string, work: () => Promise<unknown>): Promise<number[]> => {
    let over = false;
    const most = spies.map(async (spy) => {
      let peak = 0;
      while (!over) {
        const { rows } = await spy.query(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`,
          [database],
        );
        peak = Math.max(peak, rows[0].n);
      }
      return peak;
    });
    await work().finally(() => {
      over = true;
    });
    return Promise.all(most);
  };

  test.each([
    ['few', 4, 'direct'],
    ['many', 96, 'direct'],
    ['coordinated', 96, 'coordinator'],
  ] as const)(
    'stay below the limit with as many streams as fit, with %s shards (%i, %s)',
    async (name, shardCount, via) => {
      const journey = await journeyTo(name, shardCount);
      const said: string[] = [];
      const log = { ...noopLog, warn: (line: string) => void said.push(line) };
      const most = await peaks(name, async () =>
        load(journey, { jobs: 64, mayReduce: true, via, context: { log } }),
      );
      expect(said).toEqual([
        expect.stringMatching(
          /^Working with \d+ streams instead of 64: .*worker 127\.0\.0\.1:\d+ has \d+ left \(max_connections = 36, 3 of them reserved, \d+ in use, 5 kept free\) and \d+ are wanted/,
        ),
      ]);
      // The test's own session is on the coordinator, too.
      for (const peak of most) expect(peak).toBeLessThanOrEqual(MAX_CONNECTIONS - 3 - CONNECTION_RESERVE + 1);
      // The spies see what is there: several streams at work.
      for (const peak of most) expect(peak).toBeGreaterThan(5);
      await expectArrived(journey);
    },
  );

  test('are refused before anything is written when the user asked for more streams than fit', async () => {
    const journey = await journeyTo('refused', 8);
    const document = await runJson(
      ['copy', '--jobs', '32', '--source', source.url, '--target', journey.target.url],
      { cwd: journey.folder },
    );
    expect(document).toMatchObject({ exit: 2, error: { code: 'CONNECTIONS_SHORT' } });
    expect(document.error.message).toMatch(/^Not enough connections for 32 streams: .*worker 127\.0\.0\.1/);
    const most = document.error.context.mostJobs as number;
    expect(document.error.hint).toContain(`--jobs ${most}`);
    expect(most).toBeGreaterThan(3);
    const { rows } = await journey.target.client.query(
      `SELECT to_regnamespace('citus_migrate') AS ledger, to_regclass('public.item') AS item`,
    );
    expect(rows).toEqual([{ ledger: null, item: null }]);
    // What the hint says is true, but for Citus's own connections, which come and go.
    expect(
      await runJson(
        ['copy', '--jobs', String(most - 2), '--source', source.url, '--target', journey.target.url],
        { cwd: journey.folder },
      ),
    ).toMatchObject({ exit: 0 });
    await expectArrived(journey);
  });

  test('in use by others count, those of this run and those that the user does without do not', async () => {
    const journey = await journeyTo('shared', 8);
    // Citus's own connections come and go; a role with a limit has none of them.
    await journey.target.client.query(`CREATE ROLE limited LOGIN CONNECTION LIMIT 22`);
    const as = (url: string): string => url.replace('postgres@', 'limited@');
    const database = await Database.open(resolveConninfo(as(journey.target.url), {}), {
      side: 'target',
      runId: 'budget',
      readOnly: false,
    });
    const fit = async (more: object = {}): Promise<number> =>
      (await fitJobs({ writer: database, jobs: 64, mayReduce: true, ...more }, noopContext())).now;
    const before = await fit();
    const own = await Promise.all(Array.from({ length: 4 }, () => database.connect(database.nodes[1]!)));
    const withOwn = await fit();
    expect(await fit({ connectionReserve: CONNECTION_RESERVE + 2 })).toBe(before - 1);
    const url = as(cluster.workers[0]!.url('shared'));
    await Promise.all(Array.from({ length: 6 }, () => connectTo(url)));
    // Each stream needs two connections on a worker.
    expect({ withOwn, withOthers: await fit() }).toEqual({ withOwn: before, withOthers: before - 3 });
    await expect(fit({ mayReduce: false })).rejects.toThrow(
      /worker 127\.0\.0\.1:\d+ has \d+ left \(connection limit of the role = 22, 6 in use, 5 kept free\)/,
    );
    await expect(fit({ connectionReserve: 22 })).rejects.toMatchObject({
      code: 'CONNECTIONS_SHORT',
      context: { mostJobs: 0 },
    });
    await Promise.all(own.map((session) => session.close()));
    await database.close();
  });

  test('that the coordinator may not open are not counted on', async () => {
    const journey = await journeyTo('pooled', 8);
    const { client } = journey.target;
    await client.query('ALTER SYSTEM SET citus.max_shared_pool_size = 9');
    await client.query('SELECT pg_reload_conf()');
    const setting = () =>
      client.query('SHOW citus.max_shared_pool_size').then(({ rows }) => Object.values(rows[0]!)[0]);
    await expect.poll(setting).toBe('9');
    const database = await Database.open(resolveConninfo(journey.target.url, {}), {
      side: 'target',
      runId: 'pooled',
      readOnly: false,
    });
    const refusal = fitJobs({ writer: database, jobs: 6 }, noopContext());
    await expect(refusal).rejects.toThrow(/citus\.max_shared_pool_size on the coordinator/);
    await database.close();
    const most = await peaks('pooled', () => load(journey, { jobs: 8, mayReduce: true, via: 'coordinator' }));
    expect(Math.max(...most)).toBeGreaterThan(2);
    await expectArrived(journey);
    await client.query('ALTER SYSTEM RESET citus.max_shared_pool_size');
    await client.query('SELECT pg_reload_conf()');
  });
});
