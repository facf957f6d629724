import { beforeAll, expect, test } from 'vitest';
import { movedTables } from '../../src/cli/support/plan.js';
import { sync } from '../../src/dualwrite/sync.js';
import { noopContext, noopLog } from '../../src/observe/noop.js';
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

describeCitus('sync, while a transaction of the application has captured tables to itself', () => {
  let source: FreshDatabase;
  let target: FreshCluster;
  let journey: Journey;
  beforeAll(async () => {
    source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FOLLOW_FILL);
    journey = await prepare(source, target);
    await install(journey);
    await load(journey);
    const { follower, close } = await follow(journey);
    await drain(follower);
    await close();
    await installBack(journey);
  });

  const sides = [
    ['source', () => source.url, follow],
    ['worker', () => target.workerUrls[0]!, followBack],
  ] as const;

  /** A TRUNCATE of every table that has not ended. */
  async function emptying(url: string) {
    const client = await connectTo(url);
    await client.query('BEGIN');
    // One after the other: on a cluster each locks its table on all nodes.
    for (const table of ['event', 'account CASCADE']) await client.query(`TRUNCATE ${table}`);
    return client;
  }

  test.each(sides)(
    'on the %s: opens for nobody in vain, and says so instead of waiting',
    async (_, url, open) => {
      const client = await emptying(url());
      await expect(open(journey)).rejects.toMatchObject({ code: 'TRANSIENT', retry: 'same' });
      await client.query('ROLLBACK');
      const { follower, close } = await open(journey);
      await drain(follower);
      await close();
    },
  );

  test.each(sides)('on the %s: begins behind it, and is not done before', async (_, url) => {
    const { source: single, target: cluster, close } = await openSides(journey);
    const client = await emptying(url());
    let waited = 0;
    const log = {
      ...noopLog,
      warn: () => {
        waited += 1;
        if (waited === 2) void client.query('COMMIT');
      },
    };
    const { plan } = journey;
    const result = await sync(
      { source: single, target: cluster, plan, tables: movedTables(plan), untilDrained: true },
      noopContext({ log }),
    );
    await close();
    expect(waited).toBeGreaterThanOrEqual(2);
    expect(result.changes).toBeGreaterThan(0);
    const oracle = await ReverseOracle.open(source.url, [target.url, ...target.workerUrls]);
    await oracle.expectEqual('behind it');
    await oracle.close();
  });

  test('sees no moment of all nodes while one of them has not decided a transaction, however young, and settles it', async () => {
    const coordinator = await connectTo(target.url);
    await coordinator.query(`INSERT INTO account (id, namespace, name) VALUES (801, 'ns1', 'whole')`);
    const { rows } = await coordinator.query(
      `SELECT shard_name, nodeport, (SELECT groupid FROM pg_dist_node n WHERE n.groupid <> 0 AND n.nodeport <> s.nodeport) AS other
       FROM citus_shards s WHERE shardid = get_shard_id_for_distribution_column('account', 'ns1')`,
    );
    const [{ shard_name, nodeport, other }] = rows;
    const node = await connectTo(target.workerUrls.find((url) => Number(new URL(url).port) === nodeport)!);
    // What is left where an application worked through the other worker, and that one could not say its last word.
    await node.query('BEGIN');
    await node.query(`UPDATE ${shard_name} SET name = 'half' WHERE id = 801`);
    await node.query(`PREPARE TRANSACTION 'citus_${other}_1_999999_0'`);
    const { follower, close } = await followBack(journey);
    await expect(follower.pass(async () => {})).rejects.toMatchObject({
      code: 'TRANSIENT',
      message: expect.stringContaining('undecided'),
    });
    expect(
      (await node.query('SELECT FROM pg_prepared_xacts WHERE database = current_database()')).rows,
    ).toEqual([]);
    const oracle = await ReverseOracle.open(source.url, [target.url, ...target.workerUrls]);
    await follower.pass((moment) => oracle.expectEqual('settled', moment));
    await oracle.close();
    await close();
  });
});
