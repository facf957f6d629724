import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeCitus, type FreshDatabase, freshCluster, freshSource } from '../../support/databases.js';
import { freshFolder, runJson, runMigrate } from '../../support/migrate.js';
import { expectRefusal, withPassword } from '../../support/refusal.js';
import { contentsOf, shapesOf } from '../../support/same-rows.js';

const SCHEMA = `
  CREATE TABLE item (id int PRIMARY KEY, namespace varchar(20) NOT NULL, note text, price int);
  CREATE TABLE part (id int PRIMARY KEY, namespace varchar(20) NOT NULL);
`;

describe('a plan that cannot be followed', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const planned = freshFolder();
  let cwd: string;
  let file: string;

  beforeAll(async () => {
    source = await freshSource();
    target = await freshSource();
    await source.client.query(SCHEMA);
    expect(await runJson(['plan', '--source', source.url], { cwd: planned })).toMatchObject({ exit: 0 });
  });
  beforeEach(() => {
    cwd = freshFolder();
    file = join(cwd, 'migrate.plan.json');
    copyFileSync(join(planned, 'migrate.plan.json'), file);
  });
  const line = (command: string): string[] => [
    ...command.split(' '),
    '--source',
    withPassword(source.url),
    '--target',
    withPassword(target.url),
  ];
  const refused = (command: string, code: string, says: (string | RegExp)[]) =>
    expectRefusal(line(command), { cwd, unchanged: [cwd, source, target] }, { code, exit: 2, says });

  test.each(['export --out dump', 'copy', 'schema', 'verify'])(
    '%s: the source has changed since, and every change is listed',
    async (command) => {
      await source.client.query(`
        ALTER TABLE item DROP COLUMN IF EXISTS note;
        ALTER TABLE item ADD COLUMN IF NOT EXISTS added int;
        ALTER TABLE item ALTER COLUMN price TYPE bigint;
        DROP TABLE IF EXISTS part;
        CREATE TABLE IF NOT EXISTS extra (id int PRIMARY KEY);
      `);
      await refused(command, 'PLAN_STALE', [
        'column item.note is gone',
        'column item.added is new',
        'column item.price was integer and is bigint',
        'table part is gone',
        'table extra is new',
        'migrate plan',
      ]);
    },
  );

  test.each<[string, (text: string) => string, (string | RegExp)[]]>([
    [
      'was edited by hand',
      (text) =>
        text.replace('"reference"', '"local"').replace('varchar', 'vrchar').replace('"note"', '"nota"'),
      ['planHash', 'migrate.config.yaml'],
    ],
    [
      'was cut short',
      (text) => text.slice(0, text.length / 2),
      ['migrate.plan.json', 'not JSON', 'migrate plan'],
    ],
    ['is empty', () => '', ['migrate.plan.json', 'migrate plan']],
    ['is something else', () => '{"name": "something"}', ['migrate.plan.json', 'not a plan file']],
    [
      'is of a newer version',
      (text) => text.replace('"formatVersion": 1', '"formatVersion": 2'),
      [/version 2.*reads 1/],
    ],
    ['lost a part', (text) => text.replace('"tables":', '"tabels":'), ['not complete']],
  ])('the plan file %s', async (_what, damage, says) => {
    const text = readFileSync(file, 'utf8');
    const damaged = damage(text);
    expect(damaged).not.toBe(text);
    writeFileSync(file, damaged);
    await refused('copy', 'PLAN_UNREADABLE', says);
  });

  test.each<[string, (text: string) => string, string[]]>([
    ['of more tables', (text) => text, ['that this one would not: part', '--plan']],
    ['that is no plan', () => 'notes', ['not JSON', '--plan']],
  ])('a new plan does not replace a file %s', async (_what, change, says) => {
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    await refused('plan --tables item', 'PLAN_EXISTS', says);
    expect(await runJson(line('plan --tables item --plan other.json'), { cwd })).toMatchObject({
      exit: 0,
      tables: [{ table: 'item' }],
    });
  });

  test('nothing is planned where nothing is left', () =>
    refused('plan --tables item --exclude item', 'USAGE', ['leave no table', '--exclude']));

  test('a copy without a plan file keeps the plan that it made, and the way back takes it', async () => {
    const [from, to, back] = [await freshSource(), await freshSource(), await freshSource()];
    await from.client.query(`${SCHEMA} INSERT INTO item VALUES (1, 'a', 'one', 5), (2, 'b', NULL, 6)`);
    const sides = ['--source', from.url, '--target', to.url, '--plan', 'kept.json'];
    expect(await runJson(['copy', ...sides], { cwd })).toMatchObject({ exit: 0 });
    const text = readFileSync(join(cwd, 'kept.json'), 'utf8');
    const reverse = ['--reverse', '--source', back.url, '--target', to.url, '--plan', 'kept.json'];
    expect(await runJson(['copy', ...reverse], { cwd })).toMatchObject({ exit: 0 });
    const shapes = await shapesOf(from.client);
    expect(await contentsOf(back.url, shapes)).toEqual(await contentsOf(from.url, shapes));
    expect(readFileSync(join(cwd, 'kept.json'), 'utf8')).toBe(text);
  });

  test('the plan file is not there, and the way back needs it', () =>
    refused('copy --reverse --plan absent.json', 'PLAN_UNREADABLE', ['absent.json', '--plan']));
});

describeCitus('rows without a value in the distribution column', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const cwd = freshFolder();
  const sides = (): string[] => ['--source', withPassword(source.url), '--target', withPassword(target.url)];

  beforeAll(async () => {
    source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(`
      CREATE TABLE loose (id int, namespace varchar(20));
      INSERT INTO loose SELECT g, 'ns' || g FROM generate_series(1, 50) g;
    `);
  });

  test('stop a copy whose plan was made before they came, and nothing of them arrives', async () => {
    expect(await runJson(['plan', ...sides()], { cwd })).toMatchObject({ exit: 0 });
    await source.client.query('INSERT INTO loose VALUES (100, NULL), (101, NULL)');
    for (const command of ['copy', 'export --out dump']) {
      await expectRefusal(
        [...command.split(' '), ...sides()],
        { cwd, unchanged: [cwd, source, target] },
        {
          code: 'DISTRIBUTION_NULL',
          exit: 1,
          says: ['2 rows', 'loose', 'namespace', 'SELECT * FROM loose WHERE namespace IS NULL'],
        },
      );
    }
  });

  test('block a plan, which tells how many there are and how to find them', async () => {
    const document = await runJson(['plan', ...sides()], { cwd });
    expect(document).toMatchObject({ exit: 1 });
    const finding = document.findings.find((each: { code: string }) => each.code === 'DISTRIBUTION_NULL');
    expect(finding).toMatchObject({ severity: 'blocker', table: 'loose' });
    expect(finding.message).toContain('2 rows');
    expect(`${finding.message} ${finding.remedy}`).toContain('SELECT * FROM loose WHERE namespace IS NULL');
    const { code, stdout } = await runMigrate(['plan', ...sides()], { cwd });
    expect(code).toBe(1);
    expect(stdout).toContain('SELECT * FROM loose WHERE namespace IS NULL');
    await expectRefusal(
      ['copy', ...sides()],
      { cwd, unchanged: [cwd, source, target] },
      { code: 'PLAN_BLOCKED', exit: 1, says: ['DISTRIBUTION_NULL', 'loose'] },
    );
  });
});
