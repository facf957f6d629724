import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Context } from '../../src/core/context.js';
import { type Cluster, closeServers, findPostgres, startCluster } from '../../src/demo/servers/index.js';
import { noopLog, noopProgress } from '../../src/observe/noop.js';
import { connectTo, describeCitus, freshSource } from '../support/databases.js';
import { expectArrived, expectContinues, type Journey, load, loadAndDie, prepare } from '../support/load.js';

/** Keys of both kinds, an index that no constraint has, and foreign keys to a distributed and a reference table. */
const SCHEMA = `
  CREATE FUNCTION watched(x bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN x; END';
  CREATE TABLE kind (id int PRIMARY KEY, label text NOT NULL UNIQUE);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 5) g;
  CREATE TABLE item (
    id bigint PRIMARY KEY, namespace text NOT NULL, kind int NOT NULL REFERENCES kind, parent bigint REFERENCES item
  );
  INSERT INTO item SELECT g, 'ns' || g % 20, 1 + g % 5, CASE WHEN g > 20 THEN g - 20 END FROM generate_series(1, 400) g;
  CREATE INDEX item_watched ON item (watched(id));
  ANALYZE;
`;

/** Held by a test on a node: the function in the index waits for it there. */
const GATE = 4711;
const WAITS = `
  CREATE OR REPLACE FUNCTION watched(x bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS '
    BEGIN
      PERFORM pg_advisory_lock_shared(${GATE});
      PERFORM pg_advisory_unlock_shared(${GATE});
      RETURN x;
    END'`;
const WANTS_MEMORY = `
  CREATE OR REPLACE FUNCTION watched(x bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS '
    BEGIN
      -- ANALYZE, which comes later, asks this function too.
      IF current_query() LIKE ''%INDEX%'' AND current_setting(''maintenance_work_mem'') <> ''123MB'' THEN
        RAISE EXCEPTION ''memory is %'', current_setting(''maintenance_work_mem'');
      END IF;
      RETURN x;
    END'`;

