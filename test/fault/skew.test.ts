import type pg from 'pg';
import { expect, test } from 'vitest';
import { connectTo, describeCitus, freshCluster, freshSource } from '../support/databases.js';
import { expectArrived, load, prepare, SCHEMA } from '../support/load.js';

describeCitus('one namespace with half of the rows', () => {
  test('its shard is written by several lanes at once, while the other worker is busy too', async () => {
    const source = await freshSource();
    await source.client.query(`
      ${SCHEMA}
      INSERT INTO item
      SELECT g, CASE WHEN g % 2 = 0 THEN 'large' ELSE 'ns' || g % 40 END, 1 + g % 50, repeat(md5(g::text), 5)
      FROM generate_series(1, 4000) g;
      ANALYZE;
    `);
    const target = await freshCluster({ shardCount: 6 });
    const journey = await prepare(source, target);
    await load(journey, { phase: 'before-data' });
    const workers = await Promise.all(target.workerUrls.map(connectTo));
    for (const worker of workers) await worker.query('SET citus.override_table_visibility = off');
    const { rows } = await target.client.query(
      `SELECT shard_name AS shard, nodeport AS port FROM citus_shards
       WHERE shardid = get_shard_id_for_distribution_column('item', 'large')`,
    );
    const [{ shard, port }] = rows;
    const here = target.workerUrls.findIndex((url) => Number(new URL(url).port) === port);

    /** Transactions that have written to tables like this on a worker and are still open. */
    const writing = async (client: pg.Client, like: string): Promise<number> => {
      const found = await client.query(
        `SELECT count(DISTINCT l.pid)::int AS lanes FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
         WHERE l.mode = 'RowExclusiveLock' AND l.granted AND c.relname LIKE $1
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        [like],
      );
      return found.rows[0].lanes;
    };
    // Chunks wait for each other with their rows written: were they loaded one after the other, none would come.
    let overlapped = false;
    const overlap = async (): Promise<boolean> =>
      overlapped ||
      ((await writing(workers[here]!, shard)) >= 3 && (await writing(workers[1 - here]!, 'item\\_%')) >= 3);
    const fail = async (point: string): Promise<void> => {
      if (point !== 'lane: after the rows, before the ledger rows') return;
      await expect.poll(overlap, { timeout: 20_000 }).toBe(true);
      overlapped = true;
    };
    await load(journey, { jobs: 4, phase: 'data', context: { fail } });
    expect(overlapped).toBe(true);
    await load(journey);
    await expectArrived(journey);
  });
});
