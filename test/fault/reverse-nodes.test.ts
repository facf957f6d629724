import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Cluster,
  createDatabase,
  findPostgres,
  type Server,
  startCluster,
  startServer,
} from '../../src/demo/servers/index.js';
import { connectTo, describeCitus } from '../support/databases.js';
import { drain, follow, followBack, install, installBack } from '../support/follow.js';
import { FOLLOW_FILL, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { joinNode } from '../support/join-node.js';
import { type Journey, load, prepare } from '../support/load.js';
import { ReverseOracle } from '../support/reverse-oracle.js';

describeCitus('capture on a cluster whose nodes come and go', () => {
  let single: Server;
  let cluster: Cluster;
  /** Workers that have joined, and those of them that have left. */
  const joined: Server[] = [];
  const gone: Server[] = [];
  let journey: Journey;
  beforeAll(async () => {
    const postgres = await findPostgres();
    [single, cluster] = await Promise.all([
      startServer({ install: postgres, name: 'source' }),
      startCluster({ install: postgres, shardCount: 4, workers: 1 }),
    ]);
    const url = await createDatabase(single, 'app');
    const source = { url, client: await connectTo(url) };
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FOLLOW_FILL);
    journey = await prepare(source, { url: cluster.url(), client: await connectTo(cluster.url()) });
    await install(journey);
    await load(journey);
    const { follower, close } = await follow(journey);
    await drain(follower);
    await close();
    await installBack(journey);
  });
  afterAll(async () => {
    await Promise.all([single, cluster, ...joined, ...gone].map((one) => one?.stop()));
  });

  const urls = () => [cluster.url(), ...[...cluster.workers, ...joined].map((one) => one.url('app'))];

  /** The single node is what the cluster is: as after a repair by hand, which the next test begins from. */
  async function mend(): Promise<void> {
    const { target } = journey;
    const { rows } = await target.client.query('SELECT id, name FROM account');
    for (const { id, name } of rows)
      await journey.source.client.query('UPDATE account SET name = $2 WHERE id = $1', [id, name]);
    const left = await target.client.query('SELECT FROM part');
    if (left.rowCount === 0) await journey.source.client.query('TRUNCATE part');
  }

  /** A fence at which the single node is compared with every shard, wherever it lies. */
  async function expectBack(note: string): Promise<void> {
    const oracle = await ReverseOracle.open(journey.source.url, urls());
    const { follower, close } = await followBack(journey);
    try {
      await drain(follower);
      await follower.pass((moment) => oracle.expectEqual(note, moment));
    } finally {
      await close();
      await oracle.close();
    }
  }

  /** The shard of ns1, and all that are colocated with it. */
  async function move(to: Server): Promise<void> {
    const { client } = journey.target;
    // A node has to have them before its first shard comes.
    await client.query(`SELECT replicate_reference_tables('block_writes')`);
    await client.query(
      `SELECT citus_move_shard_placement(s.shardid, n.nodename, n.nodeport, $1, $2, 'block_writes')
       FROM pg_dist_shard s JOIN pg_dist_placement USING (shardid) JOIN pg_dist_node n USING (groupid)
       WHERE s.shardid = get_shard_id_for_distribution_column('account', 'ns1')`,
      [to.host, to.port],
    );
  }

  async function join(): Promise<Server> {
    const server = await joinNode(cluster.url());
    joined.push(server);
    return server;
  }

  /** Away from the cluster: what lies there goes elsewhere first. */
  async function leave(server: Server): Promise<void> {
    const { client } = journey.target;
    await client.query(`SELECT citus_drain_node($1, $2, 'block_writes')`, [server.host, server.port]);
    // What its shards left there can only be taken away while the node is known.
    await client.query('CALL citus_cleanup_orphaned_resources()');
    await client.query('SELECT citus_remove_node($1, $2)', [server.host, server.port]);
    joined.splice(joined.indexOf(server), 1);
    gone.push(server);
  }

  const change = (note: string) =>
    journey.target.client.query(`UPDATE account SET name = $1 || id WHERE namespace = 'ns1'`, [note]);

  /** What a pass and an install refuse to go on with. */
  async function expectLost(message: RegExp, installs = true): Promise<void> {
    const lost = { code: 'CAPTURE_LOST', message: expect.stringMatching(message) };
    const { follower, close } = await followBack(journey);
    await expect(follower.pass()).rejects.toMatchObject(lost);
    await close();
    if (installs) await expect(installBack(journey)).rejects.toMatchObject(lost);
  }

  test('a node that joins stops whoever follows, captures once it is asked to, and gets shards then', async () => {
    const { follower, close } = await followBack(journey);
    const server = await join();
    await expect(follower.pass()).rejects.toMatchObject({ code: 'SHARDS_MOVED', retry: 'never' });
    await close();
    await expectLost(/joined the cluster/, false);
    // Whatever is said there changes rows on other nodes, and reference tables on all of them.
    const there = await connectTo(server.url('app'));
    await there.query(
      `INSERT INTO account (id, namespace, name) VALUES (900, 'ns1', 'a'), (901, 'ns2', 'b')`,
    );
    await journey.target.client.query(`SELECT replicate_reference_tables('block_writes')`);
    await there.query(`UPDATE kind SET label = 'there' WHERE id = 1`);
    await installBack(journey);
    await expectBack('captured');
    await journey.target.client.query(
      `SELECT rebalance_table_shards('account', shard_transfer_mode => 'block_writes')`,
    );
    await there.query(`UPDATE account SET name = name || ' there'`);
    await there.query('TRUNCATE event_1');
    await expectBack('rebalanced');
  });

  test('a node may leave behind a pass that found no shard there', async () => {
    const [server] = joined as [Server];
    const { client } = journey.target;
    await change('before it leaves ');
    await client.query(`SELECT citus_drain_node($1, $2, 'block_writes')`, [server.host, server.port]);
    await expectBack('drained');
    const { follower, close } = await followBack(journey);
    await leave(server);
    await expect(follower.pass()).rejects.toMatchObject({ code: 'SHARDS_MOVED', retry: 'never' });
    await close();
    await change('after it left ');
    await expectBack('left');
  });

  test('rows that were written on a new node before it captured are told, also when its shards have gone back', async () => {
    const server = await join();
    const [home] = cluster.workers as [Server];
    await move(server);
    await change('unseen ');
    await expectLost(/joined the cluster/);
    await move(home);
    await expectLost(/joined the cluster/, true);
    await leave(server);
    await mend();
  });

  test('a TRUNCATE that was said on a new node before it captured is told', async () => {
    const server = await join();
    await (await connectTo(server.url('app'))).query('TRUNCATE part');
    await expect(installBack(journey)).rejects.toMatchObject({ code: 'CAPTURE_LOST' });
    await leave(server);
    await mend();
  });

  test('a node that leaves with changes that nobody has brought back is told', async () => {
    const server = await join();
    await installBack(journey);
    await expectBack('captured again');
    await move(server);
    await expectBack('moved there');
    await change('taken along ');
    await leave(server);
    await expectLost(/left the cluster/, false);
  });
});
