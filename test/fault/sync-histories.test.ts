import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  createDatabase,
  findPostgres,
  type Server,
  startCluster,
  startServer,
} from '../../src/demo/servers/index.js';
import type { SourceMoment } from '../../src/dualwrite/snapshot.js';
import { connectTo } from '../support/databases.js';
import { follow, install, Oracle } from '../support/follow.js';
import { FOLLOW_DISTRIBUTED, FOLLOW_EXPECTED, FOLLOW_FILL, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { Writers } from '../support/histories.js';
import { History, histories } from '../support/history.js';
import { joinNode } from '../support/join-node.js';
import { type Journey, load, prepare } from '../support/load.js';
import { Passes } from '../support/passes.js';
import { Upheavals } from '../support/upheavals.js';

const RUN = histories(130, 1);

/** Where a pass may break; the process is gone at once and another one takes over. */
const POINTS = [
  'sync: before the first change',
  'sync: after the places were cleared',
  'sync: before the first commit',
  'sync: after the commit of one node',
  'sync: after all commits, before the log is told',
  'sync: before the log is emptied',
  'sync: after the log was told',
];

describe('sync under concurrent writers', () => {
  const sharded = inject('citus');
  /** The source's first, then the target's. */
  const servers: Server[] = [];
  let journey: Journey;
  let oracle: Oracle | undefined;
  let writers: Writers;
  let passes: Passes<SourceMoment>;
  let upheavals: Upheavals;

  beforeAll(async () => {
    const postgres = await findPostgres();
    const settings = { max_connections: 200 };
    const single = await startServer({ install: postgres, settings, name: 'source' });
    servers.push(single);
    const url = await createDatabase(single, 'app');
    let targetUrl: string;
    if (sharded) {
      const cluster = await startCluster({ install: postgres, settings, shardCount: 4 });
      servers.push(cluster.coordinator, ...cluster.workers);
      targetUrl = cluster.url();
    } else {
      const plain = await startServer({ install: postgres, settings, name: 'target' });
      servers.push(plain);
      targetUrl = await createDatabase(plain, 'app');
    }
    const source = { url, client: await connectTo(url) };
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FOLLOW_FILL);
    journey = await prepare(source, { url: targetUrl, client: await connectTo(targetUrl) });
    await install(journey);
    await load(journey);
    writers = await Writers.open(Array.from({ length: 4 }, () => url));
    upheavals = new Upheavals(sharded ? targetUrl : undefined);
    passes = new Passes<SourceMoment>({
      open: (context) => follow(journey, context),
      compare: async (note, { exported }) => (await freshOracle()).expectEqual(exported, note),
      disturbances: upheavals.disturbances,
    });
  });
  afterAll(async () => {
    await upheavals?.settled();
    await Promise.all([passes?.close(), writers?.close(), oracle?.close()]);
    await Promise.all(servers.map((server) => server.stop()));
  });

  let openedAt = -1;
  /** Its connections go down with the servers. */
  async function freshOracle(): Promise<Oracle> {
    if (oracle !== undefined && openedAt === upheavals.disturbances()) return oracle;
    await oracle?.close();
    openedAt = upheavals.disturbances();
    oracle = await Oracle.open(journey, FOLLOW_EXPECTED);
    return oracle;
  }

  test(`is equal to the source at every fence, over ${RUN.count} histories`, {
    timeout: 3_600_000,
  }, async () => {
    const history = new History({ writers, passes, upheavals, points: POINTS, sharded });
    for (const [index, seed] of RUN.seeds.entries()) {
      if (sharded && index === Math.floor(RUN.count / 2)) {
        // A process that has begun before knows nothing of the new worker.
        servers.push(await joinNode(journey.target.url));
        await passes.close();
        upheavals.rebalance();
      }
      await history.run(seed, servers);
    }
    if (sharded) await (await freshOracle()).expectPlaced(FOLLOW_DISTRIBUTED, 'namespace');
    if (RUN.count >= 20) history.expectVaried(RUN.count);
  });

  test.runIf(sharded)('notices a row that a move has left behind in the wrong shard', async () => {
    const client = await connectTo(journey.target.url);
    await client.query(
      `SELECT run_command_on_placements('event', $$INSERT INTO %1$s (id, day, namespace, what) VALUES (7001, 1, 'ns1', 'astray')$$)`,
    );
    await expect((await freshOracle()).expectPlaced(['event'], 'namespace')).rejects.toThrow();
    await client.query(`SELECT run_command_on_placements('event', 'DELETE FROM %1$s WHERE id = 7001')`);
    await (await freshOracle()).expectPlaced(['event'], 'namespace');
  });

  test('notices a change that nobody captured', async () => {
    const client = await connectTo(journey.source.url);
    await client.query('ALTER TABLE account DISABLE TRIGGER citus_migrate_insert');
    await client.query(`INSERT INTO account VALUES (5001, 'ns1', 'unseen')`);
    await expect((await freshOracle()).expectEqual()).rejects.toThrow();
    await expect(passes.pass('control', () => 0)).rejects.toMatchObject({ code: 'CAPTURE_LOST' });
  });
});
