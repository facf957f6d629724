import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { MigrateError } from '../../src/core/errors.js';
import type { TablePlan } from '../../src/core/plan-types.js';
import { keepRefused, type Quarantine, quarantineOf, readQuarantine } from '../../src/load/quarantine.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
const fresh = (): string => {
  folders.push(mkdtempSync(join(tmpdir(), 'quarantine-')));
  return folders.at(-1)!;
};

const table = {
  ...{ table: 'item', schema: 'public', name: 'item', format: 'text' },
  columns: [{ name: 'id' }],
} as unknown as TablePlan;
const COMMITTED = 'a'.repeat(32);
const LOST = 'b'.repeat(32);

const keep = (quarantine: Quarantine, attempt: string, row: string): Promise<void> =>
  keepRefused(quarantine, { table, chunk: '000001.copy', direction: 'reverse', attempt }, [
    { row: Buffer.from(`${row}\n`), error: new MigrateError('ROW_REFUSED', { message: 'refused' }) },
  ]);
const read = (quarantine: Quarantine) => readQuarantine(quarantine, (attempt) => attempt === COMMITTED);

test('a load tells of the rows that it committed without, and removes what came again', async () => {
  const mine = quarantineOf({ directory: fresh(), maxBadRows: 9 }, 'load 1', '1/1');
  await keep(mine, COMMITTED, '1');
  await keep(mine, LOST, '2');
  const [kept, ...others] = await read(mine);
  expect(others).toEqual([]);
  expect(kept).toMatchObject({ load: 'load 1', target: '1/1', table: 'item', rows: [{ row: 1 }] });
  expect(readFileSync(kept!.file, 'utf8')).toBe('1\n');
  expect(kept!.replay).toContain(`FROM '${mine.folder}/${COMMITTED}.copy'`);
  expect(existsSync(join(mine.directory, mine.folder, `${LOST}.copy`))).toBe(false);
});

test.each(['copy', 'json'])(
  'an attempt that was killed with only its .%s file written leaves nothing',
  async (kind) => {
    const mine = quarantineOf({ directory: fresh(), maxBadRows: 9 }, 'load 1', '1/1');
    await keep(mine, COMMITTED, '1');
    await keep(mine, LOST, '2');
    const own = join(mine.directory, mine.folder);
    rmSync(join(own, `${LOST}.${kind === 'copy' ? 'json' : 'copy'}`));
    expect(await read(mine)).toHaveLength(1);
    expect(readdirSync(own).sort()).toEqual([`${COMMITTED}.copy`, `${COMMITTED}.json`]);
  },
);

test('files that are not an attempt’s are left alone', async () => {
  const mine = quarantineOf({ directory: fresh(), maxBadRows: 9 }, 'load 1', '1/1');
  await keep(mine, LOST, '2');
  const own = join(mine.directory, mine.folder);
  writeFileSync(join(own, 'notes.copy'), '');
  expect(await read(mine)).toEqual([]);
  expect(readdirSync(own)).toEqual(['notes.copy']);
});

test.each([
  ['another load', 'load 2', '1/1'],
  ['the same load into another target', 'load 1', '1/2'],
])('%s neither overwrites, tells nor removes what lies in the same folder', async (_, load, target) => {
  const options = { directory: fresh(), maxBadRows: 9 };
  const mine = quarantineOf(options, 'load 1', '1/1');
  const other = quarantineOf(options, load, target);
  await keep(mine, COMMITTED, '1');
  await keep(mine, LOST, '2');
  await keep(other, COMMITTED, '3');
  expect(await read(other)).toMatchObject([{ load, target }]);
  const bytes = (attempt: string) =>
    readFileSync(join(mine.directory, mine.folder, `${attempt}.copy`), 'utf8');
  expect([bytes(COMMITTED), bytes(LOST)]).toEqual(['1\n', '2\n']);
});
