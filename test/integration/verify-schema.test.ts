import type pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { runAll } from '../support/damage.js';
import { describeCitus, type FreshCluster, type FreshDatabase, freshCluster } from '../support/databases.js';
import type { Document } from '../support/migrate.js';
import { type Moved, moved } from '../support/moved.js';
import { CONFIG, nothing, ROLE, SCHEMA, schema, wrong } from '../support/rules.js';
import { shardsOf, withShard } from '../support/shards.js';

const VECTORS = `
  CREATE TABLE memory (id int, namespace varchar(50) NOT NULL, embedding public.vector(3), PRIMARY KEY (namespace, id));
  INSERT INTO memory SELECT g, 'ns' || g % 20, ARRAY[g, 1, 2]::real[]::public.vector FROM generate_series(1, 100) g;
  CREATE INDEX memory_embedding ON memory USING hnsw (embedding public.vector_cosine_ops) WITH (m = 16, ef_construction = 64);
`;

const DAMAGE: readonly [name: string, damage: string, restore: string, expected: Document][] = [
  [
    'a missing policy',
    `DROP POLICY own ON doc`,
    `CREATE POLICY own ON doc FOR SELECT TO integrity_reader USING (namespace = 'public')`,
    schema('policy own of doc'),
  ],
  [
    'a policy that lets more through',
    `ALTER POLICY own ON doc USING (true)`,
    `ALTER POLICY own ON doc USING (namespace = 'public')`,
    schema('policy own of doc'),
  ],
  [
    'row-level security switched off',
    `ALTER TABLE doc DISABLE ROW LEVEL SECURITY`,
    `ALTER TABLE doc ENABLE ROW LEVEL SECURITY`,
    schema('row-level security of doc'),
  ],
  [
    'a missing grant',
    `REVOKE SELECT ON account FROM integrity_reader`,
    `GRANT SELECT ON account TO integrity_reader`,
    schema('privilege SELECT of integrity_reader on account'),
  ],
  [
    'a missing grant on a column',
    `REVOKE UPDATE (title) ON doc FROM integrity_reader`,
    `GRANT UPDATE (title) ON doc TO integrity_reader`,
    schema('privilege UPDATE (title) of integrity_reader on doc'),
  ],
  [
    'a changed default',
    `ALTER TABLE account ALTER state SET DEFAULT 'old'`,
    `ALTER TABLE account ALTER state SET DEFAULT 'new'`,
    schema('column state of account'),
  ],
  [
    'NOT NULL dropped',
    `ALTER TABLE doc ALTER title DROP NOT NULL`,
    `ALTER TABLE doc ALTER title SET NOT NULL`,
    schema('column title of doc'),
  ],
  [
    'an index dropped everywhere',
    `DROP INDEX account_state`,
    `CREATE INDEX account_state ON account (state)`,
    schema('index account_state of account'),
  ],
];

describeCitus('the schema of every shard on Citus', () => {
  let at: Moved<FreshCluster>;
  let vectors = false;

  beforeAll(async () => {
    const target = async (): Promise<FreshCluster> => {
      const cluster = await freshCluster({ shardCount: 8 });
      await cluster.client.query(ROLE);
      return cluster;
    };
    const fill = async ({ client }: FreshDatabase): Promise<void> => {
      await client.query(SCHEMA);
      const { rows } = await client.query(`SELECT to_regtype('public.vector') IS NOT NULL AS found`);
      vectors = rows[0].found;
      if (vectors) await client.query(VECTORS);
    };
    at = await moved(target, fill, CONFIG);
  });

  /** Works on the first shard of a table where it lies; says which it is. */
  async function onShard(table: string, work: (client: pg.Client, shard: string) => Promise<unknown>) {
    const shard = (await shardsOf(at.target, table))[0]!;
    await withShard(shard, (client) => work(client, shard.shardId));
    return { shardId: shard.shardId, node: shard.node };
  }

  test.each(DAMAGE)('%s is found and named, and nothing else', async (_name, damage, restore, expected) => {
    await runAll(at.target.client, damage);
    const result = await at.compare();
    await runAll(at.target.client, restore);
    expect(wrong(result)).toEqual(expected);
    expect(result.verdict).toBe('mismatch');
  });

  test('a dropped index of one shard is named with its shard and node', async () => {
    const where = await onShard('account', (client, shard) =>
      client.query(`DROP INDEX account_state_${shard}`),
    );
    const result = await at.compare();
    await onShard('account', (client, shard) =>
      client.query(`CREATE INDEX account_state_${shard} ON account_${shard} (state)`),
    );
    expect(wrong(result)).toEqual(schema('index account_state of account'));
    expect(result.schema.find((one: Document) => one.verdict !== 'match')).toMatchObject(where);
    expect(wrong(await at.compare())).toEqual(nothing);
  });

  test('HNSW with other parameters is found, on one shard and on all', async ({ skip }) => {
    if (!vectors) skip();
    const index = (name: string, table: string, m: number): string =>
      `DROP INDEX ${name}; CREATE INDEX ${name} ON ${table} USING hnsw (embedding vector_cosine_ops) WITH (m = ${m}, ef_construction = 64)`;
    const rebuild = (m: number) =>
      onShard('memory', (client, shard) =>
        client.query(index(`memory_embedding_${shard}`, `memory_${shard}`, m)),
      );
    const where = await rebuild(8);
    const one = await at.compare({ only: ['memory'] });
    await rebuild(16);
    expect(wrong(one)).toEqual(schema('index memory_embedding of memory'));
    expect(one.schema.find((each: Document) => each.verdict !== 'match')).toMatchObject(where);
    await runAll(at.target.client, index('memory_embedding', 'memory', 8));
    const all = await at.compare({ only: ['memory'] });
    await runAll(at.target.client, index('memory_embedding', 'memory', 16));
    expect(wrong(all)).toEqual(schema('index memory_embedding of memory'));
    expect(all.schema.find((each: Document) => each.verdict !== 'match')!.shardId).toBeUndefined();
  });

  test('NOT NULL, a policy and a grant that one shard lacks are found there', async () => {
    await onShard('doc', async (client, shard) => {
      await client.query(`ALTER TABLE doc_${shard} ALTER title DROP NOT NULL`);
      await client.query(`DROP POLICY own ON doc_${shard}`);
      await client.query(`REVOKE SELECT ON doc_${shard} FROM integrity_reader`);
    });
    const result = await at.compare({ only: ['doc'] });
    await onShard('doc', async (client, shard) => {
      await client.query(`ALTER TABLE doc_${shard} ALTER title SET NOT NULL`);
      await client.query(
        `CREATE POLICY own ON doc_${shard} FOR SELECT TO integrity_reader USING (namespace = 'public')`,
      );
      await client.query(`GRANT SELECT ON doc_${shard} TO integrity_reader`);
    });
    expect(wrong(result).schema.sort()).toEqual([
      'column title of doc',
      'policy own of doc',
      'privilege SELECT of integrity_reader on doc',
    ]);
  });
});
