import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { bucketOf, bucketUnit, type Side, unitsToMove } from '../../src/core/ownership.js';
import { Bell } from '../../src/dualwrite/bell.js';
import { createRouter, type Router, type RouterOptions } from '../../src/router/create-router.js';
import type { ShadowDifference } from '../../src/router/shadow.js';
import { connectTo, describeCitus, freshCluster, freshSource } from '../support/databases.js';
import { type GuardedSides, guardedSides, stateOf } from '../support/guards.js';
import { type Journey, load, prepare } from '../support/load.js';

const NAMESPACES = Array.from({ length: 200 }, (_, index) => `team-${index}`);

/** What tells the test, on whichever node, which namespace was written there, and by which move it belonged there. */
const WITNESS = `
  SET citus.enable_ddl_propagation = off;
  CREATE SCHEMA IF NOT EXISTS witness;
  CREATE TABLE witness.log (id bigint, namespace text, epoch bigint, owner text);
  CREATE FUNCTION witness.note() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO witness.log SELECT r.id, r.namespace, o.epoch, o.owner FROM new_rows r
    JOIN citus_migrate.ownership o ON o.unit = citus_migrate.bucket_unit(r.namespace);
    RETURN NULL;
  END $$;
  RESET citus.enable_ddl_propagation`;

interface Noted {
  readonly id: string;
  readonly namespace: string;
  readonly epoch: string;
  readonly owner: Side;
}

