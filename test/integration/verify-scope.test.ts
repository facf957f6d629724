import { beforeAll, describe, expect, test } from 'vitest';
import type { TableResult } from '../../src/verify/types.js';
import { SCHEMA } from '../support/damage.js';
import { describeCitus, type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import { type CompareOptions, differing, type Moved, moved } from '../support/moved.js';

const MODES = ['digest', 'rows'] as const;

function suite(freshTarget: () => Promise<FreshDatabase>): void {
  let at: Moved;
  const update = (note: string, where: string) =>
    at.target.client.query(`UPDATE item SET note = ${note} WHERE ${where}`);
  const item = async (options: CompareOptions): Promise<TableResult> =>
    (await at.compare({ only: ['item'], ...options })).tables[0]!;
  const keys = (table: TableResult): string[] => table.discrepancies.map(({ key }) => key!.id!).sort();

  beforeAll(async () => {
    at = await moved(freshTarget, ({ client }) => client.query(SCHEMA));
  });

  test('counts alone cannot see a changed value', async () => {
    await update(`'changed'`, 'id = 78');
    expect(await at.compare({ mode: 'counts' })).toMatchObject({ verdict: 'match', mode: 'counts' });
    expect(await at.compare()).toMatchObject({ verdict: 'mismatch' });
    await update(`'note 78'`, 'id = 78');
  });

  describe.each(MODES)('in %s mode', (mode) => {
    test('many differences are listed up to the limit, and said to be more', async () => {
      await update(`'x'`, 'id > 1000 AND id <= 2000');
      expect(await item({ mode, maxDiscrepancies: 10 })).toMatchObject({ countComplete: false });
      expect((await item({ mode, maxDiscrepancies: 10 })).discrepancies).toHaveLength(10);
      const all = await item({ mode, maxDiscrepancies: 5000 });
      expect(all).toMatchObject({ discrepancyCount: 1000, countComplete: true });
      expect(new Set(keys(all)).size).toBe(1000);
      await update(`'note ' || id::text`, 'id > 1000 AND id <= 2000');
    });

    test('no tenant but the named one is looked at', async () => {
      await update(`'changed'`, 'id IN (7, 8)');
      const scope = { namespaces: ['ns7'] };
      const result = await at.compare({ mode, scope });
      expect(differing(result)).toEqual({
        item: [{ kind: 'mismatched', key: { id: '7' }, columns: ['note'] }],
      });
      await update(`'note ' || id::text`, 'id IN (7, 8)');
    });

    test('a sample is the same rows every time and on both sides', async () => {
      await update(`'changed'`, 'id > 4000');
      const sample = { namespaces: [], sample: 10 };
      const found = await item({ mode, scope: sample });
      const count = Number(found.source.rows);
      expect(count).toBeGreaterThan(350);
      expect(count).toBeLessThan(650);
      expect(found).toMatchObject({ sampled: true, verdict: 'mismatch', target: { rows: BigInt(count) } });
      const other = await item({ mode: mode === 'rows' ? 'digest' : 'rows', scope: sample });
      expect(keys(other)).toEqual(keys(found));
      await update(`'note ' || id::text`, 'id > 4000');
    });
  });

  test('odd settings of the target change nothing', async () => {
    const name = new URL(at.target.url).pathname.slice(1);
    const odd = [
      `DateStyle = 'German'`,
      `TimeZone = 'Asia/Tokyo'`,
      `extra_float_digits = 0`,
      `IntervalStyle = 'sql_standard'`,
      `bytea_output = 'escape'`,
    ];
    for (const setting of odd) await at.target.client.query(`ALTER DATABASE ${name} SET ${setting}`);
    for (const mode of MODES) expect(await at.compare({ mode })).toMatchObject({ verdict: 'match' });
    for (const setting of odd)
      await at.target.client.query(`ALTER DATABASE ${name} RESET ${setting.split(' ')[0]}`);
  });
}

describeCitus('what is compared, on Citus', () => suite(() => freshCluster({ shardCount: 8 })));
describe('what is compared, on a plain PostgreSQL', () => suite(freshSource));
