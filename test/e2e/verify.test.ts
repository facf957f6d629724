import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { SCHEMA } from '../support/damage.js';
import { describeCitus, type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import { type Document, runMigrate } from '../support/migrate.js';
import { type Moved, moved, strip } from '../support/moved.js';

function suite(freshTarget: () => Promise<FreshDatabase>): void {
  let at: Moved;
  const text = (...args: string[]) => runMigrate(['verify', ...at.sides, '--no-progress', ...args], at);
  const update = (note: string, where: string) =>
    at.target.client.query(`UPDATE item SET note = ${note} WHERE ${where}`);

  beforeAll(async () => {
    at = await moved(freshTarget, ({ client }) => client.query(SCHEMA));
  });

  test('a faithful copy ends with 0 and leaves no file behind', async () => {
    const before = readdirSync(at.cwd);
    expect(await at.verify()).toMatchObject({ exit: 0, verdict: 'match' });
    expect(readdirSync(at.cwd)).toEqual(before);
  });

  test('a difference ends with 1 and names the row, but no value unless asked', async () => {
    await update(`'never shown unasked'`, 'id = 77');
    for (const mode of ['digest', 'rows']) {
      const silent = await text('--mode', mode);
      expect(silent.code).toBe(1);
      expect(silent.stdout).toContain('mismatched id=77');
      expect(silent.stdout + silent.stderr).not.toContain('never shown unasked');
      const shown = await at.verify('--mode', mode, '--show-values', '--tables', 'item');
      expect(shown).toMatchObject({ exit: 1, verdict: 'mismatch' });
      expect(shown.tables[0].discrepancies).toMatchObject([
        { key: { id: '77' }, values: { note: { source: 'note 77', target: 'never shown unasked' } } },
      ]);
      expect(Object.keys(shown.tables[0].discrepancies[0].values)).toEqual(['note']);
    }
    await update(`'note 77'`, 'id = 77');
  });

  test('counting says that values were not compared', async () => {
    await update(`'changed'`, 'id = 78');
    const { code, stdout } = await text('--mode', 'counts');
    expect(code).toBe(0);
    expect(stdout).toContain('Only rows were counted; values were not compared.');
    await update(`'note 78'`, 'id = 78');
  });

  test('only the named tenants are compared, and other tables are said to be left out', async () => {
    await update(`'changed'`, 'id IN (7, 8)');
    const result = await at.verify('--namespaces', 'ns7');
    const item = result.tables.find((table: Document) => table.table === 'item');
    expect(item).toMatchObject({ verdict: 'mismatch', source: { rows: '250' }, target: { rows: '250' } });
    expect(strip(item)).toEqual([{ kind: 'mismatched', key: { id: '7' }, columns: ['note'] }]);
    expect(result.notes.join()).toMatch(/Only rows of one tenant/);
    expect(await at.verify('--namespaces', 'ns1,ns2')).toMatchObject({ exit: 0, verdict: 'match' });
    await update(`'note ' || id::text`, 'id IN (7, 8)');
  });

  test('a sample says that it is one', async () => {
    const { code, stdout } = await text('--sample', '10%', '--tables', 'item');
    expect(code).toBe(0);
    expect(stdout).toMatch(/the others were not compared/);
    expect(existsSync(join(at.cwd, 'migrate.verify.json'))).toBe(false);
  });
}

describeCitus('the command verify against Citus', () => suite(() => freshCluster({ shardCount: 8 })));
describe('the command verify against a plain PostgreSQL', () => suite(freshSource));
