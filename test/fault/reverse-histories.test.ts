import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Cluster,
  createDatabase,
  findPostgres,
  type Server,
  startCluster,
  startServer,
} from '../../src/demo/servers/index.js';
import type { ReverseMoment } from '../../src/dualwrite/reverse-moment.js';
import { reverseStatus } from '../../src/dualwrite/reverse-status.js';
import { shimStatus } from '../../src/dualwrite/status.js';
import { CLUSTER } from '../support/cluster-histories.js';
import { connectTo, describeCitus } from '../support/databases.js';
import { followBack, install, installBack, openSides } from '../support/follow.js';
import { FOLLOW_FILL, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { Writers } from '../support/histories.js';
import { History, histories } from '../support/history.js';
import { joinNode } from '../support/join-node.js';
import { type Journey, load, prepare } from '../support/load.js';
import { Passes } from '../support/passes.js';
import { ReverseOracle } from '../support/reverse-oracle.js';
import { Upheavals } from '../support/upheavals.js';

const RUN = histories(70, 0.5);

/** Where a pass may break; the process is gone at once and another one takes over. */
const POINTS = [
  'sync back: before the first change',
  'sync back: after the keys were cleared',
  'sync back: before the commit',
  'sync back: after the commit, before the logs are told',
  'sync back: after one node was told',
  'sync back: after the logs were told',
];

const IMPATIENT = `ALTER DATABASE app SET lock_timeout = '40ms'`;

describeCitus('sync back under concurrent writers', () => {
  let cluster: Cluster;
  /** Workers, and those that have joined since. */
  let workers: Server[];
  let single: Server;
  let journey: Journey;
  let oracle: ReverseOracle;
  let writers: Writers;
  let passes: Passes<ReverseMoment>;
  let upheavals: Upheavals;
  const urls = () => [cluster.url(), ...workers.map((worker) => worker.url('app'))];

  beforeAll(async () => {
    const postgres = await findPostgres();
    [single, cluster] = await Promise.all([
      startServer({ install: postgres, name: 'source' }),
      startCluster({ install: postgres, shardCount: 4 }),
    ]);
    workers = [...cluster.workers];
    const url = await createDatabase(single, 'histories');
    const source = { url, client: await connectTo(url) };
    const target = { url: cluster.url(), client: await connectTo(cluster.url()) };
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FOLLOW_FILL);
    journey = await prepare(source, target);
    await install(journey);
    await load(journey);
    await installBack(journey);
    // Whoever is blocked gives up soon, on whatever node: the history goes on.
    await target.client.query(IMPATIENT);
    writers = await Writers.open([...urls(), cluster.url()], CLUSTER);
    upheavals = new Upheavals(cluster.url());
    passes = new Passes<ReverseMoment>({
      open: (context) => followBack(journey, context),
      compare,
      disturbances: upheavals.disturbances,
    });
  });
  afterAll(async () => {
    await upheavals?.settled();
    await Promise.all([passes?.close(), writers?.close(), oracle?.close()]);
    await Promise.all([
      cluster?.stop(),
      single?.stop(),
      ...(workers ?? []).slice(2).map((one) => one.stop()),
    ]);
  });

  /** A worker joins, captures, is written through, and gets shards beside the next history. */
  async function join(): Promise<void> {
    workers.push(await joinNode(cluster.url()));
    await (await connectTo(cluster.url())).query(IMPATIENT);
    passes.crashAt = undefined;
    await expect(passes.pass('joined', () => 0)).rejects.toMatchObject({ retry: 'never' });
    await passes.close();
    await installBack(journey);
    await writers.close();
    writers = await Writers.open([...urls(), cluster.url()], CLUSTER);
    // The oracle has to ask it, too.
    await oracle.close();
    openedAt = -1;
    upheavals.rebalance();
  }

  let openedAt = -1;
  async function compare(note: string, moment?: ReverseMoment): Promise<void> {
    if (openedAt !== upheavals.disturbances()) {
      await oracle?.close();
      oracle = await ReverseOracle.open(journey.source.url, urls());
      openedAt = upheavals.disturbances();
    }
    await oracle.expectEqual(note, moment);
  }

  test(`is equal to the cluster at every fence, over ${RUN.count} histories`, {
    timeout: 3_600_000,
  }, async () => {
    const history = () => new History({ writers, passes, upheavals, points: POINTS, sharded: true });
    for (const [index, seed] of RUN.seeds.entries()) {
      if (index === Math.floor(RUN.count / 2)) await join();
      await history().run(seed, [single, ...workers, cluster.coordinator]);
    }
    if (RUN.count >= 20) history().expectVaried(RUN.count);
  });

  test('what is brought back is not captured to be brought in again, nor the other way round', async () => {
    const sides = await openSides(journey);
    expect((await shimStatus(sides.source))?.log.changes).toBe(0);
    expect((await reverseStatus(sides.target))?.log.changes).toBe(0);
    const worker = await connectTo(cluster.workers[0]!.url('app'));
    await worker.query(`UPDATE kind SET label = 'control'`);
    expect((await reverseStatus(sides.target))?.log.changes).toBeGreaterThan(0);
    await sides.close();
  });

  test('notices a shard whose triggers did not come along to its new node', async () => {
    upheavals.move(() => 0, 'block_writes');
    await upheavals.settled();
    while (!(await passes.pass('moved', () => 1)));
    const { rows } = await (await connectTo(cluster.url())).query(
      `SELECT s.shardid, n.nodeport FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid)
       WHERE s.logicalrelid = 'account'::regclass ORDER BY p.placementid DESC LIMIT 1`,
    );
    const [{ shardid, nodeport }] = rows;
    const there = await connectTo(workers.find(({ port }) => port === nodeport)!.url('app'));
    await there.query('SET citus.enable_manual_changes_to_shards = on');
    const trigger = `citus_migrate_update_${shardid}`;
    await there.query(`ALTER TABLE account_${shardid} DISABLE TRIGGER ${trigger}`);
    await expect(passes.pass('silent', () => 1)).rejects.toMatchObject({ code: 'CAPTURE_LOST' });
    await there.query(`ALTER TABLE account_${shardid} ENABLE ALWAYS TRIGGER ${trigger}`);
    expect(await passes.pass('heard', () => 1)).toBe(true);
  });

  test('notices a change that nobody captured', async () => {
    const client = await connectTo(cluster.url());
    await client.query('SET citus.enable_unsafe_triggers = on');
    await client.query('ALTER TABLE account DISABLE TRIGGER citus_migrate_insert');
    await client.query(`INSERT INTO account (id, namespace, name) VALUES (5001, 'ns1', 'unseen')`);
    await expect(compare('control')).rejects.toThrow();
    await expect(passes.pass('control', () => 0)).rejects.toMatchObject({ code: 'CAPTURE_LOST' });
  });
});
