import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Interrupted } from '../../src/cli/frame/failure.js';
import type { Context } from '../../src/core/context.js';
import { exportDump } from '../../src/export/export.js';
import { readManifest } from '../../src/export/manifest.js';
import { copyData } from '../../src/load/copy.js';
import { importDump } from '../../src/load/import.js';
import { noopContext } from '../../src/observe/noop.js';
import type { FreshDatabase } from '../support/databases.js';
import { chunkFiles, freshMove, type Move } from '../support/interruptible.js';
import { runJson, runMigrate } from '../support/migrate.js';

const CHUNK = 65_536;

/** A context whose `hit`th passage of `point` does something; `passed` is the proof that it was reached. */
function failing(
  point: string,
  hit: number,
  what: () => void,
): { context: Partial<Context>; passed(): number } {
  let passed = 0;
  const fail = (name: string): void => {
    if (name !== point) return;
    passed += 1;
    if (passed === hit) what();
  };
  return { context: { fail }, passed: () => passed };
}

const crash = (): never => {
  throw new Error('planted');
};

/** Exports, copies or imports in this process, so that it can be made to fail at a named point. */
async function runHere(
  move: Move,
  command: 'export' | 'copy' | 'import',
  parts: Partial<Context>,
): Promise<unknown> {
  const { source, target, close } = await move.open();
  const { plan, tables } = await move.plan();
  const directory = join(move.cwd, 'dump');
  const common = { plan, tables, direction: 'forward', chunkBytes: CHUNK, jobs: 2 } as const;
  // One transaction per chunk, through the coordinator: lanes.test.ts breaks those straight into shards.
  const load = { phase: 'all', truncate: false, via: 'coordinator' } as const;
  try {
    const context = noopContext(parts);
    if (command === 'export')
      return await exportDump({ ...common, reader: source, out: directory, compression: 'none' }, context);
    if (command === 'copy')
      return await copyData({ ...common, ...load, reader: source, writer: target }, context);
    const manifest = await readManifest(directory);
    return await importDump({ ...common, ...load, writer: target, directory, manifest }, context);
  } finally {
    await close();
  }
}

describe('a load that breaks', () => {
  let source: FreshDatabase;
  beforeAll(async () => {
    source = (await freshMove({ plain: true })).source;
  });

  test.each([
    ['copy', 'load: after the rows, before the ledger row'],
    ['copy', 'load: after the ledger row, before the commit'],
    ['import', 'load: after the ledger row, before the commit'],
  ] as const)(
    '%s, %s: nothing of that chunk stays, and the same command loads the rest',
    async (command, point) => {
      const move = await freshMove({ source });
      if (command === 'import') expect(await move.finish('export --out dump')).toMatchObject({ exit: 0 });
      const { context, passed } = failing(point, 5, crash);
      await expect(runHere(move, command, context)).rejects.toThrow('planted');
      expect(passed()).toBeGreaterThanOrEqual(5);
      const { rows } = await move.target.client.query(`
      SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM country) + (SELECT count(*) FROM item)
             + (SELECT count(*) FROM loose) AS there,
             (SELECT sum(rows) FROM citus_migrate.chunk) AS ledger, (SELECT count(*)::int FROM citus_migrate.chunk) AS chunks`);
      expect(rows[0].there).toBe(rows[0].ledger);
      expect(rows[0].chunks).toBeGreaterThan(0);
      expect(await move.finish(command === 'copy' ? 'copy' : 'import --from dump')).toMatchObject({
        exit: 0,
      });
      await move.expectSame();
    },
  );

  test.each(['copy', 'import'] as const)(
    '%s: asked to stop between two chunks, it stops there',
    async (command) => {
      const move = await freshMove({ source });
      if (command === 'import') expect(await move.finish('export --out dump')).toMatchObject({ exit: 0 });
      const controller = new AbortController();
      const stop = failing('load: after the ledger row, before the commit', 4, () =>
        controller.abort(new Interrupted('SIGINT')),
      );
      const ended = runHere(move, command, { ...stop.context, signal: controller.signal });
      await expect(ended).rejects.toMatchObject({ code: 'CANCELLED', exit: 130 });
      // What was on its way to its commit is finished; at most one other was.
      const { rows } = await move.target.client.query('SELECT count(*)::int AS n FROM citus_migrate.chunk');
      expect([4, 5]).toContain(rows[0].n);
      expect(await move.finish(command === 'copy' ? 'copy' : 'import --from dump')).toMatchObject({
        exit: 0,
      });
      await move.expectSame();
    },
  );
});

