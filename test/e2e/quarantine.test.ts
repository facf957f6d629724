import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { findLocalPostgres } from '../../src/demo/servers/index.js';
import { describeCitus, type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import { type Document, freshFolder, runJson, runMigrate } from '../support/migrate.js';
import { contentsOf, shapesOf } from '../support/same-rows.js';

const SCHEMA = `
  CREATE TABLE item (id bigint PRIMARY KEY, namespace varchar(50) NOT NULL, amount int, note text);
  INSERT INTO item SELECT g, 'ns' || g % 20, CASE WHEN g % 500 = 0 THEN -g ELSE g END, repeat('n', g % 50)
  FROM generate_series(1, 5000) g;
`;
const BAD = Array.from({ length: 10 }, (_, index) => (index + 1) * 500);

/** Citus passes a worker's refusal on without its SQLSTATE and constraint. */
const ANONYMOUS = { sqlstate: 'XX000' };
const NAMED = { constraint: 'no_debt', sqlstate: '23514' };

function suite(freshTarget: () => Promise<FreshDatabase>, via: string, reason: Record<string, string>): void {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const cwd = freshFolder();
  const args = (): string[] => [
    '--source',
    source.url,
    '--target',
    target.url,
    '--via',
    via,
    '--chunk-bytes',
    '64kB',
  ];
  const load = (...more: string[]): Promise<Document> =>
    runJson(['copy', '--phase', 'data', ...args(), ...more], { cwd });

  beforeAll(async () => {
    source = await freshSource();
    target = await freshTarget();
    await source.client.query(SCHEMA);
    const sides = ['--source', source.url, '--target', target.url];
    expect(await runJson(['schema', '--phase', 'before-data', ...sides], { cwd })).toMatchObject({ exit: 0 });
    await target.client.query('ALTER TABLE item ADD CONSTRAINT no_debt CHECK (amount >= 0)');
  });

  test('by default a refused row stops the load and names the constraint, without the row', async () => {
    const result = await load();
    expect(result).toMatchObject({
      exit: 3,
      error: { code: 'ROW_REFUSED', context: reason },
    });
    expect(JSON.stringify(result)).not.toContain('-500');
    expect(existsSync(join(cwd, 'migrate.quarantine'))).toBe(false);
  });

  test('more refused rows than allowed stop the load before they are committed, however often', async () => {
    for (let run = 0; run < 2; run += 1) {
      const result = await load('--on-bad-row', 'quarantine', '--max-bad-rows', '3');
      expect(result).toMatchObject({ exit: 3, error: { code: 'TOO_MANY_BAD_ROWS' } });
      const { rows } = await target.client.query(
        'SELECT coalesce(sum(rejected), 0)::int AS refused FROM citus_migrate.chunk',
      );
      expect(rows[0].refused).toBeLessThanOrEqual(3);
    }
  });

  test('set aside, they are exactly the bad ones, and all others arrive', async () => {
    const result = await load('--on-bad-row', 'quarantine');
    expect(result).toMatchObject({ exit: 1, tables: [{ table: 'item', rows: 4990, rejectedRows: 10 }] });
    const { rows } = await target.client.query(
      'SELECT count(*)::int AS n, count(*) FILTER (WHERE amount < 0)::int AS bad FROM item',
    );
    expect(rows).toEqual([{ n: 4990, bad: 0 }]);
    const told = result.quarantined.flatMap((each: Document) => each.rows);
    expect(told).toHaveLength(10);
    for (const row of told) expect(row).toMatchObject({ table: 'item', ...reason });
    const verified = await runJson(['verify', '--source', source.url, '--target', target.url], { cwd });
    const missing = verified.tables[0].discrepancies.map(({ kind, key }: Document) => `${kind} ${key.id}`);
    expect(missing.sort()).toEqual(BAD.map((id) => `missing ${id}`).sort());
  });

  test('a further run loads nothing twice and still tells what is missing', async () => {
    const { code, stdout } = await runMigrate(
      ['copy', '--phase', 'data', '--on-bad-row', 'quarantine', ...args()],
      { cwd },
    );
    expect(code).toBe(1);
    expect(stdout).toContain('10 rows were refused');
    const { rows } = await target.client.query('SELECT count(*)::int AS n FROM item');
    expect(rows[0].n).toBe(4990);
  });

  test.each([
    ['--on-bad-row', 'fail'],
    ['--on-bad-row', 'quarantine', '--max-bad-rows', '9'],
  ])('a run that takes fewer than are set aside already does not begin: %s %s', async (...policy) => {
    expect(await load(...policy)).toMatchObject({
      exit: 3,
      error: { code: 'TOO_MANY_BAD_ROWS', hint: expect.stringContaining('--max-bad-rows 10') },
    });
  });

  test('the printed commands load them again when the reason is gone', async (context) => {
    const install = findLocalPostgres();
    if (install === undefined) return context.skip();
    const result = await load('--on-bad-row', 'quarantine');
    await target.client.query('ALTER TABLE item DROP CONSTRAINT no_debt');
    for (const { replay } of result.quarantined) {
      execFileSync(`${install.binDir}/psql`, ['-X', '-v', 'ON_ERROR_STOP=1', '-c', replay, target.url], {
        cwd: join(cwd, 'migrate.quarantine'),
      });
    }
    const shapes = await shapesOf(source.client);
    expect(await contentsOf(target.url, shapes)).toEqual(await contentsOf(source.url, shapes));
    for (const { file } of result.quarantined)
      expect(readFileSync(join(cwd, file)).length).toBeGreaterThan(0);
  });
}

describeCitus('refused rows straight into shards', () =>
  suite(() => freshCluster({ shardCount: 8 }), 'direct', NAMED),
);
describeCitus('refused rows through the coordinator', () =>
  suite(() => freshCluster({ shardCount: 8 }), 'coordinator', ANONYMOUS),
);
describe('refused rows on a plain PostgreSQL', () => suite(freshSource, 'auto', NAMED));
