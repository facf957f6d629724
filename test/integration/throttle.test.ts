import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Server } from '../../src/demo/servers/index.js';
import { Throttle } from '../../src/load/throttle.js';
import { ThrottleChecks } from '../../src/load/throttle-checks.js';
import { noopContext, noopLog } from '../../src/observe/noop.js';
import { connectTo, describeCitus, type FreshCluster } from '../support/databases.js';
import { chunksDone, freshMove, type Move } from '../support/interruptible.js';
import { type Document, runMigrate } from '../support/migrate.js';
import { startStandby } from '../support/standby.js';

const WAIT = { timeout: 60_000, interval: 50 };

/** Those that a test which failed has left behind would keep others waiting. */
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A command that runs while the test goes on. */
interface Running {
  /** What it has written to stderr. */
  said(): string;
  /** Waits until it has said so. */
  says(text: RegExp): Promise<void>;
  stop(): void;
  /** Its result document. */
  end(): Promise<Document>;
}

function running(cwd: string, args: readonly string[]): Running {
  let said = '';
  let child: ChildProcess;
  const done = runMigrate([...args, '--json'], {
    cwd,
    started: (process) => {
      child = process;
      children.push(process);
      process.stderr!.on('data', (data) => (said += data));
    },
  });
  return {
    said: () => said,
    says: (text) => expect.poll(() => said, WAIT).toMatch(text),
    stop: () => child.kill('SIGINT'),
    end: async () => {
      const { stdout, stderr, code } = await done;
      if (stdout === '') throw new Error(stderr);
      return { ...JSON.parse(stdout), code };
    },
  };
}