describeCitus('the router', () => {
  let journey: Journey;
  let sides: GuardedSides;
  let pools: Record<Side, pg.Pool>;
  let nodes: Record<Side, readonly pg.Client[]>;
  const routers: Router[] = [];
  const open = async (options: Partial<RouterOptions> = {}): Promise<Router> => {
    const router = await createRouter({ ...pools, ...options });
    routers.push(router);
    return router;
  };

  beforeAll(async () => {
    const single = await freshSource();
    const cluster = await freshCluster({ shardCount: 4 });
    await single.client.query(`
      CREATE TABLE note (id bigint PRIMARY KEY, namespace text NOT NULL, what text);
      CREATE TABLE total (namespace text PRIMARY KEY, notes bigint NOT NULL);
      CREATE TABLE setting (name text PRIMARY KEY, value text);
      INSERT INTO setting VALUES ('a', '1')`);
    await single.client.query('INSERT INTO total SELECT n, 0 FROM unnest($1::text[]) AS n', [NAMESPACES]);
    journey = await prepare(single, cluster);
    await load(journey);
    sides = await guardedSides(journey);
    const workers = await Promise.all(cluster.workerUrls.map(connectTo));
    nodes = { source: [single.client], target: [cluster.client, ...workers] };
    for (const client of [...nodes.source, ...nodes.target]) await client.query(WITNESS);
    for (const client of [single.client, cluster.client]) {
      await client.query(`SET citus.enable_unsafe_triggers = on`);
      await client.query(
        'CREATE TRIGGER witness AFTER INSERT ON note REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION witness.note()',
      );
    }
    const pool = (url: string): pg.Pool => new pg.Pool({ connectionString: url, max: 12 });
    pools = { source: pool(single.url), target: pool(cluster.url) };
  });
  afterEach(async () => {
    await Promise.all(routers.splice(0).map((router) => router.close()));
  });
  afterAll(async () => {
    await Promise.all(Object.values(pools ?? {}).map((pool) => pool.end()));
    await sides?.close();
  });

  const toShare = async (share: number): Promise<void> => {
    const rows = await sides.owners.source.read();
    const { toTarget, toSource } = unitsToMove(rows, share);
    if (toTarget.length > 0) await sides.move(toTarget, 'target');
    if (toSource.length > 0) await sides.move(toSource, 'source');
  };
  const noted = async (side: Side): Promise<Noted[]> => {
    const logs = await Promise.all(
      nodes[side].map((client) => client.query<Noted>('SELECT id, namespace, epoch, owner FROM witness.log')),
    );
    return logs.flatMap(({ rows }) => rows);
  };

  test('loses no request while shares move, and no namespace is written on both sides', async () => {
    const router = await open();
    let next = 0;
    const answered: { id: number; namespace: string }[] = [];
    const request = async (): Promise<void> => {
      const id = ++next;
      const namespace = NAMESPACES[(id * 7) % NAMESPACES.length]!;
      const pool = router.pool(namespace);
      if (id % 3 === 0) {
        await pool.transaction(async (client) => {
          await client.query('INSERT INTO note (id, namespace, what) VALUES ($1, $2, $3)', [
            id,
            namespace,
            'in a transaction',
          ]);
          await client.query('UPDATE total SET notes = notes + 1 WHERE namespace = $1', [namespace]);
        });
      } else {
        await pool.query('INSERT INTO note (id, namespace, what) VALUES ($1, $2, $3)', [
          id,
          namespace,
          'alone',
        ]);
      }
      answered.push({ id, namespace });
    };
    const stop = new AbortController();
    const clients = Array.from({ length: 40 }, async () => {
      while (!stop.signal.aborted) await request();
    });
    try {
      for (const share of [10, 50, 100, 50]) {
        await expect.poll(() => answered.length).toBeGreaterThan(next - 100);
        const before = answered.length;
        await toShare(share);
        await expect.poll(() => answered.length, { timeout: 30_000 }).toBeGreaterThan(before + 250);
      }
    } finally {
      stop.abort();
    }
    await Promise.all(clients);
    expect(answered.length).toBeGreaterThan(1000);

    const [source, target] = [await noted('source'), await noted('target')];
    // Every answered request was written, once, and nothing else.
    expect([...source, ...target].map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(
      answered.map(({ id }) => id).sort((a, b) => a - b),
    );
    // Each was written where the move in force had put it.
    expect(source.filter(({ owner }) => owner !== 'source')).toEqual([]);
    expect(target.filter(({ owner }) => owner !== 'target')).toEqual([]);
    const at = (rows: readonly Noted[]) =>
      new Set(rows.map(({ namespace, epoch }) => `${namespace} ${epoch}`));
    const both = at(target);
    expect([...at(source)].filter((one) => both.has(one))).toEqual([]);
    // The moves were made in the middle of it.
    expect(new Set([...source, ...target].map(({ epoch }) => epoch)).size).toBeGreaterThan(3);
    expect(source.length).toBeGreaterThan(100);
    expect(target.length).toBeGreaterThan(100);
  });

  test('follows a move that was interrupted, and brings it to its end', async () => {
    await toShare(0);
    const router = await open({ listen: false, pollMs: 60_000 });
    const namespace = NAMESPACES[0]!;
    const unit = bucketUnit(bucketOf(namespace));
    const { source } = sides.owners;
    await source.block([unit], 10_000);
    await source.awaitWriters([unit], 1000);
    await source.give([unit], 'target');
    // Nobody takes it: this process might have died here.
    const { rowCount } = await router
      .pool(namespace)
      .query('UPDATE total SET notes = notes WHERE namespace = $1', [namespace]);
    expect(rowCount).toBe(1);
    expect(router.mode(namespace)).toBe('target');
    const rows = await sides.owners.target.read();
    expect(rows.find((row) => row.unit === unit)!.owner).toBe('target');
    // A role that writes nothing opens nothing.
    const role = `idle_${process.pid}`;
    await nodes.target[0]!.query(`CREATE ROLE ${role} LOGIN`);
    try {
      const idle = await connectTo(Object.assign(new URL(journey.target.url), { username: role }).href);
      expect(await stateOf(idle.query("SELECT citus_migrate.take_over('b99', 1000)"))).toBe('42501');
    } finally {
      await nodes.target[0]!.query(`DROP ROLE ${role}`);
    }
    await toShare(0);
  });

  test('waits while a namespace moves, no longer than it may, and hands its errors on', async () => {
    const namespace = NAMESPACES[1]!;
    const unit = bucketUnit(bucketOf(namespace));
    const router = await open({ waitMs: 300 });
    const pool = router.pool(namespace);
    const write = 'UPDATE total SET notes = notes WHERE namespace = $1';
    await sides.owners.source.block([unit], 60_000);
    expect(await stateOf(pool.query(write, [namespace]))).toBe('CM002');
    expect((await pool.query('SELECT FROM total')).rowCount).toBe(NAMESPACES.length);
    const patient = await open();
    const waiting = patient.pool(namespace).query(write, [namespace]);
    await sides.owners.source.release([unit]);
    expect((await waiting).rowCount).toBe(1);
    expect(await stateOf(pool.query('SELECT 1 / 0'))).toBe('22012');
    // By hand: the error, and the next client is the right one.
    const client = await pool.connect();
    await client.query('BEGIN');
    await sides.move([unit], 'target');
    expect(await stateOf(client.query(write, [namespace]))).toBe('CM001');
    await client.query('ROLLBACK');
    client.release();
    await expect.poll(() => router.mode(namespace)).toBe('target');
    const other = await pool.connect();
    expect((await other.query(write, [namespace])).rowCount).toBe(1);
    other.release();
    // Clients that do not follow are refused on both sides.
    const stale = await connectTo(journey.source.url);
    expect(await stateOf(stale.query(write, [namespace]))).toBe('CM001');
    await sides.move([unit], 'source');
    const early = await connectTo(journey.target.url);
    expect(await stateOf(early.query(write, [namespace]))).toBe('CM001');
  });

  test('answers from the owner and tells what the other side would have answered otherwise', async () => {
    const differences: ShadowDifference[] = [];
    const router = await open({
      shadow: NAMESPACES.slice(0, 3),
      onDifference: (difference) => differences.push(difference),
    });
    const [alike, planted] = [NAMESPACES[0]!, NAMESPACES[2]!];
    await nodes.target[0]!.query('BEGIN');
    await nodes.target[0]!.query("SET LOCAL citus.propagate_set_commands = 'local'");
    await nodes.target[0]!.query("SET LOCAL citus_migrate.applying = 'on'");
    await nodes.target[0]!.query('DELETE FROM note');
    await nodes.target[0]!.query("INSERT INTO note (id, namespace, what) VALUES (-1, $1, 'planted')", [
      planted,
    ]);
    await nodes.target[0]!.query('COMMIT');
    await nodes.source[0]!.query('DELETE FROM note');
    const text = 'SELECT * FROM note WHERE namespace = $1';
    expect(router.mode(planted)).toBe('shadow');
    expect(router.mode('team-9')).toBe('source');
    expect((await router.pool(planted).query(text, [planted])).rows).toEqual([]);
    expect(
      (await router.pool(alike).query('SELECT namespace FROM total WHERE namespace = $1', [alike])).rows,
    ).toEqual([{ namespace: alike }]);
    // It fails on one side alone, and nobody notices; it writes, and does so once.
    await router
      .pool(alike)
      .query('SELECT FROM citus_migrate.captured_not_there')
      .catch(() => {});
    await router
      .pool(alike)
      .query("SELECT nextval('pg_temp.s')")
      .catch(() => {});
    await router.close();
    expect(differences).toEqual([{ namespace: planted, text, onlyInAnswer: 0, onlyInShadow: 1 }]);
    expect(router.shadow).toEqual({ equal: 1, different: 1, failed: 0, skipped: 0 });
  });

  test('tells whoever brings changes over that there are some, in the namespaces that are to be dual', async () => {
    const [dual, other] = [NAMESPACES[5]!, NAMESPACES[6]!];
    const router = await open({ dual: [dual] });
    expect([router.mode(dual), router.mode(other)]).toEqual(['dual', 'source']);
    const listener = await connectTo(journey.source.url);
    let heard = 0;
    listener.on('notification', () => (heard += 1));
    await listener.query('LISTEN citus_migrate_changes');
    const bell = await Bell.open([sides.source, sides.target]);
    try {
      const write = 'UPDATE total SET notes = notes WHERE namespace = $1';
      await router.pool(other).query(write, [other]);
      await router.pool(dual).query('SELECT FROM total');
      const waiting = bell.wait(600_000, new AbortController().signal);
      await router.pool(dual).transaction((client) => client.query(write, [dual]));
      await waiting;
      await expect.poll(() => heard).toBe(1);
    } finally {
      await bell.close();
    }
  });
});
