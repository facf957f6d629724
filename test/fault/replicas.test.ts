import { beforeAll, expect, test } from 'vitest';
import { describeCitus, freshCluster, freshSource } from '../support/databases.js';
import {
  expectContinues,
  expectVerified,
  filled,
  type Journey,
  load,
  loadAndDie,
  prepare,
} from '../support/load.js';

describeCitus('a load into replicated shards', () => {
  let journey: Journey;
  beforeAll(async () => {
    const source = await freshSource();
    const target = await freshCluster({ shardCount: 6, replicationFactor: 2 });
    await source.client.query(filled(3000));
    // Citus has no foreign keys from replicated tables.
    journey = await prepare(source, target, { foreignKeys: { 'item.item_kind_fkey': 'drop' } });
  });

  /** Shards that do not have two equal placements. */
  async function divergent(): Promise<number> {
    let shards = 0;
    for (const table of ['item', 'loose']) {
      const { rows } = await journey.target.client.query(
        `SELECT shardid FROM run_command_on_placements($1::regclass,
           'SELECT count(*) || '' '' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM %s t')
         GROUP BY shardid HAVING count(DISTINCT result) > 1 OR count(*) <> 2`,
        [table],
      );
      shards += rows.length;
    }
    return shards;
  }

  test('writes every placement', async () => {
    await load(journey);
    await expectVerified(journey);
    expect(await divergent()).toBe(0);
  });

  // Two commits per chunk: every odd one leaves a chunk on one node alone.
  test.each([1, 5, 9])(
    'one that dies between the commits of two nodes (hit %i) is continued',
    async (hit) => {
      await loadAndDie(journey, {
        point: 'lane: after the commit of one node',
        hit,
        jobs: 1,
        truncate: true,
      });
      expect(await divergent()).toBeGreaterThan(0);
      await expectContinues(journey);
      expect(await divergent()).toBe(0);
    },
  );
});