describeCitus('a throttled load', () => {
  const servers: Server[] = [];
  let worker: pg.Client;
  let standby: pg.Client;
  let move: Move;
  const copy = (...more: string[]) => running(move.cwd, [...move.line('copy --phase data'), ...more]);
  const copyAll = (...more: string[]) => copy('--truncate', '--yes', ...more);
  const chunks = () => chunksDone(move, 'copy');

  beforeAll(async () => {
    move = await freshMove();
    const { workerUrls } = move.target as FreshCluster;
    worker = await connectTo(workerUrls[0]!);
    const started = await startStandby(workerUrls[0]!, 'late_standby');
    servers.push(started);
    standby = await connectTo(started.url());
    expect(await running(move.cwd, move.line('schema --phase before-data')).end()).toMatchObject({ exit: 0 });
  });
  afterEach(() => unlock());
  afterAll(async () => {
    for (const server of servers) await server.stop();
  });

  /** Answers whether somebody holds the lock; fails when two are held. */
  const STOP = `SELECT CASE count(*) WHEN 0 THEN false WHEN 1 THEN true ELSE 1 / (count(*) - 2) = 0 END
    FROM pg_locks WHERE locktype = 'advisory' AND classid = 4711`.replace(/\s+/g, ' ');
  const lock = (key: number) => move.source.client.query('SELECT pg_advisory_lock(4711, $1)', [key]);
  const unlock = () => move.source.client.query('SELECT pg_advisory_unlock_all()');

  /** The standby stops replaying, and has something to replay. */
  const fallBehind = async (): Promise<void> => {
    await standby.query('SELECT pg_wal_replay_pause()');
    await worker.query(
      `CREATE TABLE IF NOT EXISTS public.written AS SELECT g FROM generate_series(1, 10000) g`,
    );
    await worker.query('DROP TABLE public.written');
  };
  const catchUp = (): Promise<unknown> => standby.query('SELECT pg_wal_replay_resume()');

  test.each([
    [
      'in bytes',
      'lag=64kB',
      /Pausing: standby late_standby of 127\.0\.0\.1:\d+ is [\d.]+ [kM]B \(limit 64\.0 kB\) behind/,
    ],
    [
      'in time',
      'lag=700ms',
      /Pausing: standby late_standby of 127\.0\.0\.1:\d+ is [\d.]+ m?s \(limit 700 ms\) behind/,
    ],
  ])(
    'waits for the standby of a worker that is behind %s, and goes on when it has caught up',
    async (_, limit, line) => {
      await fallBehind();
      const run = copyAll('--throttle', limit);
      await run.says(line);
      await catchUp();
      await run.says(/Going on after a pause of/);
      const document = await run.end();
      expect(document).toMatchObject({ exit: 0 });
      expect(document.throttle.byReason.lag.pauses).toBeGreaterThan(0);
      expect(document.throttle.ms).toBeGreaterThan(0);
      await move.expectSame();
    },
  );

  test('does not wait for a lagging standby without such a limit', async () => {
    await fallBehind();
    const document = await copyAll('--throttle', 'active=1000').end();
    await catchUp();
    expect(document).toMatchObject({ exit: 0, throttle: { pauses: 0, ms: 0, byReason: {} } });
    await move.expectSame();
  });

  test('waits while others work on a worker, and holds no transaction open meanwhile', async () => {
    const busy = await connectTo((move.target as FreshCluster).workerUrls[1]!);
    const { rows } = await busy.query('SELECT pg_backend_pid() AS pid');
    const other = await connectTo((move.target as FreshCluster).workerUrls[1]!);
    const sleeping = busy.query('SELECT pg_sleep(600)').catch(() => {});
    const run = copyAll('--throttle', 'active=0');
    await run.says(/Pausing: 1 connections? of others (is|are) active on 127\.0\.0\.1:\d+ \(limit 0\)/);
    const open = await other.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity
       WHERE application_name LIKE 'migrate %' AND xact_start IS NOT NULL AND state <> 'active'`,
    );
    expect(open.rows).toEqual([{ n: 0 }]);
    await other.query('SELECT pg_cancel_backend($1::int)', [rows[0].pid]);
    await sleeping;
    expect(await run.end()).toMatchObject({ exit: 0 });
    await move.expectSame();
  });

  test('does not take its own work for that of others, on no node', async () => {
    const context = noopContext();
    const { target, close } = await move.open();
    const checks = new ThrottleChecks({ writer: target });
    // By way of the coordinator, every worker is busy with it.
    const slow = `SELECT count(pg_sleep(600)) FROM public.account`;
    const others = await connectTo(move.target.url);
    const pid = async (query: () => Promise<{ pid: number }[]>) => (await query())[0]!.pid;
    const own = await target.connect();
    const busyOn = async () =>
      (await checks.look({ activeConnections: 0 }, context.clock.now)).active.map(({ active }) => active > 0);
    const started = (pidOf: number) =>
      expect
        .poll(
          async () =>
            (
              await worker.query(
                `SELECT count(*)::int AS n FROM pg_stat_activity
                 WHERE state = 'active' AND application_name LIKE 'citus_internal gpid=%' || $1::text`,
                [pidOf],
              )
            ).rows[0].n,
          WAIT,
        )
        .toBeGreaterThan(0);
    const ownPid = await pid(() => own.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'));
    const working = own.query(slow).catch(() => {});
    await started(ownPid);
    // Citus's own daemons may be busy for a moment.
    await expect.poll(busyOn, WAIT).toEqual([false, false, false]);
    await own.cancel();
    await working;
    const otherPid = await pid(async () => (await others.query('SELECT pg_backend_pid() AS pid')).rows);
    const busy = others.query(slow).catch(() => {});
    await started(otherPid);
    const whileOthers = await busyOn();
    await target.session.query(`SELECT pg_cancel_backend(${otherPid})`);
    await busy;
    await Promise.all([own.close(), checks.close()]);
    await close();
    expect(whileOthers).toEqual([true, true, true]);
  });

  test('waits for the answer of a query on the source, and shows why', async () => {
    await lock(1);
    const before = await chunks();
    const run = copyAll('--throttle', `source-query=${STOP}`, '--throttle', 'query=SELECT 0');
    await run.says(/Pausing: the query on the source answers true/);
    await run.says(/copy.*: paused for .*: the query on the source answers true, 0 of/);
    expect(before).toBeGreaterThan(0);
    expect(await chunks()).toBe(0);
    await unlock();
    expect(await run.end()).toMatchObject({ exit: 0, throttle: { byReason: { query: { pauses: 1 } } } });
    await move.expectSame();
  });

  test('pauses while a check fails, and is stopped cleanly by a signal then', async () => {
    await lock(1);
    const run = copyAll('--throttle', `source-query=${STOP}`);
    await run.says(/Pausing: the query on the source answers true/);
    await lock(2);
    await run.says(
      /Pausing: a check failed: Could not run the query of --throttle on source: division by zero/,
    );
    run.stop();
    expect(await run.end()).toMatchObject({ exit: 130 });
    await unlock();
    expect(await copy().end()).toMatchObject({ exit: 0 });
    await move.expectSame();
  });

  test('gives up when it cannot look for too long', async () => {
    const { source, close } = await move.open();
    const limits = { queries: [{ sql: STOP, on: 'source', limit: 0 }] } as const;
    const options = { reader: source, limits, maxRate: 0, jobs: 1, patienceMs: 1500 };
    const throttle = await Throttle.start(options, noopContext());
    const { signal } = new AbortController();
    await throttle.ready(signal);
    await lock(1);
    await lock(2);
    const waiting = async () => {
      for (;;) await throttle.ready(signal).then(() => new Promise(setImmediate));
    };
    await expect(waiting()).rejects.toMatchObject({ code: 'THROTTLE_BLIND', exit: 3 });
    await throttle.close();
    await unlock();
    await close();
  });

  test.each([
    [
      'a query with a mistake',
      ['query=SELECT nothing FROM nowhere', 'source-query=SELECT 1, 2'],
      'THROTTLE_INVALID',
    ],
    ['a query that answers with text', [`query=SELECT 'yes'`], 'THROTTLE_INVALID'],
    ['a query without an answer', ['source-query=SELECT id FROM account WHERE id < 0'], 'THROTTLE_INVALID'],
    ['a query that writes', ['source-query=DELETE FROM account RETURNING id'], 'THROTTLE_INVALID'],
  ])('is refused with %s before anything starts', async (_, limits, code) => {
    const before = await chunks();
    const document = await copyAll(...limits.flatMap((limit) => ['--throttle', limit])).end();
    expect(document).toMatchObject({ exit: 2, error: { code } });
    for (const limit of limits)
      expect(document.error.message).toContain(limit.startsWith('s') ? 'source' : 'target');
    expect(await chunks()).toBe(before);
  });

  test('is refused for a role that may not see standbys', async () => {
    await worker.query('SELECT 1');
    const name = `plain_${process.pid}`;
    await move.source.client.query(`CREATE ROLE ${name} LOGIN; GRANT pg_read_all_data TO ${name}`);
    const url = new URL(move.source.url);
    url.username = name;
    const run = () =>
      running(move.cwd, [
        'export',
        '--out',
        `dump-${name}`,
        '--source',
        url.href,
        '--throttle',
        'lag=1s',
      ]).end();
    expect(await run()).toMatchObject({ exit: 2, error: { code: 'RIGHTS_MISSING' } });
    await move.source.client.query(`GRANT pg_monitor TO ${name}`);
    expect(await run()).toMatchObject({ exit: 0 });
    await move.source.client.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
  });
});

describeCitus('a load with a control file', () => {
  let move: Move;
  const control = (text: string) => writeFileSync(join(move.cwd, 'control.yaml'), text);
  const begin = (...more: string[]) =>
    running(move.cwd, [...move.line('copy'), '--control', 'control.yaml', ...more]);

  beforeAll(async () => {
    move = await freshMove();
  });

  test('pauses, keeps what held before when the file is broken, and takes jobs, rate and limits while it runs', async () => {
    control('pause: true\n');
    const run = begin();
    await run.says(/Pausing: the control file says so/);
    control('pause: [\njobs 3');
    await run.says(/WARN: The control file control\.yaml has .*What held before goes on/);
    control('pause: true\njobs: many\n');
    await run.says(/jobs \(control\.yaml:2:1\): expected a whole number from 1 to 1024/);
    control('pause: true\nthrottle: {queries: [SELECT nothing FROM nowhere]}\n');
    await run.says(
      /The limits of the control file cannot be checked: .*nowhere.*Those that held before go on/,
    );
    expect(await chunksDone(move, 'copy')).toBe(0);
    expect(run.said()).not.toMatch(/Going on after/);
    control('pause: false\njobs: 3\nmaxRate: 512kB\nthrottle: {activeConnections: 1000}\n');
    await run.says(/The control file says: 3 jobs, 512 kB\/s, limits of the throttle/);
    await run.says(/Going on with 3 streams/);
    await run.says(/Going on after a pause of/);
    control('');
    await run.says(/The control file says: 2 jobs, no limit of the rate/);
    await run.says(/Going on with 2 streams/);
    const document = await run.end();
    expect(document).toMatchObject({
      exit: 0,
      throttle: { pauses: 1, byReason: { control: { pauses: 1 } } },
    });
    expect(document.waitMs.throttle).toBeGreaterThan(0);
    await move.expectSame();
  });

  test('runs without the file, and without a rate waits for none', async () => {
    const document = await running(move.cwd, [
      ...move.line('copy --phase data --truncate --yes'),
      '--control',
      'absent.yaml',
    ]).end();
    expect(document).toMatchObject({ exit: 0, waitMs: { throttle: 0 }, throttle: { pauses: 0 } });
    expect(document.waitMs.target).toBeGreaterThan(0);
    await move.expectSame();
  });

  test('counts pauses in metrics and shows them in progress', async () => {
    const { source, close } = await move.open();
    const counted = new Map<string, number>();
    const gauges = new Map<string, number[]>();
    const shown: (string | undefined)[] = [];
    const context = noopContext({
      log: noopLog,
      metrics: {
        count: (name, value) => void counted.set(name, (counted.get(name) ?? 0) + value),
        gauge: (name, value) => void gauges.set(name, [...(gauges.get(name) ?? []), value]),
      },
    });
    const observed = {
      ...context,
      progress: { ...context.progress, pause: (why?: string) => void shown.push(why) },
    };
    control('pause: true\n');
    const options = { reader: source, limits: { activeConnections: 1e6 }, maxRate: 0, jobs: 1 };
    const throttle = await Throttle.start({ ...options, control: join(move.cwd, 'control.yaml') }, observed);
    const ready = throttle.ready(new AbortController().signal);
    await expect.poll(() => shown.at(-1)).toBe('the control file says so');
    control('pause: false\n');
    await ready;
    await throttle.close();
    await close();
    expect(shown.at(-1)).toBeUndefined();
    expect(counted.get('migrate_throttle_control_pauses_total')).toBe(1);
    expect(counted.get('migrate_throttle_control_seconds_total')).toBeGreaterThan(0);
    expect(new Set(gauges.get('migrate_throttle_paused'))).toEqual(new Set([0, 1]));
    expect(gauges.get('migrate_throttle_active_connections')!.length).toBeGreaterThan(0);
  });
});
