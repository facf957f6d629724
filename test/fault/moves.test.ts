import type pg from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import {
  atPoint,
  expectArrived,
  expectContinues,
  expectVerified,
  filled,
  type Journey,
  load,
  loadAndDie,
  prepare,
} from '../support/load.js';

const BEFORE_COMMIT = 'lane: after the ledger rows, before the first commit';
const BETWEEN_NODES = 'lane: after the commit of one node';
const BETWEEN_CHUNKS = 'lane: after the last word';

interface Placement {
  readonly shard: string;
  readonly host: string;
  readonly port: number;
}

describeCitus('shards that move during a load', () => {
  let target: FreshCluster;
  let journey: Journey;
  /** Connections to all nodes for looking on, and one for what may have to wait. */
  let watchers: pg.Client[];
  let mover: pg.Client;
  beforeEach(async () => {
    const source = await freshSource();
    target = await freshCluster({ shardCount: 6 });
    await source.client.query(filled(3000));
    journey = await prepare(source, target);
    // The tables are made first, so that there is something to move.
    await load(journey, { phase: 'before-data' });
    watchers = await Promise.all([target.url, ...target.workerUrls].map(connectTo));
    mover = await connectTo(target.url);
  });

  /** Shards of item and where they are. */
  async function placements(): Promise<Placement[]> {
    const { rows } = await target.client.query(
      `SELECT shardid AS shard, nodename AS host, nodeport AS port FROM citus_shards
       WHERE table_name = 'item'::regclass ORDER BY shardid`,
    );
    return rows;
  }

  /** Moves the shard, and all that are colocated with it, to the other worker. */
  async function move({ shard, host, port }: Placement, mode: string): Promise<void> {
    const all = await placements();
    const other = all.find((each) => each.port !== port)!;
    await mover.query(
      'SELECT citus_move_shard_placement($1, $2, $3, $4, $5, $6::citus.shard_transfer_mode)',
      [shard, host, port, other.host, other.port, mode],
    );
  }

  /** Whether anybody on any node waits for what a lane holds: the shard's metadata, or its transaction. */
  async function someoneWaits(): Promise<boolean> {
    for (const client of watchers) {
      const { rows } = await client.query(
        `SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE NOT l.granted AND a.datname = current_database()`,
      );
      if (rows.length > 0) return true;
    }
    return false;
  }

  test.each(['block_writes', 'force_logical'])(
    'a %s move that starts while a chunk is open waits for it, and the load goes on',
    async (mode) => {
      const [first] = await placements();
      let moved = false;
      let moving: Promise<void> = Promise.resolve();
      const planted = atPoint(BEFORE_COMMIT, 3, async () => {
        moving = move(first!, mode).then(() => {
          moved = true;
        });
        await expect.poll(someoneWaits, { timeout: 20_000 }).toBe(true);
        expect(moved).toBe(false);
      });
      await load(journey, { context: planted.context });
      await moving;
      expect(planted.hit()).toBe(true);
      const now = (await placements()).find(({ shard }) => shard === first!.shard);
      expect(now!.port).not.toBe(first!.port);
      await expectArrived(journey);
    },
  );

  test('a shard that has moved between two chunks is found where it is now', async () => {
    const [first] = await placements();
    const planted = atPoint(BETWEEN_CHUNKS, 2, () => move(first!, 'block_writes'));
    await load(journey, { jobs: 1, context: planted.context });
    expect(planted.hit()).toBe(true);
    expect(planted.retries()).toEqual([expect.stringContaining('have moved away')]);
    await expectArrived(journey);
  });

  test('a shard that is split between two chunks is found in its halves', async () => {
    const [first] = await placements();
    const planted = atPoint(BETWEEN_CHUNKS, 2, () => split(first!));
    await load(journey, { jobs: 1, context: planted.context });
    expect(planted.retries()).toHaveLength(1);
    expect(await placements()).toHaveLength(7);
    await expectArrived(journey);
  });

  /** Cuts the shard unevenly; one part stays, the other goes to the other worker. */
  async function split({ shard, port }: Placement): Promise<void> {
    const { rows } = await target.client.query(
      `SELECT shardminvalue::int + 1000000 AS point,
              (SELECT nodeid FROM pg_dist_node WHERE nodeport = $2 AND groupid > 0) AS here,
              (SELECT nodeid FROM pg_dist_node WHERE nodeport <> $2 AND groupid > 0) AS there
       FROM pg_dist_shard WHERE shardid = $1`,
      [shard, port],
    );
    const { point, here, there } = rows[0];
    await target.client.query(
      `SELECT citus_split_shard_by_split_points($1, ARRAY[$2], ARRAY[$3, $4]::int[], 'block_writes')`,
      [shard, String(point), here, there],
    );
  }

  test('a rebalance in the middle of the load loses and repeats nothing', async () => {
    const shards = await placements();
    const crowded = shards[0]!.port;
    for (const shard of shards.filter(({ port }) => port !== crowded)) {
      await mover.query(`SELECT citus_move_shard_placement($1, $2, $3, $4, $5, 'block_writes')`, [
        shard.shard,
        shard.host,
        shard.port,
        shards[0]!.host,
        crowded,
      ]);
    }
    expect(new Set((await placements()).map(({ port }) => port)).size).toBe(1);
    const planted = atPoint(BEFORE_COMMIT, 2, async () => {
      await target.client.query(`SELECT citus_rebalance_start(shard_transfer_mode := 'block_writes')`);
    });
    await load(journey, { context: planted.context });
    const state = async (): Promise<string> => {
      const { rows } = await target.client.query('SELECT state FROM citus_rebalance_status()');
      return rows[0].state;
    };
    await expect.poll(state, { timeout: 90_000 }).toBe('finished');
    expect(new Set((await placements()).map(({ port }) => port)).size).toBe(2);
    await expectVerified(journey);
  });

  describe('between an interrupted run and its continuation', () => {
    test('shards that changed places have taken their rows along', async () => {
      await loadAndDie(journey, { point: BETWEEN_NODES, hit: 3 });
      for (const placement of await placements()) await move(placement, 'block_writes');
      await expectContinues(journey);
    });

    test('a split shard is continued in both halves', async () => {
      await loadAndDie(journey, { point: BETWEEN_NODES, hit: 3 });
      for (const placement of await placements()) await split(placement);
      expect(await placements()).toHaveLength(12);
      await expectContinues(journey);
    });
  });

  test('without the fence a moved shard loses the rows of an open transaction (why there is one)', async () => {
    const lost = async (fence: boolean): Promise<number> => {
      await target.client.query('TRUNCATE loose');
      const { rows } = await target.client.query(
        `SELECT shardid AS shard, shard_name AS name, nodename AS host, nodeport AS port FROM citus_shards
         WHERE table_name = 'loose'::regclass AND shardid = get_shard_id_for_distribution_column('loose', 'ns1')`,
      );
      const at = await connectTo(
        target.workerUrls.find((url) => Number(new URL(url).port) === rows[0].port)!,
      );
      await at.query('BEGIN');
      if (fence) await at.query(`SELECT lock_shard_metadata(5, ARRAY[$1]::bigint[])`, [rows[0].shard]);
      await at.query(`INSERT INTO ${rows[0].name} SELECT 'ns1', 'row' FROM generate_series(1, 10)`);
      let moved = false;
      const moving = move(rows[0], 'block_writes').then(() => {
        moved = true;
      });
      await expect.poll(async () => moved || (await someoneWaits()), { timeout: 20_000 }).toBe(true);
      expect(moved).toBe(!fence);
      await at.query('COMMIT');
      await moving;
      const left = await target.client.query('SELECT count(*)::int AS rows FROM loose');
      return 10 - left.rows[0].rows;
    };
    expect(await lost(true)).toBe(0);
    expect(await lost(false)).toBe(10);
  });
});
