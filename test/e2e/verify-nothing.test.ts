import { beforeAll, describe, expect, test } from 'vitest';
import { describeCitus, type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import { freshFolder, runJson, runMigrate } from '../support/migrate.js';
import { expectRefusal } from '../support/refusal.js';

/** What compares nothing must not say that everything is the same. */
function suite(freshTarget: () => Promise<FreshDatabase>): void {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const cwd = freshFolder();
  const sides = () => ['--source', source.url, '--target', target.url];

  beforeAll(async () => {
    source = await freshSource();
    target = await freshTarget();
    await source.client.query(`
      CREATE TABLE kind (code int PRIMARY KEY);
      CREATE TABLE item (id bigint PRIMARY KEY, namespace text NOT NULL, kind int REFERENCES kind);
      INSERT INTO kind VALUES (1);
      INSERT INTO item SELECT g, 'ns' || g % 5, 1 FROM generate_series(1, 100) g`);
    expect(await runJson(['plan', ...sides()], { cwd })).toMatchObject({ exit: 0 });
  });

  test.each(['digest', 'rows', 'counts'])(
    'a target to which nothing was moved is told, not reported as a bug (%s)',
    async (mode) => {
      await expectRefusal(
        ['verify', '--mode', mode, ...sides()],
        { cwd, unchanged: [source, target] },
        { code: 'TARGET_TABLE_MISSING', exit: 2, says: ['on target', 'item', 'kind', 'migrate copy'] },
      );
    },
  );

  test.each([['copy'], ['schema']])('so are indexes that would be built on nothing (%s)', async (command) => {
    await expectRefusal(
      [command, '--phase', 'after-data', ...sides()],
      { cwd, unchanged: [source, target] },
      { code: 'TARGET_TABLE_MISSING', exit: 2, says: ['item', 'kind', 'migrate schema'] },
    );
  });

  test('so is a single node to which nothing came back', async () => {
    const empty = await freshSource();
    expect(await runJson(['copy', ...sides()], { cwd })).toMatchObject({ exit: 0 });
    await expectRefusal(
      ['verify', '--reverse', '--source', empty.url, '--target', target.url],
      { cwd, unchanged: [empty, target] },
      { code: 'TARGET_TABLE_MISSING', exit: 2, says: ['on source', 'item', 'migrate copy --reverse'] },
    );
  });

  test('a tenant that neither side has is inconclusive, one that has rows is a match', async () => {
    const verify = (...args: string[]) => runJson(['verify', ...args, ...sides()], { cwd });
    const nobody = await verify('--namespaces', 'ns55');
    expect(nobody).toMatchObject({ exit: 4, verdict: 'inconclusive' });
    expect(nobody.notes.join(' ')).toContain('No compared table has a row of ns55: is the name right?');
    const known = await verify('--namespaces', 'ns3');
    expect(known).toMatchObject({ exit: 0, verdict: 'match' });
    expect(known.notes.join(' ')).not.toContain('is the name right');
  });

  test('tables that belong to no tenant cannot be compared by tenant', async () => {
    await expectRefusal(
      ['verify', '--namespaces', 'ns3', '--tables', 'kind', ...sides()],
      { cwd, unchanged: [source, target] },
      { code: 'USAGE', exit: 2, says: ['None of the chosen tables', '--namespaces'] },
    );
  });

  test('a sequence or an index alone has a next step, too', async () => {
    const { rows } = await target.client.query<{ name: string }>(
      `SELECT conname AS name FROM pg_constraint WHERE conrelid = 'item'::regclass AND contype = 'f'`,
    );
    await target.client.query(`ALTER TABLE item DROP CONSTRAINT ${rows[0]!.name}`);
    const { code, stdout } = await runMigrate(['verify', ...sides()], { cwd });
    expect(code).toBe(1);
    expect(stdout).toContain('made up for by: migrate copy --phase after-data');
    expect(await runJson(['copy', '--phase', 'after-data', ...sides()], { cwd })).toMatchObject({ exit: 0 });
    expect(await runJson(['verify', ...sides()], { cwd })).toMatchObject({ exit: 0, verdict: 'match' });
  });
}

describeCitus('verification of nothing, on Citus', () => suite(() => freshCluster({ shardCount: 4 })));
describe('verification of nothing, on a plain PostgreSQL', () => suite(freshSource));
