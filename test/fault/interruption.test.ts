import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { connectTo, freshSource } from '../support/databases.js';
import { chunksDone, freshMove, type Move } from '../support/interruptible.js';
import { type Finished, runMigrate } from '../support/migrate.js';

interface Running {
  readonly ended: Promise<Finished>;
  readonly child: ChildProcess;
}

function start(move: Move, command: string): Running {
  let child!: ChildProcess;
  const ended = runMigrate([...move.line(command), '--json'], {
    cwd: move.cwd,
    started: (started) => {
      child = started;
    },
  });
  return { ended, child };
}

/** Asks again and again until it holds; false when the process ended before. */
async function until({ child }: Running, holds: () => Promise<boolean>): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    if (await holds()) return true;
    await pause(2);
  }
  return false;
}

const errorOf = ({ stdout }: Finished) => JSON.parse(stdout).error;

/**
 * Makes the load stop in front of the last table. EXCLUSIVE lets readers in, but no writer; SHARE UPDATE EXCLUSIVE
 * lets writers in, but nobody who analyzes the table or builds an index.
 */
async function gate(
  move: Move,
  mode: 'EXCLUSIVE' | 'SHARE UPDATE EXCLUSIVE' = 'EXCLUSIVE',
): Promise<{ blocker: pg.Client; waiting(): Promise<number | undefined> }> {
  expect(await move.finish('schema --phase before-data')).toMatchObject({ exit: 0 });
  const blocker = await connectTo(move.target.url);
  await blocker.query(`BEGIN; LOCK TABLE loose IN ${mode} MODE`);
  const waiting = async (): Promise<number | undefined> => {
    // By the table: other locks are waited for a moment, too.
    const { rows } = await move.target.client.query(
      `SELECT pid FROM pg_locks WHERE relation = 'loose'::regclass AND NOT granted`,
    );
    return rows[0]?.pid;
  };
  return { blocker, waiting };
}

describe('a signal', () => {
  test.each([
    ['copy', 'SIGINT', 130],
    ['import --from dump', 'SIGTERM', 143],
  ] as const)(
    '%s: the first %s ends it with exit code %i, and the same command continues',
    async (command, signal, code) => {
      const move = await freshMove();
      if (command !== 'copy') expect(await move.finish('export --out dump')).toMatchObject({ exit: 0 });
      const { blocker, waiting } = await gate(move);
      const run = start(move, command);
      expect(await until(run, async () => (await waiting()) !== undefined)).toBe(true);
      run.child.kill(signal);
      const stopped = await run.ended;
      expect(stopped.code).toBe(code);
      expect(errorOf(stopped)).toMatchObject({
        code: 'CANCELLED',
        message: `Stopped by ${signal} at a clean point`,
      });
      expect(stopped.stderr).toContain('again to stop now');
      const before = await chunksDone(move, command);
      expect(before).toBeGreaterThan(0);
      await blocker.query('ROLLBACK');
      const done = await move.finish(command);
      expect(done).toMatchObject({ exit: 0 });
      const skipped = done.tables.reduce(
        (sum: number, table: { skippedChunks: number }) => sum + table.skippedChunks,
        0,
      );
      expect(skipped).toBe(before);
      await move.expectSame();
    },
  );

  test('export: the first SIGINT ends it with exit code 130, and the same command continues', async () => {
    const source = await freshSource();
    await source.client.query(`
      CREATE TABLE bulk (id int PRIMARY KEY, namespace text NOT NULL, note text);
      INSERT INTO bulk SELECT g, 'ns' || g % 11, md5(g::text) || md5((-g)::text) FROM generate_series(1, 200000) g;
    `);
    const move = await freshMove({ source, plain: true });
    const run = start(move, 'export --out dump');
    expect(await until(run, async () => (await chunksDone(move, 'export')) > 2)).toBe(true);
    run.child.kill('SIGINT');
    const stopped = await run.ended;
    expect(stopped.code).toBe(130);
    expect(errorOf(stopped)).toMatchObject({ code: 'CANCELLED' });
    expect(existsSync(join(move.cwd, 'dump/manifest.json'))).toBe(false);
    const resumed = await runMigrate(move.line('export --out dump'), { cwd: move.cwd });
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toMatch(
      /Continuing the unfinished export: (\d+) of \1 finished chunks are unchanged/,
    );
    move.expectTidyDump();
    expect(await move.finish('import --from dump')).toMatchObject({ exit: 0 });
    await move.expectSame();
  });

  /** A plain target with `command` waiting for the lock that the blocker has on `loose`. */
  async function locked(
    move: Move,
    command: string,
  ): Promise<{ run: Running; blocker: pg.Client; pid: number }> {
    const blocker = await connectTo(move.target.url);
    await blocker.query('BEGIN; LOCK TABLE loose IN ACCESS EXCLUSIVE MODE');
    const run = start(move, command);
    const waiting = `SELECT pid FROM pg_stat_activity WHERE datname = current_database()
                     AND application_name LIKE 'migrate %' AND wait_event_type = 'Lock'`;
    let pid = 0;
    const found = async (): Promise<boolean> => {
      pid = (await move.target.client.query(waiting)).rows[0]?.pid ?? 0;
      return pid > 0;
    };
    expect(await until(run, found)).toBe(true);
    return { run, blocker, pid };
  }

  test.each([
    ['copy', 'schema --phase before-data'],
    ['verify', 'copy'],
  ])('%s: the first SIGINT cancels a query that waits for a lock on the server', async (command, before) => {
    const move = await freshMove({ plain: true });
    expect(await move.finish(before)).toMatchObject({ exit: 0 });
    const { run, blocker, pid } = await locked(move, command);
    run.child.kill('SIGINT');
    const stopped = await run.ended;
    expect(stopped.code).toBe(130);
    expect(errorOf(stopped)).toMatchObject({ message: 'Stopped by SIGINT at a clean point' });
    // The backend does not go on waiting, or the lock would be taken as soon as it is free.
    const left = 'SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1';
    await expect.poll(async () => (await move.target.client.query(left, [pid])).rows[0].n).toBe(0);
    await blocker.query('ROLLBACK');
    expect(await move.finish(command)).toMatchObject({ exit: 0 });
  });

  test('a second SIGINT ends at once what does not come to a clean point', async () => {
    const move = await freshMove({ plain: true });
    expect(await move.finish('schema --phase before-data')).toMatchObject({ exit: 0 });
    const { run, blocker, pid } = await locked(move, 'copy');
    // A backend that answers nobody, as behind a link that swallows everything.
    process.kill(pid, 'SIGSTOP');
    let said = '';
    run.child.stderr!.on('data', (text) => (said += text));
    run.child.kill('SIGINT');
    expect(await until(run, async () => said.includes('again to stop now'))).toBe(true);
    run.child.kill('SIGINT');
    const stopped = await run.ended;
    process.kill(pid, 'SIGCONT');
    expect(stopped.code).toBe(130);
    expect(errorOf(stopped)).toMatchObject({ message: 'Stopped by SIGINT at once' });
    await blocker.query('ROLLBACK');
    expect(await move.finish('copy')).toMatchObject({ exit: 0 });
    await move.expectSame();
  });
});

