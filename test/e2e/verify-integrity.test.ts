import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { applyFixture, type FixtureName, fixturePath } from '../../src/demo/fixtures.js';
import { withSession } from '../../src/demo/servers/index.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, freshFolder, runJson, runMigrate } from '../support/migrate.js';

const ROLE = `DO $$ BEGIN CREATE ROLE integrity_reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`;
const SCHEMA = `
  ${ROLE};
  CREATE TABLE kind (code text PRIMARY KEY);
  CREATE TABLE model (id bigint PRIMARY KEY, title text);
  CREATE TABLE account (
    id serial PRIMARY KEY, namespace varchar(50) NOT NULL, email text NOT NULL, badge text UNIQUE, state text DEFAULT 'new',
    note text
  );
  CREATE UNIQUE INDEX account_email ON account (lower(email)) WHERE note IS NULL;
  CREATE INDEX account_state ON account (state);
  CREATE TABLE doc (
    id serial PRIMARY KEY, namespace varchar(50) NOT NULL, title text NOT NULL,
    account_id int NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    editor_id int REFERENCES account (id) ON DELETE SET NULL,
    kind text REFERENCES kind (code),
    model_id bigint REFERENCES model (id),
    first_id int, second_id int
  );
  CREATE TABLE spot (namespace varchar(50) NOT NULL, x int, y int, UNIQUE (x, y));
  ALTER TABLE doc ADD CONSTRAINT doc_spot FOREIGN KEY (first_id, second_id) REFERENCES spot (x, y) MATCH FULL;
  CREATE TABLE event (id bigserial PRIMARY KEY, namespace varchar(50) NOT NULL);
  ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON doc FOR SELECT TO integrity_reader USING (namespace = 'public');
  GRANT SELECT ON doc, account TO integrity_reader;
  GRANT UPDATE (title) ON doc TO integrity_reader;

  INSERT INTO kind VALUES ('a'), ('b');
  INSERT INTO model SELECT g FROM generate_series(1, 300) g;
  INSERT INTO account (namespace, email, badge)
  SELECT 'ns' || g % 20, 'm' || g || '@x', 'b' || g FROM generate_series(1, 400) g;
  INSERT INTO spot SELECT 'ns' || g % 20, g, g FROM generate_series(1, 50) g;
  -- The editor is in any namespace, the account in that of the document.
  INSERT INTO doc (namespace, title, account_id, editor_id, kind, model_id, first_id, second_id)
  SELECT 'ns' || g % 20, 't' || g, (g - 1) % 400 + 1, (g * 7) % 400 + 1, CASE WHEN g % 2 = 0 THEN 'a' END, g % 300 + 1,
         CASE WHEN g <= 50 THEN g END, CASE WHEN g <= 50 THEN g END
  FROM generate_series(1, 2000) g;
  INSERT INTO event (namespace) SELECT 'ns' || g % 20 FROM generate_series(1, 100) g;
`;

const CONFIG = `
widenSerial: true
tables:
  kind: { placement: reference }
  model: { distributeBy: id }
`;

const VECTORS = `
  CREATE TABLE memory (id int, namespace varchar(50) NOT NULL, embedding public.vector(3), PRIMARY KEY (namespace, id));
  INSERT INTO memory SELECT g, 'ns' || g % 20, ARRAY[g, 1, 2]::real[]::public.vector FROM generate_series(1, 100) g;
  CREATE INDEX memory_embedding ON memory USING hnsw (embedding public.vector_cosine_ops) WITH (m = 16, ef_construction = 64);
`;

/** What a document says is wrong beside the rows, and nothing that is right. */
function wrong(result: Document): Document {
  const not = (list: Document[]): Document[] => list.filter((one) => one.verdict !== 'match');
  return {
    integrity: not(result.integrity).map((one) => [
      one.constraint,
      one.kind === 'unique' ? one.duplicates : one.orphans,
    ]),
    sequences: not(result.sequences).map((one) => one.sequence),
    schema: not(result.schema).map((one) => one.object),
  };
}
const nothing = { integrity: [], sequences: [], schema: [] };