describeCitus('what comes after the rows', () => {
  let cluster: Cluster;
  let journey: Journey;
  let client: pg.Client;
  /** One connection to each worker. */
  let workers: pg.Client[];

  beforeAll(async () => {
    cluster = await startCluster({ install: await findPostgres(), shardCount: 4 });
    const source = await freshSource();
    await source.client.query(SCHEMA);
    client = await connectTo(cluster.url());
    journey = await prepare(source, { url: cluster.url(), client });
    await connectWorkers();
  });
  // A test that fails must not keep the next one waiting.
  afterEach(async () => {
    for (const worker of workers) await worker.query('SELECT pg_advisory_unlock_all()').catch(() => {});
  });
  afterAll(closeServers);

  const connectWorkers = async (): Promise<void> => {
    workers = await Promise.all(cluster.workers.map((worker) => connectTo(worker.url('app'))));
  };

  /** The rows and nothing after them, with this function in the index. */
  async function loaded(watched: string): Promise<void> {
    await client.query('DROP TABLE IF EXISTS item, kind CASCADE');
    await load(journey, { phase: 'before-data' });
    await load(journey, { phase: 'data' });
    await client.query(watched);
  }

  const close = (gate: pg.Client) => gate.query(`SELECT pg_advisory_lock(${GATE})`);
  const open = (gate: pg.Client) => gate.query(`SELECT pg_advisory_unlock(${GATE})`);

  /** A backend that builds an index and waits at the gate. */
  async function building(node: pg.Client): Promise<number> {
    const sql = `SELECT pid FROM pg_stat_progress_create_index JOIN pg_stat_activity USING (pid) WHERE wait_event = 'advisory'`;
    await expect
      .poll(async () => (await node.query(sql)).rows.length, { timeout: 20_000 })
      .toBeGreaterThan(0);
    return (await node.query(sql)).rows[0].pid;
  }

  /** Starts the last phase; `said` collects its warnings. */
  function finish(parts: Partial<Context> = {}): { said: string[]; ended: Promise<unknown> } {
    const said: string[] = [];
    const log = { ...noopLog, warn: (message: string) => void said.push(message) };
    const ended = load(journey, { phase: 'after-data', context: { log, ...parts } });
    ended.catch(() => {});
    return { said, ended };
  }

  test('builds with the memory that is asked for, on the workers', async () => {
    await loaded(WANTS_MEMORY);
    const mb = 1024 * 1024;
    await expect(load(journey, { phase: 'after-data', indexMemory: 99 * mb })).rejects.toThrow(
      'memory is 99MB',
    );
    await load(journey, { phase: 'after-data', indexMemory: 123 * mb });
    await expectArrived(journey);
  });

  test('goes on when the backend that builds an index on a worker is terminated', async () => {
    await loaded(WAITS);
    await close(workers[0]!);
    const { said, ended } = finish();
    await workers[0]!.query('SELECT pg_terminate_backend($1::int)', [await building(workers[0]!)]);
    await open(workers[0]!);
    await ended;
    expect(said.filter((line) => line.includes('Trying again to create index item_watched'))).not.toEqual([]);
    await expectArrived(journey);
  });

  test('goes on when a worker is stopped in the middle of a build and started again', async () => {
    await loaded(WAITS);
    await close(workers[1]!);
    const { said, ended } = finish();
    await building(workers[1]!);
    await cluster.workers[1]!.restart('immediate');
    await ended;
    expect(said.filter((line) => line.includes('Trying again to create index item_watched'))).not.toEqual([]);
    await connectWorkers();
    await expectArrived(journey);
  });

  test('goes on when a worker is restarted between two steps', async () => {
    await loaded(SCHEMA.split('\n')[1]!.replace('CREATE', 'CREATE OR REPLACE'));
    let steps = 0;
    const fail = async (point: string): Promise<void> => {
      if (point !== 'schema: after a statement') return;
      steps += 1;
      if (steps === 4) await cluster.workers[0]!.restart('immediate');
    };
    await finish({ fail }).ended;
    expect(steps).toBeGreaterThan(4);
    await connectWorkers();
    await expectArrived(journey);
  });

  test('shows how far an index is over all its shards, from every node', async () => {
    await loaded(WAITS);
    for (const worker of workers) await close(worker);
    const shown: { label: string; fraction?: number; detail?: string }[] = [];
    const progress = {
      ...noopProgress,
      advance: (label: string, update: object) => void shown.push({ label, ...update }),
    };
    const { ended } = finish({ progress });
    const last = () =>
      shown.findLast(({ label, fraction }) => label.startsWith('index item_') && fraction !== undefined);
    await expect.poll(last, { timeout: 20_000 }).toMatchObject({
      label: 'index item_watched of item',
      detail: 'scanning table, 0 of 4 shards',
    });
    await open(workers[0]!);
    await expect
      .poll(last, { timeout: 20_000 })
      .toMatchObject({ detail: expect.stringContaining('2 of 4 shards') });
    expect(last()!.fraction).toBeGreaterThanOrEqual(0.5);
    expect(last()!.fraction).toBeLessThan(1);
    await open(workers[1]!);
    await ended;
  });

  // Five statements come before the rows, and nine after them: indexes of keys, keys, an index, foreign keys.
  test.each([
    ['before a statement', 3],
    ['after a statement', 3],
    ['after a statement', 7],
    ['before a statement', 10],
    ['after a statement', 12],
    ['before a statement', 14],
  ] as const)(
    'a run that is killed %s (the %i. one) is continued by the same command',
    async (point, hit) => {
      await client.query(
        'DROP TABLE IF EXISTS item, kind CASCADE; DROP SCHEMA IF EXISTS citus_migrate CASCADE',
      );
      await client.query('DROP FUNCTION IF EXISTS watched(bigint)');
      await loadAndDie(journey, { point: `schema: ${point}`, hit });
      await expectContinues(journey);
    },
  );

  test('stops at an index that somebody left invalid, and drops it for nobody', async () => {
    await load(journey);
    const { rows } = await client.query(
      `SELECT shardid, nodeport FROM citus_shards WHERE table_name = 'item'::regclass ORDER BY 1 LIMIT 1`,
    );
    const worker = workers[cluster.workers.findIndex(({ port }) => port === rows[0].nodeport)]!;
    const set = (node: pg.Client, index: string, valid: boolean) =>
      node.query(`UPDATE pg_index SET indisvalid = ${valid} WHERE indexrelid = '${index}'::regclass`);
    const shard = `item_watched_${rows[0].shardid}`;
    await set(worker, shard, false);
    await expect(load(journey)).rejects.toMatchObject({
      code: 'TARGET_INDEX_INVALID',
      exit: 3,
      message: expect.stringContaining(`${shard} of item on 127.0.0.1:${rows[0].nodeport}`),
    });
    await set(worker, shard, true);
    await set(client, 'item_watched', false);
    await expect(load(journey)).rejects.toMatchObject({
      code: 'TARGET_INDEX_INVALID',
      message: expect.stringContaining('index item_watched of item is invalid'),
    });
    await client.query('DROP INDEX item_watched');
    await load(journey);
    await expectArrived(journey);
  });
});