describe('a lost backend', () => {
  test('does not end what comes after the rows: the step is tried again on a new connection', async () => {
    const move = await freshMove();
    const { blocker, waiting } = await gate(move, 'SHARE UPDATE EXCLUSIVE');
    const run = start(move, 'copy');
    let said = '';
    run.child.stderr!.on('data', (text) => (said += text));
    expect(await until(run, async () => (await waiting()) !== undefined)).toBe(true);
    await move.target.client.query('SELECT pg_terminate_backend($1::int)', [await waiting()]);
    expect(await until(run, async () => said.includes('Trying again to'))).toBe(true);
    await blocker.query('ROLLBACK');
    expect((await run.ended).code).toBe(0);
    await move.expectSame();
  });
});

/** How often each command is killed; more for a soak. */
const KILLS = Number(process.env.MIGRATE_TEST_KILLS ?? 3);
const SEED = Number(process.env.MIGRATE_TEST_SEED ?? Date.now() % 1_000_000);

/** mulberry32: small, and the same on every machine. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe(`kill -9 at random moments (MIGRATE_TEST_SEED=${SEED})`, () => {
  const next = random(SEED);

  /** Kills the command KILLS times, each time some chunks further on; fewer times when it came to its end before. */
  async function killAgainAndAgain(move: Move, command: string): Promise<void> {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const goal = (await chunksDone(move, command)) + Math.floor(next() * 8);
      const run = start(move, command);
      if (goal > 0) await until(run, async () => (await chunksDone(move, command)) >= goal);
      else await until(run, async () => next() < 0.05);
      run.child.kill('SIGKILL');
      const { code, stdout } = await run.ended;
      expect([null, 0], stdout).toContain(code);
      if (code === 0) return;
    }
    if (command.startsWith('export') && isFinished(move)) return;
    expect(await move.finish(command)).toMatchObject({ exit: 0 });
  }
  const isFinished = ({ cwd }: Move): boolean =>
    existsSync(join(cwd, 'dump/manifest.json')) && !existsSync(join(cwd, 'dump/unfinished.jsonl'));

  let move: Move;
  beforeAll(async () => {
    move = await freshMove();
  });

  test('export and import: every row is there once', async () => {
    await killAgainAndAgain(move, 'export --out dump');
    move.expectTidyDump();
    await killAgainAndAgain(move, 'import --from dump');
    await move.expectSame();
  });

  test('copy: every row is there once', async () => {
    const other = await freshMove({ source: move.source });
    await killAgainAndAgain(other, 'copy');
    await other.expectSame();
  });
});
