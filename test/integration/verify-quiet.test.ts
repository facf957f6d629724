import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { applyFixture, type FixtureName, fixturePath } from '../../src/demo/fixtures.js';
import { withSession } from '../../src/demo/servers/index.js';
import type { VerifyResult } from '../../src/verify/types.js';
import {
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Moved, moved } from '../support/moved.js';
import { shardsOf, workerClient } from '../support/shards.js';

const FIXTURES: Readonly<Record<FixtureName, object>> = {
  'memory-mesh': { rows: 1000, seed: 3 },
  'type-zoo': { bigBytes: 1000 },
};

/** A table of each fixture that is distributed, with a column that is not its key, to be told to lie elsewhere. */
const TABLES = {
  'memory-mesh': { table: 'memory_entries', column: 'value', type: 'text' },
  'type-zoo': { table: 'every_type', column: 'c_text', type: 'text' },
} as const;

function quiet<T extends FreshDatabase>(
  name: FixtureName,
  freshTarget: () => Promise<T>,
  more?: (at: () => Moved<T>, matches: () => Promise<void>) => void,
): void {
  let at: Moved<T>;
  beforeAll(async () => {
    const config = readFileSync(fixturePath(name, 'migrate.config.yaml'), 'utf8');
    const fill = ({ url }: FreshDatabase) =>
      withSession(url, (session) => applyFixture(session, name, FIXTURES[name]));
    at = await moved(freshTarget, fill, config);
  });
  /** In both modes, and of nothing else is anything said either. */
  const matches = async (): Promise<void> => {
    for (const mode of ['digest', 'rows'] as const) {
      const result = await at.compare({ mode });
      expect(alarms(result)).toEqual([]);
      expect(result.verdict).toBe('match');
    }
  };

  test('after a copy', () => matches());

  test('after VACUUM FULL on both sides', async () => {
    const { rows } = await at.source.client.query(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'archive')`,
    );
    for (const side of [at.source, at.target]) {
      for (const { name: table } of rows) await side.client.query(`VACUUM FULL ${table}`);
    }
    await matches();
  });

  test('with columns in another physical order', async () => {
    const { table, column, type } = TABLES[name];
    await at.source.client.query(
      `ALTER TABLE ${table} ADD COLUMN again ${type}; UPDATE ${table} SET again = ${column};
       ALTER TABLE ${table} DROP COLUMN ${column}; ALTER TABLE ${table} RENAME COLUMN again TO ${column}`,
    );
    await matches();
  });

  more?.(() => at, matches);
}

const alarms = ({ tables, integrity, sequences, schema }: VerifyResult): unknown[] =>
  [...tables, ...integrity, ...sequences, ...schema].filter(({ verdict }) => verdict !== 'match');

function onCluster(name: FixtureName) {
  return (at: () => Moved<FreshCluster>, matches: () => Promise<void>): void => {
    test('after a shard was split', async () => {
      const { client } = at().target;
      const { table } = TABLES[name];
      const [first] = await shardsOf(at().target, table);
      const before = await shardsOf(at().target, table);
      await client.query(
        `SELECT citus_split_shard_by_split_points(s.shardid,
           ARRAY[((s.shardminvalue::bigint + s.shardmaxvalue::bigint) / 2)::text], ARRAY[n.nodeid, n.nodeid]::int[],
           'block_writes')
         FROM pg_dist_shard s, pg_dist_node n WHERE s.shardid = $1 AND n.groupid = $2`,
        [first!.shardId, first!.groupId],
      );
      expect(await shardsOf(at().target, table)).toHaveLength(before.length + 1);
      await matches();
    });

    test('after shards were moved and rebalanced', async () => {
      const { client } = at().target;
      const count = async () =>
        (await shardsOf(at().target, TABLES[name].table)).filter(({ groupId }) => groupId === 1).length;
      for (const { shardId } of (await shardsOf(at().target, TABLES[name].table)).filter(
        (one) => one.groupId === 1,
      )) {
        await client.query(
          `SELECT citus_move_shard_placement($1, f.nodename, f.nodeport, t.nodename, t.nodeport, 'block_writes')
           FROM pg_dist_node f, pg_dist_node t WHERE f.groupid = 1 AND t.groupid = 2`,
          [shardId],
        );
      }
      expect(await count()).toBe(0);
      await matches();
      await client.query(`SELECT rebalance_table_shards(shard_transfer_mode := 'block_writes')`);
      expect(await count()).toBeGreaterThan(0);
      await matches();
    });

    // Last: under such settings Citus itself rounds floats when it copies a shard as text.
    test('with odd settings on the workers', async () => {
      for (const url of at().target.workerUrls) {
        const worker = await workerClient(url);
        const { rows } = await worker.query('SELECT current_user AS name');
        await worker.query(`SET citus.enable_ddl_propagation = off`);
        for (const setting of [
          `DateStyle = 'German'`,
          `TimeZone = 'Asia/Tokyo'`,
          'extra_float_digits = 0',
          `IntervalStyle = 'sql_standard'`,
          `bytea_output = 'escape'`,
          `lc_monetary = 'C'`,
          `search_path = 'nowhere'`,
        ]) {
          await worker.query(
            `ALTER ROLE ${rows[0].name} IN DATABASE ${new URL(url).pathname.slice(1)} SET ${setting}`,
          );
        }
      }
      await matches();
    });
  };
}

for (const name of Object.keys(FIXTURES) as FixtureName[]) {
  describeCitus(`no false alarm on ${name} in Citus`, () =>
    quiet(name, () => freshCluster({ shardCount: 4 }), onCluster(name)),
  );
  describe(`no false alarm on ${name} in a plain PostgreSQL`, () => quiet(name, freshSource));
}
