import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshSource } from '../../support/databases.js';
import { freshFolder, runJson } from '../../support/migrate.js';
import { expectRefusal, withPassword } from '../../support/refusal.js';
import { contentsOf, shapesOf } from '../../support/same-rows.js';

describe('a dump that cannot be used', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const made = freshFolder();
  let cwd: string;
  let dump: string;

  beforeAll(async () => {
    source = await freshSource();
    target = await freshSource();
    await source.client.query(`
      CREATE TABLE item (id int PRIMARY KEY, namespace text NOT NULL, note text);
      INSERT INTO item SELECT g, 'ns' || g % 7, md5(g::text) FROM generate_series(1, 5000) g;
      CREATE TABLE part (id int PRIMARY KEY, namespace text NOT NULL);
      INSERT INTO part SELECT g, 'ns' || g % 7 FROM generate_series(1, 100) g;
    `);
    const args = ['--source', source.url, '--chunk-bytes', '64kB'];
    expect(await runJson(['export', '--out', 'dump', ...args], { cwd: made })).toMatchObject({ exit: 0 });
  });
  beforeEach(() => {
    cwd = freshFolder();
    cpSync(made, cwd, { recursive: true });
    dump = join(cwd, 'dump');
  });

  const line = (): string[] => ['import', '--from', 'dump', '--target', withPassword(target.url)];
  const refused = (code: string, exit: number, says: (string | RegExp)[]) =>
    expectRefusal(line(), { cwd, unchanged: [cwd, target] }, { code, exit, says });
  const chunk = (): string => {
    const [, second] = readdirSync(join(dump, 'data/public.item')).sort();
    return join('data/public.item', second!);
  };
  const editManifest = (edit: (text: string) => string): void => {
    const path = join(dump, 'manifest.json');
    const text = readFileSync(path, 'utf8');
    expect(edit(text)).not.toBe(text);
    writeFileSync(path, edit(text));
  };

  test('a chunk file was cut short', async () => {
    truncateSync(join(dump, chunk()), 1000);
    await refused('DUMP_DAMAGED', 3, [
      chunk(),
      '1000 bytes',
      'manifest',
      'export again',
      'Nothing was loaded',
    ]);
  });

  test('a chunk file is missing', async () => {
    const file = chunk();
    rmSync(join(dump, file));
    await refused('DUMP_DAMAGED', 3, [file, 'missing', 'export again', 'Nothing was loaded']);
  });

  test('a chunk file is missing, and tables that would be emptied first still hold their rows', async () => {
    rmSync(join(dump, chunk()));
    const told = await expectRefusal(
      [...line(), '--truncate', '--yes'],
      { cwd, unchanged: [cwd, target] },
      { code: 'DUMP_DAMAGED', exit: 3, says: ['Nothing was loaded'] },
    );
    expect(told.error.hint).not.toContain('without, it goes on');
  });

  test('one flipped bit, found after the tables were emptied: whoever goes on must not empty them again', async () => {
    const file = chunk();
    const path = join(dump, file);
    const bad = readFileSync(path);
    bad[bad.length - 20]! ^= 1;
    writeFileSync(path, bad);
    const truncating = [...line(), '--truncate', '--yes'];
    await expectRefusal(
      truncating,
      { cwd, unchanged: [cwd], oneByOne: true },
      { code: 'DUMP_DAMAGED', exit: 3, says: [file, 'without, it goes on'] },
    );
    await target.client.query('DROP TABLE IF EXISTS item, part; DROP SCHEMA citus_migrate CASCADE');
  });

  test('the manifest is of a newer version', async () => {
    editManifest((text) => text.replace('"formatVersion": 1', '"formatVersion": 99'));
    await refused('DUMP_NEWER', 2, ['format 99', 'up to 1', 'newer']);
  });

  test.each<[string, (text: string) => string]>([
    ['cut short', (text) => text.slice(0, -200)],
    ['empty', () => ''],
    ['without a part', (text) => text.replace('"sequences"', '"sequenzes"')],
    ['edited', (text) => text.replace('"format": "binary"', '"format": "parquet"')],
    [
      'leading out of the dump',
      (text) => text.replace('data/public.item/000001', 'data/../../../etc/passwd'),
    ],
  ])('the manifest is %s', async (_what, edit) => {
    editManifest(edit);
    await refused('DUMP_DAMAGED', 3, ['manifest.json', 'export again', 'Nothing was loaded']);
  });

  test('there is no manifest: the export has not come to its end', async () => {
    rmSync(join(dump, 'manifest.json'));
    await refused('DUMP_NOT_FOUND', 2, ['dump', 'migrate export']);
  });

  test('there is no such folder', async () => {
    rmSync(dump, { recursive: true });
    await refused('DUMP_NOT_FOUND', 2, ['dump', '--from']);
  });

  test('it was made with another plan than the one beside it', async () => {
    const args = ['--source', source.url, '--tables', 'part'];
    expect(await runJson(['plan', ...args], { cwd })).toMatchObject({ exit: 0 });
    await refused('PLAN_DIFFERS', 2, ['another plan', '--plan dump/plan.json']);
  });

  test('it goes the other way', () =>
    expectRefusal(
      ['import', '--reverse', '--from', 'dump', '--source', withPassword(target.url)],
      { cwd, unchanged: [cwd, target] },
      { code: 'PLAN_DIFFERS', exit: 2, says: ['Repeat without --reverse'] },
    ));

  test('it does not hold a table that is asked for', () =>
    expectRefusal(
      [...line(), '--tables', 'parts'],
      { cwd, unchanged: [cwd, target] },
      { code: 'TABLE_UNKNOWN', exit: 2, says: ['parts', 'did you mean part?'] },
    ));

  test('one flipped bit: nothing of that chunk is kept, and the mended dump continues', async () => {
    const file = chunk();
    const path = join(dump, file);
    const good = readFileSync(path);
    const bad = Buffer.from(good);
    bad[bad.length - 20]! ^= 1;
    writeFileSync(path, bad);
    await expectRefusal(
      line(),
      { cwd, unchanged: [cwd], oneByOne: true },
      {
        code: 'DUMP_DAMAGED',
        exit: 3,
        says: [file, 'Nothing of the damaged chunk was loaded', '--truncate'],
      },
    );
    const { rows } = await target.client.query(
      `SELECT (SELECT count(*) FROM item) + (SELECT count(*) FROM part) AS there,
              (SELECT coalesce(sum(rows), 0) FROM citus_migrate.chunk) AS ledger,
              (SELECT count(*) FROM citus_migrate.chunk WHERE chunk = $1) AS damaged`,
      [file],
    );
    expect(rows[0].ledger).toBe(rows[0].there);
    expect(rows[0].damaged).toBe('0');
    writeFileSync(path, good);
    expect(await runJson(line(), { cwd })).toMatchObject({ exit: 0 });
    const shapes = await shapesOf(source.client);
    expect(await contentsOf(target.url, shapes)).toEqual(await contentsOf(source.url, shapes));
  });
});

