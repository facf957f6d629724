import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshSource } from '../../support/databases.js';
import { freshFolder, runJson } from '../../support/migrate.js';
import { expectRefusal, withPassword } from '../../support/refusal.js';
import { contentsOf, shapesOf } from '../../support/same-rows.js';

/** A file system of one megabyte, or undefined where none can be mounted. */
function smallDisk(): string | undefined {
  const folder = freshFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    return undefined;
  }
}
const disk = smallDisk();

describe.skipIf(disk === undefined)('a full disk', () => {
  let source: FreshDatabase;
  const cwd = freshFolder();
  beforeAll(async () => {
    source = await freshSource();
    await source.client.query(`
      CREATE TABLE item (id int PRIMARY KEY, namespace text NOT NULL, note text);
      INSERT INTO item SELECT g, 'ns' || g % 7, md5(g::text) FROM generate_series(1, 12000) g;
    `);
  });
  afterAll(() => execFileSync('umount', [disk!]));

  test('stops the export; finished chunks are kept, the others leave no file, and it continues', async () => {
    const ballast = join(disk!, 'ballast');
    writeFileSync(ballast, Buffer.alloc(700 * 1024));
    const out = join(disk!, 'dump');
    const line = ['export', '--out', out, '--compress', 'none', '--chunk-bytes', '64kB', '--jobs', '2'];
    const args = [...line, '--source', withPassword(source.url)];
    const full = {
      code: 'LOCAL_DISK_FULL',
      exit: 3,
      says: [out, 'Free space', 'finished chunks are kept'],
    };
    await expectRefusal(args, { cwd, unchanged: [cwd, source], oneByOne: true }, full);
    const files = readdirSync(out, { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => name.endsWith('.part'))).toEqual([]);
    const kept = files.filter((name) => name.endsWith('.copy'));
    expect(kept.length).toBeGreaterThan(0);
    expect(files).not.toContain('manifest.json');
    rmSync(ballast);
    const done = await runJson(args, { cwd });
    expect(done).toMatchObject({ exit: 0, tables: [{ table: 'item', rows: 12000 }] });
    expect(done.tables[0].chunks).toBeGreaterThan(kept.length);
    const target = await freshSource();
    expect(await runJson(['import', '--from', out, '--target', target.url], { cwd })).toMatchObject({
      exit: 0,
    });
    const shapes = await shapesOf(source.client);
    expect(await contentsOf(target.url, shapes)).toEqual(await contentsOf(source.url, shapes));
  });

  test('leaves no half plan file', async () => {
    const folder = join(disk!, 'plans');
    mkdirSync(folder);
    rmSync(join(disk!, 'dump'), { recursive: true });
    expect(() => {
      for (;;) appendFileSync(join(disk!, 'ballast'), Buffer.alloc(4096));
    }).toThrow('ENOSPC');
    await expectRefusal(
      ['plan', '--plan', join(folder, 'migrate.plan.json'), '--source', withPassword(source.url)],
      { cwd, unchanged: [disk!, source] },
      { code: 'LOCAL_DISK_FULL', exit: 3, says: ['migrate.plan.json', 'Free space'] },
    );
  });
});
