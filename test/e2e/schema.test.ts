import { statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, freshFolder, runJson, runMigrate } from '../support/migrate.js';

const SCHEMA = `
  CREATE TABLE kind (id int PRIMARY KEY, label text);
  CREATE TABLE item (
    id bigint PRIMARY KEY, namespace varchar(20) NOT NULL, kind int REFERENCES kind, note text, other text
  );
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 3) g;
  INSERT INTO item SELECT g, 'ns' || g % 9, 1 + g % 3, 'note ' || g, md5(g::text) FROM generate_series(1, 300) g;
  CREATE INDEX item_note ON item (note);
  CREATE INDEX item_other ON item (other);
  CREATE INDEX item_marked ON item (kind);
  CREATE UNIQUE INDEX item_unique ON item (namespace, note);
  CREATE FUNCTION shown(x text, n int) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT x';
  CREATE INDEX item_shown ON item (shown(note, 1));
  REVOKE ALL ON FUNCTION shown(text, int) FROM PUBLIC;
  GRANT SELECT ON kind TO PUBLIC;
  GRANT SELECT (note), UPDATE (note, other) ON item TO PUBLIC;
  GRANT USAGE ON SCHEMA public TO PUBLIC;
  ANALYZE;
`;

describeCitus('the schema of a cluster', () => {
  let source: FreshDatabase;
  let target: FreshCluster;
  const cwd = freshFolder();
  const sides = (): string[] => ['--source', source.url, '--target', target.url];
  const run = (...args: string[]): Promise<Document> => runJson([...args, ...sides()], { cwd });

  beforeAll(async () => {
    source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(SCHEMA);
    expect(await run('plan')).toMatchObject({ exit: 0 });
  });

  test('is not made while another run works on the target', async () => {
    const other = await connectTo(target.url);
    await other.query(`SET application_name = 'migrate 0ther1d'; SELECT pg_advisory_lock(x'636d6967'::int)`);
    expect(await run('schema')).toMatchObject({ exit: 3, error: { code: 'RUN_LOCKED' } });
    const { rows } = await target.client.query(`SELECT to_regclass('item') AS made`);
    expect(rows[0].made).toBeNull();
    await other.query('SELECT pg_advisory_unlock_all()');
  });

  test.each([
    ['--tables', 'item'],
    ['--exclude', 'kind'],
    ['--exclude', 'kind', '--print'],
  ])('is not made in part (%s %s)', async (...args) => {
    const refused = await run('schema', ...args);
    expect(refused).toMatchObject({ exit: 2, error: { code: 'USAGE' } });
    expect(refused.error.message).toContain('1 table of the plan');
    const { rows } = await target.client.query(`SELECT to_regclass('item') AS made`);
    expect(rows[0].made).toBeNull();
  });

  test('is made once: a second run finds all of it, and makes what is missing alone', async () => {
    const all = await run('schema', '--tables', 'item,kind');
    expect(all).toMatchObject({ exit: 0, existing: expect.not.arrayContaining(['table item']) });
    const again = await run('schema');
    expect(again).toMatchObject({ exit: 0, created: [] });
    expect(again.existing.length).toBe(all.created.length + all.existing.length);
    for (const [undo, missing] of [
      ['REVOKE SELECT ON kind FROM PUBLIC', 'privileges of PUBLIC on TABLE public.kind'],
      ['REVOKE UPDATE (other) ON item FROM PUBLIC', 'privileges of PUBLIC on TABLE public.item'],
      [
        'GRANT EXECUTE ON FUNCTION shown(text, int) TO PUBLIC',
        'privileges of PUBLIC on FUNCTION public.shown(x text, n integer)',
      ],
      ['DROP INDEX item_other', 'index item_other of item'],
    ]) {
      await target.client.query(undo!);
      expect(await run('schema')).toMatchObject({ exit: 0, created: [missing] });
    }
  });

  const indexes = async (): Promise<Record<string, number>> => {
    const { rows } = await target.client.query(
      `SELECT indexrelid::regclass::text AS name, indexrelid::int AS oid FROM pg_index WHERE indrelid = 'item'::regclass`,
    );
    return Object.fromEntries(rows.map(({ name, oid }) => [name, oid]));
  };
  const changed = (before: Record<string, number>, after: Record<string, number>): string[] =>
    Object.keys(after).filter((name) => before[name] !== after[name]);

  test('--truncate asks about the indexes that it drops, and builds exactly the planned ones again', async () => {
    expect(await run('copy')).toMatchObject({ exit: 0 });
    // Not the planned index any more, and one with something that a new one would lack.
    await target.client.query('DROP INDEX item_other');
    await target.client.query('CREATE INDEX item_other ON item (other, note)');
    await target.client.query(`COMMENT ON INDEX item_marked IS 'mine'`);
    const before = await indexes();
    const asked = await run('copy', '--truncate');
    expect(asked).toMatchObject({ exit: 2, error: { code: 'CONFIRMATION_NEEDED' } });
    expect(asked.error.message).toContain(
      'Delete all rows of 2 tables (item, kind) and drop 4 indexes (item_marked, item_note, item_other, item_shown), to be built again after the rows, on the target (',
    );
    expect(await indexes()).toEqual(before);
    // Without the phase that builds them again none is dropped.
    expect(await run('copy', '--truncate', '--yes', '--phase', 'data')).toMatchObject({ exit: 0 });
    expect(await indexes()).toEqual(before);
    const { code, stderr } = await runMigrate(['copy', '--truncate', '--yes', ...sides()], { cwd });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('Dropped 2 indexes, to be built again after the rows: item_note, item_shown');
    const after = await indexes();
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
    expect(changed(before, after).sort()).toEqual(['item_note', 'item_shown']);
    expect(await run('verify')).toMatchObject({
      verdict: 'mismatch',
      schema: expect.arrayContaining([
        expect.objectContaining({ object: 'index item_other of item', verdict: 'mismatch' }),
      ]),
    });
  });

  test('on the way back messages name the single node, which --source names', async () => {
    const node = await freshSource();
    const back = ['--source', node.url, '--target', target.url, '--reverse', '--yes'];
    const made = await runMigrate(['schema', '--phase', 'before-data', ...back], { cwd });
    expect(made.stdout).toMatch(/^Created \d+ objects on the single node \(--source\);/);
    expect(made.stdout).toMatch(/\nNext: migrate copy --reverse\n$/);
    const copied = await runMigrate(['copy', ...back], { cwd });
    expect(copied.stdout).toContain('303 rows are in the single node (--source).');
    expect(copied.stdout).toMatch(/\nNext: migrate verify --reverse\n$/);
    const truncated = await runJson(['copy', ...back.filter((one) => one !== '--yes'), '--truncate'], {
      cwd,
    });
    const { host, pathname } = new URL(node.url);
    const there = `single node (--source, ${host}${pathname})`;
    expect(truncated.error.message).toMatch(/\?$/);
    expect(truncated.error.message).toContain(`on the ${there}?`);
    await node.client.query(`INSERT INTO kind VALUES (9, 'foreign'); DROP SCHEMA citus_migrate CASCADE`);
    const refused = await runJson(['copy', ...back], { cwd });
    expect(refused).toMatchObject({ exit: 2, error: { code: 'TARGET_NOT_EMPTY' } });
    expect(refused.error.message).toContain(`The ${there} holds rows`);
    expect(refused.error.hint).toContain('empty database');
    expect(refused.error.hint).not.toContain('--truncate');
    await node.client.query('TRUNCATE item');
    await node.client.query('DROP TABLE kind CASCADE');
    const missing = await runJson(['copy', ...back, '--phase', 'data'], { cwd });
    expect(missing).toMatchObject({ exit: 2, error: { code: 'TARGET_TABLE_MISSING' } });
    expect(missing.error.message).toContain(`The ${there} has no table kind`);
    expect(missing.error.hint).toContain('migrate schema --reverse');
  });

  test('what comes next depends on the phase and is told which plan and tables', async () => {
    const next = async (...args: string[]): Promise<string | undefined> => {
      const { stdout, stderr, code } = await runMigrate([...args, ...sides(), '--plan', 'own plan.json'], {
        cwd,
      });
      expect(code, stderr).toBe(0);
      return /^Next: (.*)$/m.exec(stdout)?.[1];
    };
    const plan = "--plan 'own plan.json'";
    await next('plan');
    expect(await next('schema', '--phase', 'after-data')).toBe(
      `migrate copy --phase after-data ${plan}, or migrate import --from DIR --phase after-data ${plan} (sequences and statistics); then migrate verify ${plan}`,
    );
    expect(await next('copy', '--phase', 'before-data')).toBe(`migrate copy --phase data ${plan}`);
    expect(await next('copy', '--phase', 'after-data', '--tables', 'item,kind')).toBe(
      `migrate verify ${plan} --tables item,kind`,
    );
    expect(await next('export', '--out', 'a dump', '--tables', 'kind')).toBe(
      `migrate import --from 'a dump' ${plan} --tables kind`,
    );
    expect(await next('import', '--from', 'a dump', '--phase', 'before-data')).toBe(
      `migrate import --from 'a dump' --phase data ${plan}`,
    );
  });

  test('the plan inside a dump is readable for its owner alone', async () => {
    expect(await run('export', '--out', 'dump')).toMatchObject({ exit: 0 });
    expect(statSync(join(cwd, 'dump/plan.json')).mode & 0o777).toBe(0o600);
  });

  test('with two copies of every shard the plan blocks the foreign keys that Citus then refuses', async () => {
    const doubled = await freshCluster({ shardCount: 2, replicationFactor: 2 });
    const plan = await runJson(
      ['plan', '--source', source.url, '--target', doubled.url, '--plan', 'doubled.json'],
      { cwd },
    );
    expect(plan).toMatchObject({ exit: 1 });
    const finding = plan.findings.find(({ code }: { code: string }) => code === 'FK_REPLICATED');
    expect(finding).toMatchObject({ severity: 'blocker' });
    expect(finding.message).toContain('item_kind_fkey of item');
    await doubled.client.query(`
      CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);
      SELECT create_reference_table('a'); SELECT create_distributed_table('b', 'id')`);
    await expect(doubled.client.query('ALTER TABLE b ADD FOREIGN KEY (id) REFERENCES a')).rejects.toThrow(
      'cannot create foreign key constraint',
    );
  });
});
