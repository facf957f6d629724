import { beforeAll, expect, test } from 'vitest';
import { movedTables } from '../../src/cli/support/plan.js';
import { requestShim } from '../../src/dualwrite/handover.js';
import { proveWayBack } from '../../src/dualwrite/probe.js';
import { removeReturns, removeReverse } from '../../src/dualwrite/reverse-remove.js';
import { reverseStatus } from '../../src/dualwrite/reverse-status.js';
import { sync } from '../../src/dualwrite/sync.js';
import { noopContext } from '../../src/observe/noop.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { drain, follow, followBack, install, installBack, openSides } from '../support/follow.js';
import { FOLLOW_FILL, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { type Journey, load, prepare } from '../support/load.js';
import { ReverseOracle } from '../support/reverse-oracle.js';

/** Everything of the shim that a node can have, but for the ledger of the load, which is not the shim's. */
const LEFT = `
  SELECT concat_ws(' ', 'relation', relname) AS object FROM pg_class WHERE relnamespace = to_regnamespace('citus_migrate')
    AND relname !~ '^(load|chunk|lane|owner)' AND relname !~ '_pkey'
  UNION ALL SELECT concat_ws(' ', 'function', proname) FROM pg_proc WHERE pronamespace = to_regnamespace('citus_migrate')
  UNION ALL SELECT concat_ws(' ', 'trigger', tgname, tgrelid::regclass) FROM pg_trigger WHERE tgname LIKE 'citus_migrate%'
  UNION ALL SELECT concat_ws(' ', 'event trigger', evtname) FROM pg_event_trigger WHERE evtname LIKE 'citus_migrate%'
  UNION ALL SELECT concat_ws(' ', 'known to Citus', object::text) FROM (
    SELECT pg_identify_object(classid, objid, objsubid) AS object FROM pg_dist_object WHERE classid = 'pg_proc'::regclass) o
    WHERE object::text LIKE '%citus_migrate%'
  ORDER BY 1`;

describeCitus('capture on the cluster', () => {
  let source: FreshDatabase;
  let target: FreshCluster;
  let journey: Journey;
  beforeAll(async () => {
    source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(
      `${FOLLOW_SCHEMA} CREATE TABLE narrow (id serial PRIMARY KEY, namespace text NOT NULL)`,
    );
    await source.client.query(FOLLOW_FILL);
    journey = await prepare(source, target, { tables: { narrow: { types: { id: 'bigint' } } } });
    await install(journey);
    await load(journey);
    // The way in is proven before the way back begins.
    const { follower, close } = await follow(journey);
    await drain(follower);
    await close();
    await installBack(journey);
  });
  const urls = () => [target.url, ...target.workerUrls];

  async function left(): Promise<string[]> {
    const nodes = await Promise.all(
      urls().map(async (url) => {
        const client = await connectTo(url);
        await client.query('SET citus.override_table_visibility = off');
        const { rows } = await client.query<{ object: string }>(LEFT);
        await client.end();
        return rows.map(({ object }) => object);
      }),
    );
    return nodes.flat();
  }

  /** A fence at which the single node is compared with every shard, wherever it lies. */
  async function expectBack(note: string): Promise<void> {
    const oracle = await ReverseOracle.open(source.url, urls());
    const { follower, close } = await followBack(journey);
    try {
      await drain(follower);
      await follower.pass((moment) => oracle.expectEqual(note, moment));
    } finally {
      await close();
      await oracle.close();
    }
  }

  async function move(mode: string): Promise<void> {
    const { rows } = await target.client.query(
      `SELECT s.shardid, s.nodename, s.nodeport, n.nodename AS other, n.nodeport AS otherport
       FROM citus_shards s JOIN pg_dist_node n ON n.groupid <> 0 AND n.nodeport <> s.nodeport
       WHERE s.shardid = get_shard_id_for_distribution_column('account', 'ns1') AND s.nodeport <> 0`,
    );
    const { shardid, nodename, nodeport, other, otherport } = rows[0];
    await target.client.query('SELECT citus_move_shard_placement($1, $2, $3, $4, $5, $6)', [
      shardid,
      nodename,
      nodeport,
      other,
      otherport,
      mode,
    ]);
  }

  test('brings back what was written through the coordinator and through a worker, in every kind of table', async () => {
    const worker = await connectTo(target.workerUrls[0]!);
    await target.client.query(
      `INSERT INTO account (id, namespace, name) VALUES (900, 'ns1', 'a'), (901, 'ns2', 'b')`,
    );
    await worker.query(`UPDATE kind SET label = 'x' WHERE id = 1`);
    await worker.query(`UPDATE account SET name = name || '!'`);
    await worker.query(
      `INSERT INTO event (id, day, namespace, what) SELECT g, 1 + g % 2, 'ns' || g % 7, 'e' FROM generate_series(100, 700) g`,
    );
    await worker.query('DELETE FROM item WHERE id % 3 = 0');
    await expectBack('written');
    await worker.query('TRUNCATE event_1');
    await target.client.query('TRUNCATE part');
    await target.client.query(`INSERT INTO event (id, day, namespace, what) VALUES (1, 1, 'ns3', 'after')`);
    await expectBack('truncated');
  });

  test('a row that an application moves in two transactions stays, whichever comes first', async () => {
    const { follower, close } = await followBack(journey);
    const where = async () =>
      (await source.client.query('SELECT namespace FROM account WHERE id IN (70, 71) ORDER BY id')).rows;
    await target.client.query(
      `INSERT INTO account (id, namespace, name) VALUES (70, 'ns1', 'a'), (71, 'ns1', 'b')`,
    );
    await drain(follower);
    await target.client.query('DELETE FROM account WHERE id = 70');
    await drain(follower);
    await target.client.query(`INSERT INTO account (id, namespace, name) VALUES (70, 'ns2', 'a')`);
    await drain(follower);
    await target.client.query(`INSERT INTO account (id, namespace, name) VALUES (71, 'ns2', 'b')`);
    await expect(follower.pass()).rejects.toMatchObject({ code: 'WAY_BACK_CLOSED', retry: 'same' });
    await target.client.query(`DELETE FROM account WHERE id = 71 AND namespace = 'ns1'`);
    await drain(follower);
    expect(await where()).toEqual([{ namespace: 'ns2' }, { namespace: 'ns2' }]);
    await close();
    await expectBack('moved in two');
  });

  test.each(['block_writes', 'force_logical'])(
    'follows a shard that moves, %s, before and during a pass',
    async (mode) => {
      await target.client.query(`UPDATE account SET name = name || ' before'`);
      await move(mode);
      await target.client.query(`UPDATE item SET note = 'behind the move' WHERE namespace = 'ns1'`);
      await expectBack('moved before');
      let moving: Promise<void> | undefined;
      const { follower, close } = await followBack(journey, {
        fail: (point) => {
          if (point === 'sync back: before the first change') moving ??= move(mode);
        },
      });
      await target.client.query(`UPDATE account SET name = name || ' during'`);
      await follower.pass();
      await moving;
      expect(moving).toBeDefined();
      await close();
      await target.client.query(`DELETE FROM account WHERE namespace = 'ns1' AND id % 2 = 0`);
      await expectBack('moved during');
    },
  );

  test('refuses a value that the single node cannot hold, names table and column, and goes on once it is gone', async () => {
    await target.client.query(`INSERT INTO narrow (id, namespace) VALUES (5, 'ns1'), (3000000000, 'ns1')`);
    const { follower, close } = await followBack(journey);
    await expect(follower.pass()).rejects.toMatchObject({
      code: 'WAY_BACK_CLOSED',
      message: expect.stringMatching(/^(?!.*3000000000).*narrow.*id \(integer there\)/),
    });
    expect((await source.client.query('SELECT id FROM narrow')).rows).toEqual([]);
    await target.client.query('DELETE FROM narrow WHERE id > 5');
    await drain(follower);
    expect((await source.client.query('SELECT id FROM narrow')).rows).toEqual([{ id: 5 }]);
    await close();
  });

  test('takes a pass back whose rows come out otherwise on the single node, and makes it once the cause is gone', async () => {
    const { client } = source;
    const rows = async () => (await client.query('SELECT id, name FROM account ORDER BY id')).rows;
    const { follower, close } = await followBack(journey);
    await drain(follower);
    const before = await rows();
    // Passes silence triggers, but for those that always fire.
    await client.query(`CREATE FUNCTION twist() RETURNS trigger LANGUAGE plpgsql AS
      $$BEGIN NEW.name := NEW.name || ' '; RETURN NEW; END$$;
      CREATE TRIGGER twist BEFORE INSERT ON account FOR EACH ROW WHEN (NEW.id = 4) EXECUTE FUNCTION twist();
      ALTER TABLE account ENABLE ALWAYS TRIGGER twist`);
    await target.client.query(`UPDATE account SET name = name || '?' WHERE namespace = 'ns4'`);
    for (const exact of [undefined, async () => {}])
      await expect(follower.pass(exact)).rejects.toMatchObject({
        code: 'ROWS_DIFFER',
        context: { table: 'account', node: 'the single node' },
      });
    expect(await rows()).toEqual(before);
    // One that leaves a row out is noticed, too.
    await client.query('ALTER TABLE account DISABLE TRIGGER twist');
    await client.query(`CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
      CREATE TRIGGER skip BEFORE INSERT ON account FOR EACH ROW WHEN (NEW.id = 4) EXECUTE FUNCTION skip();
      ALTER TABLE account ENABLE ALWAYS TRIGGER skip`);
    await expect(follower.pass()).rejects.toMatchObject({ code: 'ROWS_DIFFER' });
    expect(await rows()).toEqual(before);
    // What does not change the rows is in nobody's way.
    await client.query('ALTER TABLE account DISABLE TRIGGER skip');
    await drain(follower);
    await client.query('DROP TRIGGER twist ON account; DROP TRIGGER skip ON account');
    await close();
    await expectBack('told otherwise before');
  });

  test('sync follows both ways, and lets another command in between two passes', async () => {
    const sides = await openSides(journey);
    const told: string[] = [];
    const stop = new AbortController();
    const log = { debug() {}, info: (text: string) => void told.push(text), warn() {}, error() {} };
    const context = noopContext({ signal: stop.signal, log });
    const running = sync(
      { ...sides, plan: journey.plan, tables: movedTables(journey.plan), untilDrained: false },
      context,
    );
    running.catch((error: Error) => told.push(error.message));
    const label = async (client: FreshDatabase['client'], id: number) =>
      (await client.query('SELECT label FROM kind WHERE id = $1', [id])).rows[0].label;
    await target.client.query(`UPDATE kind SET label = 'from the cluster' WHERE id = 2`);
    await source.client.query(`UPDATE kind SET label = 'from the source' WHERE id = 3`);
    await expect.poll(() => label(source.client, 2), { timeout: 30_000 }).toBe('from the cluster');
    await expect.poll(() => label(target.client, 3), { timeout: 30_000 }).toBe('from the source');
    const other = await openSides(journey);
    const session = await other.source.connect();
    await requestShim(session, noopContext());
    await expect
      .poll(() => told)
      .toContain('Another command needs the shim: nothing is followed until it is done');
    const { follower, close } = await followBack(journey);
    await target.client.query(`UPDATE kind SET label = 'by the other' WHERE id = 2`);
    await drain(follower);
    expect(await label(source.client, 2)).toBe('by the other');
    await close();
    await session.close();
    await other.close();
    await target.client.query(`UPDATE kind SET label = 'by sync again' WHERE id = 2`);
    await expect.poll(() => label(source.client, 2), { timeout: 30_000 }).toBe('by sync again');
    expect((await reverseStatus(sides.target))?.problems).toEqual([]);
    stop.abort();
    await expect(running).rejects.toThrow();
    await sides.close();
  });

  test('a probe that was interrupted leaves no row, and the next one holds', async () => {
    const sides = await openSides(journey);
    const request = { ...sides, plan: journey.plan, tables: movedTables(journey.plan) };
    const rows = async () => {
      const counts = [];
      for (const { client } of [source, target])
        for (const name of ['probe', 'probe_local'])
          counts.push((await client.query(`SELECT count(*)::int AS n FROM citus_migrate.${name}`)).rows[0].n);
      return counts;
    };
    const fail = async (point: string) => {
      if (point !== 'probe: after the rows were written') return;
      expect(await rows()).toEqual([0, 0, 4, 1]);
      throw new Error('gone');
    };
    await expect(proveWayBack(request, noopContext({ fail }))).rejects.toThrow('gone');
    expect(await rows()).toEqual([0, 0, 0, 0]);
    // Killed before that, it leaves some on both sides.
    await target.client.query(
      `INSERT INTO citus_migrate.probe SELECT n, 'left' FROM generate_series(1, 9) n`,
    );
    await source.client.query(`INSERT INTO citus_migrate.probe_local VALUES (7, 'left')`);
    expect(await proveWayBack(request, noopContext())).toMatchObject({ holds: true, problems: [], rows: 5 });
    expect(await rows()).toEqual([0, 0, 0, 0]);
    await sides.close();
  });

  test('notices another column, and a table whose triggers were switched off', async () => {
    const { follower, close } = await followBack(journey);
    await target.client.query('ALTER TABLE kind ADD COLUMN more text');
    await expect(follower.pass()).rejects.toMatchObject({
      code: 'SCHEMA_DRIFT',
      context: { changes: ['column kind.more is new'] },
    });
    await target.client.query('ALTER TABLE kind DROP COLUMN more');
    await drain(follower);
    await target.client.query('SET citus.enable_unsafe_triggers = on');
    await target.client.query('ALTER TABLE item DISABLE TRIGGER citus_migrate_update');
    await target.client.query('ALTER TABLE item ENABLE TRIGGER citus_migrate_update');
    await expect(follower.pass()).rejects.toMatchObject({ code: 'CAPTURE_LOST' });
    await close();
  });

  test('leaves nothing on any node when it is removed', async () => {
    expect((await left()).length).toBeGreaterThan(0);
    const sides = await openSides(journey);
    expect(await removeReverse(sides.target, noopContext())).toBe(true);
    expect(await left()).toEqual([]);
    expect(await removeReverse(sides.target, noopContext())).toBe(false);
    const here = async () =>
      (
        await source.client.query(
          `SELECT relname AS name FROM pg_class WHERE relnamespace = 'citus_migrate'::regnamespace AND relname ~ '^(probe|load|chunk|owner)'`,
        )
      ).rows.length;
    expect(await here()).toBeGreaterThan(0);
    await removeReturns(sides.source, noopContext());
    expect(await here()).toBe(0);
    await sides.close();
  });

  test('a running sync follows it from its install on', async () => {
    const sides = await openSides(journey);
    const told: string[] = [];
    const stop = new AbortController();
    const log = { debug() {}, info: (text: string) => void told.push(text), warn() {}, error() {} };
    const running = sync(
      { ...sides, plan: journey.plan, tables: movedTables(journey.plan), untilDrained: false },
      noopContext({ signal: stop.signal, log }),
    );
    running.catch((error: Error) => told.push(error.message));
    await expect.poll(() => told.join(), { timeout: 30_000 }).toMatch(/Nothing to bring|Brought/);
    await target.client.query(`UPDATE kind SET label = 'before' WHERE id = 1`);
    await installBack(journey);
    await target.client.query(`UPDATE kind SET label = 'behind' WHERE id = 2`);
    const at = Date.now();
    const labels = async () =>
      (await source.client.query('SELECT label FROM kind WHERE id < 3 ORDER BY id')).rows.map(
        (row) => row.label,
      );
    await expect.poll(async () => (await labels())[1], { timeout: 30_000, interval: 20 }).toBe('behind');
    console.log(`followed ${Date.now() - at} ms after the install`);
    expect((await labels())[0]).not.toBe('before');
    expect(told).toContain('Changes of the cluster are captured now, and are followed, too');
    // The way in goes on beside it.
    await source.client.query(`UPDATE kind SET label = 'and in' WHERE id = 3`);
    const there = async () =>
      (await target.client.query('SELECT label FROM kind WHERE id = 3')).rows[0].label;
    await expect.poll(there, { timeout: 30_000 }).toBe('and in');
    stop.abort();
    await expect(running).rejects.toThrow();
    expect(await removeReverse(sides.target, noopContext())).toBe(true);
    await sides.close();
  });

  test('is on all tables or on none, and is installed once however often it is asked for', async () => {
    let tables = 0;
    await expect(
      installBack(journey, {
        context: {
          fail: (point) => {
            tables += 1;
            if (point === 'shim: after one table' && tables === 3) throw new Error('gone');
          },
        },
      }),
    ).rejects.toThrow('gone');
    expect((await left()).filter((object) => /^trigger|capture_/.test(object))).toEqual([]);
    const { installed } = await installBack(journey);
    expect(installed).toHaveLength(6);
    expect(await installBack(journey)).toEqual({ installed: [], already: installed });
  });
});
