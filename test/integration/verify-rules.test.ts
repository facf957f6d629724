import { beforeAll, expect, test } from 'vitest';
import { runAll } from '../support/damage.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, freshFolder, runJson, runMigrate } from '../support/migrate.js';
import { type Moved, moved } from '../support/moved.js';
import { CONFIG, constraint, nothing, ROLE, replica, SCHEMA, wrong } from '../support/rules.js';

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
];

describeCitus('rules between rows, and sequences, on Citus', () => {
  let at: Moved<FreshCluster>;

  beforeAll(async () => {
    const target = async (): Promise<FreshCluster> => {
      const cluster = await freshCluster({ shardCount: 8 });
      await cluster.client.query(ROLE);
      return cluster;
    };
    at = await moved(target, ({ client }) => client.query(SCHEMA), CONFIG);
  });

  test('a faithful copy has nothing to report, and every constraint is told', async () => {
    const result = await at.compare();
    expect(wrong(result)).toEqual(nothing);
    expect(result).toMatchObject({ verdict: 'match', skipped: [] });
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
    await runAll(at.target.client, damage);
    const result = await at.compare();
    await runAll(at.target.client, restore);
    expect(wrong(result)).toEqual(expected);
    expect(result.verdict).toBe('mismatch');
  });

  test('orphans and duplicates are named by their keys', async () => {
    await at.target.client.query(`UPDATE doc SET editor_id = 9999 WHERE id IN (3, 4)`);
    await at.target.client.query(`UPDATE account SET badge = 'b2' WHERE id = 11`);
    const result = await at.compare();
    const some = await at.compare({ maxDiscrepancies: 1 });
    await at.target.client.query(`UPDATE doc SET editor_id = (id * 7) % 400 + 1 WHERE id IN (3, 4)`);
    await at.target.client.query(`UPDATE account SET badge = 'b11' WHERE id = 11`);
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

  test('a sequence that was moved on a worker can give out ids twice', async () => {
    await at.source.client.query('CREATE TABLE counted (id serial, namespace varchar(50) NOT NULL)');
    const folder = freshFolder();
    const run = (...args: string[]): Promise<Document> => runJson([...args, ...at.sides], { cwd: folder });
    expect(await run('plan', '--tables', 'counted')).toMatchObject({ exit: 0 });
    expect(await run('copy')).toMatchObject({ exit: 0 });
    expect(wrong(await run('verify'))).toEqual(nothing);
    const worker = await connectTo(at.target.workerUrls[1]!);
    await worker.query(`SELECT setval('counted_id_seq', 1000)`);
    const result = await run('verify');
    await at.source.client.query('DROP TABLE counted');
    await at.target.client.query('DROP TABLE counted');
    expect(wrong(result)).toEqual({ ...nothing, sequences: ['counted_id_seq'] });
    const nodes = result.sequences[0].nodes.filter((one: Document) => one.verdict !== 'match');
    expect(nodes).toMatchObject([{ node: new URL(at.target.workerUrls[1]!).host, value: '1000' }]);
  });

  test('only the constraints of chosen tables are checked', async () => {
    const result = await at.compare({ only: ['account', 'event'] });
    expect(new Set(result.integrity.map((one: Document) => one.table))).toEqual(
      new Set(['account', 'event']),
    );
  });

  test('what cannot be checked is inconclusive, and says why', async () => {
    await at.source.client.query(`
      CREATE TABLE parent (id int PRIMARY KEY, namespace varchar(50) NOT NULL);
      CREATE TABLE child (id int PRIMARY KEY, namespace varchar(50) NOT NULL, parent_id int REFERENCES parent (id));
      INSERT INTO parent VALUES (1, 'a'); INSERT INTO child VALUES (1, 'a', 1);`);
    const folder = freshFolder();
    expect(await runJson(['plan', ...at.sides, '--tables', 'child'], { cwd: folder })).toMatchObject({
      exit: 0,
    });
    expect(await runJson(['copy', ...at.sides], { cwd: folder })).toMatchObject({ exit: 0 });
    const result = await runJson(['verify', ...at.sides], { cwd: folder });
    await at.source.client.query('DROP TABLE child, parent');
    await at.target.client.query('DROP TABLE child');
    expect(result).toMatchObject({ exit: 4, verdict: 'inconclusive' });
    expect(result.integrity.filter((one: Document) => one.kind === 'foreign')).toMatchObject([
      { constraint: 'child_parent_id_fkey', verdict: 'inconclusive', orphans: null },
    ]);
    expect(result.integrity[0].detail).toContain('parent');
  });

  test('counting says what it leaves out', async () => {
    const result = await at.compare({ mode: 'counts' });
    expect(result).toMatchObject({ verdict: 'match', integrity: [] });
    expect(result.skipped.map((one: Document) => one.part)).toContain('references');
    const { stdout } = await runMigrate(['verify', '--mode', 'counts', ...at.sides], { cwd: at.cwd });
    expect(stdout).toContain('Not looked at (--mode counts): references');
  });

  test('the way back is checked on the single node, against the original', async () => {
    const back = await freshSource();
    const there = ['--source', back.url, '--target', at.target.url];
    expect(await runJson(['copy', '--reverse', ...there], { cwd: at.cwd })).toMatchObject({ exit: 0 });
    expect(wrong(await runJson(['verify', '--reverse', ...there], { cwd: at.cwd }))).toEqual(nothing);
    await back.client.query(`
      BEGIN; SET LOCAL session_replication_role = replica;
      UPDATE doc SET account_id = 9999 WHERE id = 7; COMMIT;
      DROP INDEX account_state`);
    const result = await runJson(['verify', '--reverse', ...there], { cwd: at.cwd });
    expect(wrong(result)).toEqual({
      ...constraint('doc_account_id_fkey', 1),
      schema: ['index account_state of account'],
    });
  });
});
