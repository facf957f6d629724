import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { drain, follow, install, Oracle } from '../support/follow.js';
import { FOLLOW_DISTRIBUTED, FOLLOW_EXPECTED, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { Writers } from '../support/histories.js';
import { atPoint, type Journey, load, prepare } from '../support/load.js';
import { runJson, runMigrate } from '../support/migrate.js';

const FILL = `
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 3) g;
  INSERT INTO account SELECT g, 'ns' || g % 5, 'account ' || g FROM generate_series(1, 50) g;
  INSERT INTO item SELECT g, 1 + g % 50, 1 + g % 3, 'item ' || g FROM generate_series(1, 100) g;
  INSERT INTO part SELECT md5(g::text)::uuid, 1 + g % 100, 'part ' || g FROM generate_series(1, 100) g;
  INSERT INTO event SELECT g, 1 + g % 2, 'ns' || g % 5, 'event ' || g FROM generate_series(1, 50) g;
`;

const CHANGE = `UPDATE account SET namespace = namespace || 'x' WHERE id % 2 = 0; DELETE FROM item WHERE id % 7 = 0;
  UPDATE kind SET label = label || '!'; UPDATE event SET what = 'changed' WHERE id % 3 = 0`;

describeCitus('sync when something breaks', () => {
  let source: FreshDatabase;
  let target: FreshCluster;
  let journey: Journey;
  let oracle: Oracle;
  const cleanUps: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  });
  beforeEach(async () => {
    source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FILL);
    journey = await prepare(source, target);
    await install(journey);
    await load(journey);
    oracle = await Oracle.open(journey, FOLLOW_EXPECTED);
  });

  async function expectSame(): Promise<void> {
    await oracle.expectEqual();
    await oracle.expectPlaced(FOLLOW_DISTRIBUTED, 'namespace');
  }

  /** Moves the shard of a namespace, and what is colocated with it, to the other worker. */
  async function move(): Promise<void> {
    const mover = await connectTo(target.url);
    const { rows } = await mover.query(
      `SELECT s.shardid, s.nodename, s.nodeport, n.nodename AS other, n.nodeport AS otherport
       FROM citus_shards s JOIN pg_dist_node n ON n.groupid <> 0 AND n.nodeport <> s.nodeport
       WHERE s.table_name = 'account'::regclass AND s.nodeport <> 0 ORDER BY s.shardid LIMIT 1`,
    );
    const { shardid, nodename, nodeport, other, otherport } = rows[0];
    await mover.query(`SELECT citus_move_shard_placement($1, $2, $3, $4, $5, 'block_writes')`, [
      shardid,
      nodename,
      nodeport,
      other,
      otherport,
    ]);
  }

  test('a shard that is to move waits for the pass, and the next pass finds it where it is', async () => {
    let moving: Promise<void> = Promise.resolve();
    let moved = false;
    const watchers = await Promise.all(target.workerUrls.map(connectTo));
    const waits = async (): Promise<boolean> => {
      for (const client of watchers) {
        const { rows } = await client.query(
          `SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()`,
        );
        if (rows.length > 0) return true;
      }
      return false;
    };
    const planted = atPoint('sync: before the first commit', 1, async () => {
      moving = move().then(() => {
        moved = true;
      });
      await expect.poll(waits, { timeout: 20_000 }).toBe(true);
      expect(moved).toBe(false);
    });
    const { follower, close } = await follow(journey, planted.context);
    cleanUps.push(close);
    await source.client.query(CHANGE);
    await follower.pass();
    await moving;
    expect(planted.hit()).toBe(true);
    await expectSame();
    await source.client.query(CHANGE);
    await drain(follower);
    await expectSame();
  });

  test('a pass whose connections are cut on a worker changes nothing there and is made again', async () => {
    const worker = await connectTo(target.workerUrls[1]!);
    const planted = atPoint('sync: after the commit of one node', 1, async () => {
      await worker.query(
        `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
         WHERE application_name LIKE 'migrate %' AND datname = current_database()`,
      );
    });
    const { follower, close } = await follow(journey, planted.context);
    cleanUps.push(close);
    await source.client.query(CHANGE);
    await expect(follower.pass()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(planted.hit()).toBe(true);
    await drain(follower);
    await expectSame();
  });

  test('a pass whose rows come out otherwise on one shard is refused before anything of it is committed', async () => {
    const { client } = target;
    await client.query(`CREATE FUNCTION twist() RETURNS trigger LANGUAGE plpgsql AS
      $$BEGIN NEW.name := NEW.name || ' '; RETURN NEW; END$$`);
    const { rows } = await client.query(
      `SELECT get_shard_id_for_distribution_column('account', 'ns2') AS shard`,
    );
    await client.query(
      `SELECT run_command_on_placements('account', $$DO 'BEGIN
         IF ''%1$s'' LIKE ''%%_${rows[0].shard}%%'' THEN
           CREATE TRIGGER twist BEFORE INSERT ON %1$s FOR EACH ROW EXECUTE FUNCTION public.twist();
           ALTER TABLE %1$s ENABLE ALWAYS TRIGGER twist;
         END IF; END'$$)`,
    );
    const { follower, close } = await follow(journey);
    cleanUps.push(close);
    await source.client.query(`UPDATE account SET name = name || '!' WHERE namespace = 'ns1'`);
    await follower.pass();
    await expectSame();
    const before = await oracle.targetRows();
    await source.client.query(`UPDATE account SET name = name || '!'`);
    await expect(follower.pass()).rejects.toMatchObject({
      code: 'ROWS_DIFFER',
      context: { table: 'account' },
    });
    expect(await oracle.targetRows()).toEqual(before);
  });

  test('nothing is lost when the process is killed again and again under writers', async () => {
    const sides = ['--source', source.url, '--target', target.url, '--plan', journey.planFile];
    const cwd = journey.folder;
    const writers = await Writers.open(Array.from({ length: 3 }, () => source.url));
    cleanUps.push(() => writers.close());
    const drained = async (): Promise<string> =>
      (await source.client.query('SELECT drained::text FROM citus_migrate.capture')).rows[0].drained;
    let stop = false;
    const writing = (async () => {
      for (let seed = 1; !stop; seed += 1) await writers.run(seed, 30, async () => {});
    })();
    const codes: unknown[] = [];
    for (let round = 0; round < 4; round += 1) {
      const before = await drained();
      const { code } = await runMigrate(['sync', ...sides, '--no-progress'], {
        cwd,
        // It has done something by then, and is doing the next.
        started: (child) =>
          void expect
            .poll(drained, { timeout: 60_000, interval: 20 })
            .not.toBe(before)
            .then(() => child.kill('SIGKILL')),
      });
      codes.push(code);
    }
    stop = true;
    await writing;
    expect(codes).toEqual([null, null, null, null]);
    expect(await runJson(['sync', '--until-drained', ...sides], { cwd })).toMatchObject({
      exit: 0,
      drained: true,
      lag: { changes: 0 },
      notCaptured: [],
    });
    await expectSame();
    expect(await runJson(['verify', ...sides], { cwd })).toMatchObject({ verdict: 'match' });
    expect(await runJson(['shim', 'remove', ...sides], { cwd })).toMatchObject({
      removed: true,
      forgotten: 0,
    });
  });
});