describe('an export that breaks', () => {
  const POINT = 'export: after the chunk file, before its journal line';
  const resume = async (move: Move): Promise<{ kept: number; of: number }> => {
    const { code, stderr } = await runMigrate([...move.line('export --out dump'), '--compress', 'none'], {
      cwd: move.cwd,
    });
    expect(code, stderr).toBe(0);
    const said = /(\d+) of (\d+) finished chunks are unchanged/.exec(stderr)!;
    return { kept: Number(said[1]), of: Number(said[2]) };
  };
  const broken = async (hit: number): Promise<Move> => {
    const move = await freshMove({ plain: true });
    const { context, passed } = failing(POINT, hit, crash);
    await expect(runHere(move, 'export', context)).rejects.toThrow('planted');
    expect(passed()).toBeGreaterThanOrEqual(hit);
    return move;
  };
  const journal = (
    move: Move,
  ): { record: { table: string; rows: number }; chunk: { file: string; xxh64: string } }[] =>
    readFileSync(join(move.cwd, 'dump/unfinished.jsonl'), 'utf8')
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line));

  test('keeps every finished chunk of an unchanged source, and leaves no file of the broken one', async () => {
    const move = await broken(12);
    const done = journal(move);
    expect(await resume(move)).toEqual({ kept: done.length, of: done.length });
    move.expectTidyDump();
    const files = chunkFiles(join(move.cwd, 'dump'));
    for (const { chunk } of done) expect(files).toContain(chunk.file);
    expect(await move.finish('import --from dump')).toMatchObject({ exit: 0 });
    await move.expectSame();
  });

  test.each([
    [
      'an update, a delete and an insert',
      `UPDATE account SET note = 'changed' WHERE id = 3; DELETE FROM item WHERE id = 2000; DELETE FROM account WHERE id = 2000;
       INSERT INTO account (namespace, country) VALUES ('new', 'IS')`,
    ],
    ['a rewrite of the whole table', 'VACUUM FULL account'],
  ])(
    'reads changed chunks again after %s, and the dump is the source as it is then',
    async (_what, change) => {
      const move = await broken(30);
      const done = journal(move);
      const touched = done.filter(({ record }) => record.table === 'account');
      expect(touched.length).toBeGreaterThan(2);
      await move.source.client.query(change);
      const { kept, of } = await resume(move);
      expect(of).toBe(done.length);
      expect(kept).toBeLessThan(of);
      // Only what was touched is read again: the chunks where rows were, and those where they are now.
      if (change.startsWith('VACUUM')) expect(kept).toBe(of - touched.length);
      else expect(kept).toBeGreaterThanOrEqual(of - 6);
      move.expectTidyDump();
      expect(await move.finish('import --from dump')).toMatchObject({ exit: 0 });
      await move.expectSame();
    },
  );

  test('goes on when the journal was cut in the middle of a line, and when a finished file is gone', async () => {
    const move = await broken(12);
    const path = join(move.cwd, 'dump/unfinished.jsonl');
    const text = readFileSync(path, 'utf8');
    const done = journal(move);
    writeFileSync(path, text.slice(0, -30));
    renameSync(join(move.cwd, 'dump', done[0]!.chunk.file), join(move.cwd, 'gone'));
    expect(await resume(move)).toEqual({ kept: done.length - 2, of: done.length - 1 });
    move.expectTidyDump();
    expect(await move.finish('import --from dump')).toMatchObject({ exit: 0 });
    await move.expectSame();
  });

  test('killed between its first two steps, or its last two, it comes to its end', async () => {
    const move = await freshMove({ plain: true });
    mkdirSync(join(move.cwd, 'dump'));
    writeFileSync(join(move.cwd, 'dump/unfinished.jsonl.part'), '{"dumpId"');
    expect(await move.finish('export --out dump')).toMatchObject({ exit: 0 });
    move.expectTidyDump();
    const { dumpId, planHash, direction } = await readManifest(join(move.cwd, 'dump'));
    writeFileSync(
      join(move.cwd, 'dump/unfinished.jsonl'),
      `${JSON.stringify({ dumpId, planHash, direction })}\n`,
    );
    expect(await move.finish('export --out dump')).toMatchObject({ exit: 0 });
    move.expectTidyDump();
  });

  test('is refused with another plan', async () => {
    const move = await broken(5);
    rmSync(join(move.cwd, 'migrate.plan.json'));
    expect(
      await runJson(['plan', '--source', move.source.url, '--tables', 'loose'], { cwd: move.cwd }),
    ).toMatchObject({ exit: 0 });
    const refused = await move.finish('export --out dump');
    expect(refused).toMatchObject({ exit: 2, error: { code: 'DUMP_EXISTS' } });
    expect(refused.error.message).toContain('another plan');
  });
});

describe('a copy whose source changes before it is resumed', () => {
  test('is refused with exit code 3, and the hinted command brings both sides together', async () => {
    const move = await freshMove();
    const stop = failing('load: after the ledger row, before the commit', 25, crash);
    await expect(runHere(move, 'copy', stop.context)).rejects.toThrow('planted');
    expect(stop.passed()).toBeGreaterThanOrEqual(25);
    await move.source.client.query(`UPDATE account SET note = 'changed' WHERE id = 3`);
    const refused = await move.finish('copy');
    expect(refused).toMatchObject({
      exit: 3,
      error: { code: 'SOURCE_CHANGED', context: { tables: ['account'] } },
    });
    const hinted = /`migrate (.*?)`; then repeat this command/.exec(refused.error.hint)![1]!;
    expect(hinted).toBe('copy --phase data --truncate --tables account');
    expect(await move.finish(`${hinted} --yes`)).toMatchObject({ exit: 0 });
    expect(await move.finish('copy')).toMatchObject({ exit: 0 });
    await move.expectSame();
  });

  test('the same after a finished copy, whose foreign keys are there already', async () => {
    const move = await freshMove();
    expect(await move.finish('copy')).toMatchObject({ exit: 0 });
    await move.source.client.query(`UPDATE account SET note = 'changed' WHERE id = 3`);
    const refused = await move.finish('copy');
    expect(refused).toMatchObject({ exit: 3, error: { code: 'SOURCE_CHANGED' } });
    const hinted = /`migrate (.*?)`; then repeat this command/.exec(refused.error.hint)![1]!;
    expect(await move.finish(`${hinted} --yes`)).toMatchObject({ exit: 0 });
    expect(await move.finish('copy')).toMatchObject({ exit: 0 });
    await move.expectSame();
  });
});