describe('a folder that cannot take a dump', () => {
  let source: FreshDatabase;
  let cwd: string;
  beforeAll(async () => {
    source = await freshSource();
    await source.client.query('CREATE TABLE item (id int PRIMARY KEY, namespace text NOT NULL)');
  });
  beforeEach(() => {
    cwd = freshFolder();
  });
  const refused = (out: string, code: string, exit: number, says: string[]) =>
    expectRefusal(
      ['export', '--out', out, '--source', withPassword(source.url)],
      { cwd, unchanged: [cwd, source], oneByOne: true },
      { code, exit, says },
    );

  test('holds something else', async () => {
    mkdirSync(join(cwd, 'holiday'));
    writeFileSync(join(cwd, 'holiday/picture.jpg'), 'smile');
    await refused('holiday', 'DUMP_EXISTS', 2, ['holiday', 'not empty', 'empty directory']);
  });

  test('holds a finished dump', async () => {
    expect(await runJson(['export', '--out', 'dump', '--source', source.url], { cwd })).toMatchObject({
      exit: 0,
    });
    await refused('dump', 'DUMP_EXISTS', 2, ['dump', 'finished']);
  });

  test('is a file', async () => {
    writeFileSync(join(cwd, 'file'), '');
    await refused('file', 'OUT_UNUSABLE', 2, ['file is not a directory', 'new directory']);
  });

  test('lies behind a file', async () => {
    writeFileSync(join(cwd, 'file'), '');
    await refused('file/dump', 'OUT_UNUSABLE', 2, ['file/dump', 'file is not a directory']);
  });

  test('lies in a directory that does not exist', () =>
    refused('no/such/dump', 'OUT_UNUSABLE', 2, ['no/such/dump', 'there is no directory']));

  test.skipIf(process.platform !== 'linux')('lies where nothing can be made', () =>
    refused('/proc/dump', 'OUT_UNUSABLE', 2, ['/proc/dump', 'takes no directories']),
  );

  test('can be read by others: it is closed to them before rows come', async () => {
    const out = join(cwd, 'dump');
    mkdirSync(out);
    chmodSync(out, 0o755);
    expect(await runJson(['export', '--out', 'dump', '--source', source.url], { cwd })).toMatchObject({
      exit: 0,
    });
    const modes = new Map(
      ['.', ...readdirSync(out, { recursive: true, encoding: 'utf8' })].map((name) => {
        const { mode } = statSync(join(out, name));
        return [name, (mode & 0o777).toString(8)];
      }),
    );
    expect(modes.get('.')).toBe('700');
    expect(modes.get('manifest.json')).toBe('600');
    expect(new Set(modes.values())).toEqual(new Set(['700', '600']));
  });

  test('holds something else, and keeps its mode', async () => {
    const out = join(cwd, 'holiday');
    mkdirSync(out);
    chmodSync(out, 0o755);
    writeFileSync(join(out, 'picture.jpg'), 'smile');
    await refused('holiday', 'DUMP_EXISTS', 2, ['not empty']);
    expect(statSync(out).mode & 0o777).toBe(0o755);
  });
});
