import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
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
  filled,
  type Journey,
  load,
  loadAndDie,
  prepare,
} from '../support/load.js';
import { contentsOf, shapesOf } from '../support/same-rows.js';

/**
 * What commits around the rows themselves; lanes.test.ts has the boundaries of a chunk. "After A, before B": the test
 * shows that the same command finishes with every row once, and the marker of the killed process that it got there.
 */
describeCitus('a load that dies around its rows', () => {
  let target: FreshCluster;
  let journey: Journey;
  beforeAll(async () => {
    const source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(filled(1500));
    journey = await prepare(source, target);
  });

  describe('on an empty target', () => {
    beforeEach(async () => {
      await target.client.query('DROP TABLE IF EXISTS item, loose, kind CASCADE');
      await target.client.query('DROP SCHEMA IF EXISTS citus_migrate CASCADE');
      for (const url of target.workerUrls) {
        const worker = await connectTo(url);
        await worker.query('SET citus.enable_ddl_propagation = off');
        await worker.query('DROP SCHEMA IF EXISTS citus_migrate CASCADE');
        await worker.end();
      }
    });

    const LEDGER = 'ledger: after its tables, before the first node is taken over';
    const TAKEN = 'ledger: after a node was taken over';
    const STATEMENT = 'schema: after a statement';
    test.each([
      [LEDGER, 1],
      [TAKEN, 1],
      [TAKEN, 2],
      [TAKEN, 3],
      [STATEMENT, 1],
      [STATEMENT, 4],
    ])('%s (hit %i): the same command loads everything', async (point, hit) => {
      await loadAndDie(journey, { point, hit });
      await load(journey);
      await expectArrived(journey);
    });
  });

  describe('while tables are emptied that hold rows', () => {
    const FORGOTTEN = 'ledger: after the lanes of a node were forgotten';
    test.each([
      [FORGOTTEN, 1],
      [FORGOTTEN, 3],
      ['truncate: after the tables and the ledger, before the commit', 1],
      ['truncate: after the commit', 1],
    ])('%s (hit %i): the same command empties and loads them', async (point, hit) => {
      await load(journey);
      await loadAndDie(journey, { point, hit, truncate: true });
      await load(journey, { truncate: true });
      await expectArrived(journey);
    });

    test('after the commit: a command that does not empty them continues', async () => {
      await load(journey);
      await loadAndDie(journey, { point: 'truncate: after the commit', hit: 1, truncate: true });
      await expectContinues(journey);
    });
  });

  describe('with refused rows set aside', () => {
    const BAD = 'id % 70 = 7';
    beforeAll(async () => {
      await load(journey);
      await target.client.query('TRUNCATE item; DELETE FROM citus_migrate.chunk');
      await target.client.query(`ALTER TABLE item ADD CONSTRAINT refused CHECK (NOT ${BAD})`);
    });

    test.each([
      ['lane: after the rows, before the ledger rows', 3],
      ['lane: after the ledger rows, before the first commit', 3],
      ['lane: after the commit of one node', 3],
      ['lane: after all commits, before the last word', 2],
    ])('%s (hit %i): each is set aside once, all others are there once', async (point, hit) => {
      const directory = join(journey.folder, `refused-${point.length}-${hit}`);
      const options = { phase: 'data', quarantine: { directory, maxBadRows: 1000 } } as const;
      await loadAndDie(journey, { ...options, point, hit, truncate: true });
      const { quarantined, tables } = await load(journey, options);
      const { source } = journey;
      const shapes = (await shapesOf(source.client)).map((shape) =>
        shape.table === 'public.item'
          ? { ...shape, table: `(SELECT * FROM item WHERE NOT ${BAD}) AS item` }
          : shape,
      );
      expect(Object.values(await contentsOf(target.url, shapes))).toEqual(
        Object.values(await contentsOf(source.url, shapes)),
      );
      const { rows } = await source.client.query(
        `SELECT count(*) FILTER (WHERE ${BAD})::int AS bad, count(*)::int AS all FROM item`,
      );
      const [{ bad, all }] = rows;
      const said = await target.client.query(
        `SELECT sum(rows)::int AS rows, sum(rejected)::int AS rejected FROM citus_migrate.chunk WHERE table_name = 'item'`,
      );
      expect(said.rows[0]).toEqual({ rows: all - bad, rejected: bad });
      expect(quarantined.reduce((sum, file) => sum + file.rows.length, 0)).toBe(bad);
      expect(tables.find(({ table }) => table === 'item')).toMatchObject({
        rows: all - bad,
        rejectedRows: bad,
      });
      // Of attempts that were not committed nothing is left.
      const files = readdirSync(directory, { recursive: true, withFileTypes: true });
      expect(files.filter((each) => each.isFile())).toHaveLength(2 * quarantined.length);
    });
  });

  test('a planted error there ends the load with that error (the points are passed in this process too)', async () => {
    const planted = atPoint('ledger: after a node was taken over', 1, () => {
      throw new Error('planted');
    });
    await expect(load(journey, { context: planted.context })).rejects.toThrow('planted');
  });
});