/** Orphans are planted as a broken tool would leave them: without the foreign key's triggers. */
const replica = (sql: string): string =>
  `BEGIN; SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`;
/** One statement at a time: Citus does not take several in one message. */
async function runAll(client: pg.Client, text: string): Promise<void> {
  try {
    for (const statement of text.split('; ')) await client.query(statement);
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
const constraint = (name: string, rows: number): Document => ({ ...nothing, integrity: [[name, rows]] });
const schema = (...objects: string[]): Document => ({ ...nothing, schema: objects });

const DAMAGE: readonly [name: string, damage: string, restore: string, expected: Document][] = [
  [
    'an orphan of a rewritten foreign key',
    replica(`UPDATE doc SET account_id = 9999 WHERE namespace = 'ns7' AND id = 7`),
    replica(`UPDATE doc SET account_id = 7 WHERE namespace = 'ns7' AND id = 7`),
    constraint('doc_account_id_fkey', 1),
  ],
  [
    'a parent in another namespace, where the rewritten foreign key does not see it',
    replica(`UPDATE doc SET account_id = 8 WHERE namespace = 'ns7' AND id = 7`),
    replica(`UPDATE doc SET account_id = 7 WHERE namespace = 'ns7' AND id = 7`),
    constraint('doc_account_id_fkey', 1),
  ],
  [
    'orphans of a foreign key that Citus refused',
    `UPDATE doc SET editor_id = 9999 WHERE id IN (3, 4)`,
    `UPDATE doc SET editor_id = (id * 7) % 400 + 1 WHERE id IN (3, 4)`,
    constraint('doc_editor_id_fkey', 2),
  ],
  [
    'an orphan of a reference to a table that is distributed otherwise',
    `UPDATE doc SET model_id = 301 WHERE id = 5`,
    `UPDATE doc SET model_id = 6 WHERE id = 5`,
    constraint('doc_model_id_fkey', 1),
  ],
  [
    'an orphan of a reference to a reference table',
    replica(`UPDATE doc SET kind = 'c' WHERE namespace = 'ns6' AND id = 6`),
    replica(`UPDATE doc SET kind = 'a' WHERE namespace = 'ns6' AND id = 6`),
    constraint('doc_kind_fkey', 1),
  ],
  [
    'half a value where MATCH FULL allows none',
    `UPDATE doc SET second_id = NULL WHERE id = 9`,
    `UPDATE doc SET second_id = 9 WHERE id = 9`,
    constraint('doc_spot', 1),
  ],
  [
    'one id in two namespaces',
    `INSERT INTO event VALUES (17, 'ns1'), (17, 'ns2')`,
    `DELETE FROM event WHERE id = 17 AND namespace IN ('ns1', 'ns2')`,
    constraint('event_pkey', 2),
  ],
  [
    'one value of a unique constraint in two namespaces',
    `UPDATE account SET badge = 'b2' WHERE id = 11`,
    `UPDATE account SET badge = 'b11' WHERE id = 11`,
    constraint('account_badge_key', 1),
  ],
  [
    'one value of a unique expression, within its predicate alone',
    `UPDATE account SET email = 'M2@X' WHERE id IN (11, 12); UPDATE account SET note = 'x' WHERE id = 12`,
    `UPDATE account SET email = 'm' || id::text || '@x', note = NULL WHERE id IN (11, 12)`,
    constraint('account_email', 1),
  ],
  [
    'a sequence behind',
    `SELECT setval('event_id_seq', 99)`,
    `SELECT setval('event_id_seq', 100)`,
    { ...nothing, sequences: ['event_id_seq'] },
  ],
  [
    'an id that does not fit the single node again',
    `INSERT INTO account (id, namespace, email) VALUES (2147483648, 'ns1', 'big'); SELECT setval('account_id_seq', 2147483648)`,
    `DELETE FROM account WHERE id = 2147483648; SELECT setval('account_id_seq', 400)`,
    { ...nothing, sequences: ['account_id_seq'] },
  ],
  [
    'an id of a worker that its sequence has not passed',
    `INSERT INTO event VALUES (281474976710700, 'ns1')`,
    `DELETE FROM event WHERE id = 281474976710700`,
    { ...nothing, sequences: ['event_id_seq'] },
  ],
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

describeCitus('integrity, sequences and schema on Citus', () => {
  let source: FreshDatabase;
  let target: FreshCluster;
  let vectors = false;
  const cwd = freshFolder();
  const sides = (): string[] => ['--source', source.url, '--target', target.url];
  const verify = (...args: string[]): Promise<Document> => runJson(['verify', ...sides(), ...args], { cwd });

  /** Runs statements on the worker that holds a shard of `table`, as somebody who does not ask the coordinator. */
  async function onShard(table: string, work: (client: pg.Client, shard: string) => Promise<unknown>) {
    const { rows } = await target.client.query(
      `SELECT shardid, nodename, nodeport FROM citus_shards WHERE table_name = $1::regclass ORDER BY shardid LIMIT 1`,
      [table],
    );
    const client = await workerAt(rows[0].nodeport);
    await work(client, rows[0].shardid);
    return { shardId: String(rows[0].shardid), node: `${rows[0].nodename}:${rows[0].nodeport}` };
  }
  async function workerAt(port: number): Promise<pg.Client> {
    const client = await connectTo(target.workerUrls.find((url) => Number(new URL(url).port) === port)!);
    await client.query('SET citus.override_table_visibility = off');
    return client;
  }

  beforeAll(async () => {
    source = await freshSource();
    target = await freshCluster({ shardCount: 8 });
    await source.client.query(SCHEMA);
    await target.client.query(ROLE);
    const { rows } = await source.client.query(`SELECT to_regtype('public.vector') IS NOT NULL AS found`);
    vectors = rows[0].found;
    if (vectors) await source.client.query(VECTORS);
    writeFileSync(join(cwd, 'migrate.config.yaml'), CONFIG);
    expect(await runJson(['plan', ...sides()], { cwd })).toMatchObject({ exit: 0 });
    expect(await runJson(['copy', ...sides()], { cwd })).toMatchObject({ exit: 0 });
  });

  test('a faithful copy has nothing to report, and every constraint is told', async () => {
    const result = await verify();
    expect(wrong(result)).toEqual(nothing);
    expect(result).toMatchObject({ exit: 0, verdict: 'match', skipped: [] });
    const told = (kind: string): string[] =>
      result.integrity
        .filter((one: Document) => one.kind === kind)
        .map((one: Document) => one.constraint)
        .sort();
    expect(told('foreign')).toEqual([
      'doc_account_id_fkey',
      'doc_editor_id_fkey',
      'doc_kind_fkey',
      'doc_model_id_fkey',
      'doc_spot',
    ]);
    expect(told('unique')).toEqual([
      'account_badge_key',
      'account_email',
      'account_pkey',
      'doc_pkey',
      'event_pkey',
      'spot_x_y_key',
    ]);
  });

  test.each(DAMAGE)('%s is found and named, and nothing else', async (_name, damage, restore, expected) => {
    await runAll(target.client, damage);
    const result = await verify();
    await runAll(target.client, restore);
    expect(wrong(result)).toEqual(expected);
    expect(result).toMatchObject({ exit: 1, verdict: 'mismatch' });
  });

  test('orphans and duplicates are named by their keys', async () => {
    await target.client.query(`UPDATE doc SET editor_id = 9999 WHERE id IN (3, 4)`);
    await target.client.query(`UPDATE account SET badge = 'b2' WHERE id = 11`);
    const result = await verify();
    const some = await verify('--max-discrepancies', '1');
    await target.client.query(`UPDATE doc SET editor_id = (id * 7) % 400 + 1 WHERE id IN (3, 4)`);
    await target.client.query(`UPDATE account SET badge = 'b11' WHERE id = 11`);
    const find = (name: string, from = result): Document =>
      from.integrity.find((one: Document) => one.constraint === name);
    const keys = (name: string): Document[] =>
      find(name)
        .keys.map(({ key, value }: Document) => ({ key, value }))
        .sort((a: Document, b: Document) => Number(a.key.id) - Number(b.key.id));
    expect(keys('doc_editor_id_fkey')).toEqual([
      { key: { id: '3' }, value: { editor_id: '9999' } },
      { key: { id: '4' }, value: { editor_id: '9999' } },
    ]);
    expect(keys('account_badge_key')).toEqual([
      { key: { id: '2', namespace: 'ns2' }, value: { badge: 'b2' } },
      { key: { id: '11', namespace: 'ns11' }, value: { badge: 'b2' } },
    ]);
    expect(find('doc_editor_id_fkey', some)).toMatchObject({ orphans: 2, keys: [{}] });
    expect(find('doc_editor_id_fkey', some).keys).toHaveLength(1);
  });

  test('a dropped index of one shard is named with its shard and node', async () => {
    const at = await onShard('account', (client, shard) => client.query(`DROP INDEX account_state_${shard}`));
    const result = await verify();
    await onShard('account', (client, shard) =>
      client.query(`CREATE INDEX account_state_${shard} ON account_${shard} (state)`),
    );
    expect(wrong(result)).toEqual(schema('index account_state of account'));
    expect(result.schema.find((one: Document) => one.verdict !== 'match')).toMatchObject(at);
    expect(wrong(await verify())).toEqual(nothing);
  });

  test('HNSW with other parameters is found, on one shard and on all', async ({ skip }) => {
    if (!vectors) skip();
    const index = (name: string, table: string, m: number): string =>
      `DROP INDEX ${name}; CREATE INDEX ${name} ON ${table} USING hnsw (embedding vector_cosine_ops) WITH (m = ${m}, ef_construction = 64)`;
    const rebuild = (m: number) =>
      onShard('memory', (client, shard) =>
        client.query(index(`memory_embedding_${shard}`, `memory_${shard}`, m)),
      );
    const at = await rebuild(8);
    const one = await verify('--tables', 'memory');
    await rebuild(16);
    expect(wrong(one)).toEqual(schema('index memory_embedding of memory'));
    expect(one.schema.find((each: Document) => each.verdict !== 'match')).toMatchObject(at);
    await runAll(target.client, index('memory_embedding', 'memory', 8));
    const all = await verify('--tables', 'memory');
    await runAll(target.client, index('memory_embedding', 'memory', 16));
    expect(wrong(all)).toEqual(schema('index memory_embedding of memory'));
    expect(all.schema.find((each: Document) => each.verdict !== 'match').shardId).toBeUndefined();
  });

  test('NOT NULL, a policy and a grant that one shard lacks are found there', async () => {
    await onShard('doc', async (client, shard) => {
      await client.query(`ALTER TABLE doc_${shard} ALTER title DROP NOT NULL`);
      await client.query(`DROP POLICY own ON doc_${shard}`);
      await client.query(`REVOKE SELECT ON doc_${shard} FROM integrity_reader`);
    });
    const result = await verify('--tables', 'doc');
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

  test('a sequence that was moved on a worker can give out ids twice', async () => {
    await source.client.query('CREATE TABLE counted (id serial, namespace varchar(50) NOT NULL)');
    const folder = freshFolder();
    const run = (...args: string[]): Promise<Document> => runJson([...args, ...sides()], { cwd: folder });
    expect(await run('plan', '--tables', 'counted')).toMatchObject({ exit: 0 });
    expect(await run('copy')).toMatchObject({ exit: 0 });
    expect(wrong(await run('verify'))).toEqual(nothing);
    const worker = await connectTo(target.workerUrls[1]!);
    await worker.query(`SELECT setval('counted_id_seq', 1000)`);
    const result = await run('verify');
    await source.client.query('DROP TABLE counted');
    await target.client.query('DROP TABLE counted');
    expect(wrong(result)).toEqual({ ...nothing, sequences: ['counted_id_seq'] });
    const nodes = result.sequences[0].nodes.filter((one: Document) => one.verdict !== 'match');
    expect(nodes).toMatchObject([{ node: new URL(target.workerUrls[1]!).host, value: '1000' }]);
  });

  test('only the constraints of chosen tables are checked', async () => {
    const result = await verify('--tables', 'account,event');
    expect(new Set(result.integrity.map((one: Document) => one.table))).toEqual(
      new Set(['account', 'event']),
    );
  });

  test('what cannot be checked is inconclusive, and says why', async () => {
    await source.client.query(`
      CREATE TABLE parent (id int PRIMARY KEY, namespace varchar(50) NOT NULL);
      CREATE TABLE child (id int PRIMARY KEY, namespace varchar(50) NOT NULL, parent_id int REFERENCES parent (id));
      INSERT INTO parent VALUES (1, 'a'); INSERT INTO child VALUES (1, 'a', 1);`);
    const folder = freshFolder();
    expect(await runJson(['plan', ...sides(), '--tables', 'child'], { cwd: folder })).toMatchObject({
      exit: 0,
    });
    expect(await runJson(['copy', ...sides()], { cwd: folder })).toMatchObject({ exit: 0 });
    const result = await runJson(['verify', ...sides()], { cwd: folder });
    await source.client.query('DROP TABLE child, parent');
    await target.client.query('DROP TABLE child');
    expect(result).toMatchObject({ exit: 4, verdict: 'inconclusive' });
    expect(result.integrity.filter((one: Document) => one.kind === 'foreign')).toMatchObject([
      { constraint: 'child_parent_id_fkey', verdict: 'inconclusive', orphans: null },
    ]);
    expect(result.integrity[0].detail).toContain('parent');
  });

  test('counting says what it leaves out', async () => {
    const result = await verify('--mode', 'counts');
    expect(result).toMatchObject({ verdict: 'match', integrity: [] });
    expect(result.skipped.map((one: Document) => one.part)).toContain('references');
    const { stdout } = await runMigrate(['verify', '--mode', 'counts', ...sides()], { cwd });
    expect(stdout).toContain('Not looked at (--mode counts): references');
  });

  test('the way back is checked on the single node, against the original', async () => {
    const back = await freshSource();
    const there = ['--source', back.url, '--target', target.url];
    expect(await runJson(['copy', '--reverse', ...there], { cwd })).toMatchObject({ exit: 0 });
    expect(wrong(await runJson(['verify', '--reverse', ...there], { cwd }))).toEqual(nothing);
    await back.client.query(`
      BEGIN; SET LOCAL session_replication_role = replica;
      UPDATE doc SET account_id = 9999 WHERE id = 7; COMMIT;
      DROP INDEX account_state`);
    const result = await runJson(['verify', '--reverse', ...there], { cwd });
    expect(wrong(result)).toEqual({
      ...constraint('doc_account_id_fkey', 1),
      schema: ['index account_state of account'],
    });
  });
});

const FIXTURES: readonly [FixtureName, object][] = [
  ['memory-mesh', { rows: 1000, seed: 3 }],
  ['type-zoo', { bigBytes: 1000 }],
];

function fixtures(freshTarget: () => Promise<FreshDatabase>): void {
  test.each(FIXTURES)('%s raises no false alarm after a copy', async (name, options) => {
    const [source, target] = [await freshSource(), await freshTarget()];
    await withSession(source.url, (session) => applyFixture(session, name, options));
    const args = ['--source', source.url, '--target', target.url];
    const cwd = freshFolder();
    const config = ['--config', fixturePath(name, 'migrate.config.yaml')];
    expect(await runJson(['copy', ...args, ...config], { cwd })).toMatchObject({ exit: 0 });
    const result = await runJson(['verify', ...args, ...config], { cwd });
    expect(wrong(result)).toEqual(nothing);
    expect(result).toMatchObject({ exit: 0, verdict: 'match' });
  });
}

describeCitus('fixtures on Citus', () => fixtures(() => freshCluster({ shardCount: 4 })));
describe('fixtures on a plain PostgreSQL', () => fixtures(freshSource));
