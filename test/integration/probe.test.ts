import { beforeAll, expect, test } from 'vitest';
import { Database } from '../../src/citus/database.js';
import { plannedRows } from '../../src/dualwrite/probe.js';
import { dropProbes, makeProbes } from '../../src/dualwrite/probe-tables.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import { describeCitus, type FreshCluster, freshCluster } from '../support/databases.js';

describeCitus('the tables by which the way back is tried', () => {
  let cluster: FreshCluster;
  beforeAll(async () => {
    cluster = await freshCluster({ shardCount: 6 });
    await cluster.client.query('CREATE SCHEMA citus_migrate');
  });

  test.each([
    ['text', true],
    ['varchar(9)', true],
    ['smallint', true],
    ['bigint', true],
    ['uuid', true],
    // Of these nobody can make values without knowing more of them.
    ['date', false],
    [undefined, false],
  ])('have rows on every worker where tables are distributed by %s', async (type, beside) => {
    const { client } = cluster;
    if (type !== undefined)
      await client.query(
        `CREATE TABLE "Other" (key ${type}); SELECT create_distributed_table('"Other"', 'key')`,
      );
    const database = await Database.open(resolveConninfo(cluster.url, {}), {
      ...{ side: 'target', runId: 'probe', readOnly: false },
    });
    try {
      await makeProbes(database, database.session, type === undefined ? [] : ['public."Other"']);
      const { rows: groups } = await client.query<{ together: boolean }>(
        `SELECT p.colocationid = o.colocationid AS together FROM pg_dist_partition p, pg_dist_partition o
         WHERE p.logicalrelid = 'citus_migrate.probe'::regclass AND o.logicalrelid = to_regclass('"Other"')`,
      );
      expect(groups).toEqual(type === undefined ? [] : [{ together: beside }]);
      const planned = await plannedRows(database);
      const workers = database.nodes.slice(1).map(({ name }) => name);
      for (const through of [[database.head.name], workers]) {
        const mine = planned.filter(
          (row) => row.probe.endsWith('probe') && through.includes(row.through.name),
        );
        expect(mine.map(({ node }) => node.name).sort()).toEqual([...workers].sort());
        for (const { place, node } of mine) {
          const { rows } = await client.query(
            `SELECT DISTINCT nodename || ':' || nodeport AS name FROM citus_shards
             WHERE shardid = get_shard_id_for_distribution_column('citus_migrate.probe', $1::text)`,
            [place],
          );
          expect({ place, ...rows[0] }).toEqual({ place, name: node.name });
        }
      }
    } finally {
      await dropProbes(database.session);
      await database.close();
      await client.query('DROP TABLE IF EXISTS "Other"');
    }
  });
});
