import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { MoveDirection } from '../../src/cutover/move.js';
import {
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshCopies,
  freshSource,
} from '../support/databases.js';
import { freshFolder, runJson, runMigrate } from '../support/migrate.js';
import { runMove } from '../support/moves.js';
import { Twin } from '../support/twin.js';
import { SHOP_CONFIG, shop } from '../support/twin-shop.js';

/** What this machine cannot prove by itself, and the operator's word for it. */
const ACCEPT = ['--accept', 'disk,backup,reverse-capture,ids-fit', '--reason', 'throw-away servers'];

const ALL = process.env.MIGRATE_TEST_ALL === '1';

interface Pair {
  readonly source: FreshDatabase;
  readonly target: FreshCluster;
}

describeCitus('rollback from every phase', () => {
  /** Behind the copy, before the first pass: what most phases begin with. */
  let copied: Pair;
  const cwd = freshFolder();

  beforeAll(async () => {
    const twin = await planned();
    await twin.migrate('shim install');
    expect(await twin.migrate('copy')).toMatchObject({ exit: 0 });
    copied = twin;
  });

  /** With nothing but a plan. */
  async function planned(): Promise<Twin> {
    const pair = { source: await freshSource(), target: await freshCluster({ shardCount: 4 }) };
    await shop.fill(pair.source);
    writeFileSync(join(cwd, 'migrate.config.yaml'), SHOP_CONFIG);
    const twin = await Twin.open(shop, pair, cwd);
    expect(await twin.migrate('plan')).toMatchObject({ exit: 0 });
    return twin;
  }

  const catchingUp = async (): Promise<Twin> =>
    Twin.open(shop, await freshCopies(copied, { shardCount: 4 }), cwd);

  const verified = async (twin: Twin): Promise<void> => {
    await twin.write();
    expect(await twin.migrate('verify --live')).toMatchObject({ exit: 0, verdict: 'match' });
  };

  async function ready(): Promise<Twin> {
    const twin = await catchingUp();
    await verified(twin);
    return twin;
  }

  async function moved(twin: Twin, line: string, share: number, named: string[] = []): Promise<void> {
    const { exit, moved, error, obstacles } = await twin.migrate(line, ...ACCEPT);
    expect({ exit, moved, error, obstacles }).toEqual({ exit: 0, moved: true, obstacles: [] });
    twin.owned(share, named);
  }

  type Station = readonly [phase: string, reach: (twin: Twin) => Promise<unknown>];

  /**
   * Through the phases one after the other, and to the complete return from the last. With MIGRATE_TEST_ALL=1 each of
   * them by itself, from the start to the return.
   */
  function along(start: () => Promise<Twin>, stations: readonly Station[]): void {
    const journeys = ALL ? stations.map((one) => [one]) : [stations];
    for (const journey of journeys)
      test(journey.map(([phase]) => phase).join('; '), async () => {
        const twin = await start();
        for (const [, reach] of journey) await reach(twin);
        await expectClosed(twin);
      });
  }

  /** Nothing moves, nothing is refused, and nothing is written down that would be in the way later. */
  async function expectNothingToBring(twin: Twin, phase: string): Promise<void> {
    await twin.write();
    for (const line of ['rollback --dry-run', 'rollback'])
      expect(await twin.migrate(line)).toMatchObject({ exit: 0, moved: false, units: 0, phase, gates: [] });
    expect(await twin.migrate('status')).toMatchObject({ phase });
    await twin.write();
  }

  /** Back, with what was written on the target: at once, and also what is written behind it. */
  async function expectBack(twin: Twin): Promise<void> {
    await moved(twin, 'rollback', 0);
    expect(await twin.differences('apart from what finish takes away')).toEqual([]);
    await twin.write();
  }

  /** What the pages say for a complete return, and then the single node is as if there had been no migration. */
  async function expectClosed(twin: Twin): Promise<void> {
    const { exit, writes = 'source' } = await twin.migrate('finish -y');
    expect({ exit, writes }).toEqual({ exit: 0, writes: 'source' });
    await twin.write();
    await twin.expectEqual();
  }

  /** Behind its first chunk. */
  async function copyKilled(twin: Twin): Promise<void> {
    const made = `SELECT to_regclass('citus_migrate.chunk') IS NOT NULL AS made`;
    const begun = async (): Promise<boolean> => {
      const { client } = twin.target;
      if (!(await client.query(made)).rows[0].made) return false;
      return (await client.query('SELECT FROM citus_migrate.chunk')).rowCount! > 0;
    };
    let killing: Promise<unknown> | undefined;
    const { code, stderr } = await runMigrate(
      ['copy', '--max-rate', '32kB', '--no-progress', ...twin.sides],
      {
        cwd,
        started: (child) => {
          killing = expect
            .poll(async () => child.exitCode !== null || (await begun()), { timeout: 60_000, interval: 20 })
            .toBe(true)
            .then(() => child.kill('SIGKILL'));
        },
      },
    );
    await killing;
    expect({ code, stderr: code === null ? '' : stderr }).toEqual({ code: null, stderr: '' });
  }

  /** Units that nobody may write for the moment. */
  async function blocks(twin: Twin): Promise<number> {
    const { rows } = await twin.source.client.query(
      'SELECT count(*)::int AS n FROM citus_migrate.ownership WHERE blocked_until > clock_timestamp()',
    );
    return rows[0].n;
  }

  /** One move in a process that kills itself when it passes the point. */
  async function killed(twin: Twin, direction: MoveDirection, share: number, point: string): Promise<void> {
    const { signal, hit, stderr } = await runMove({
      source: twin.source.url,
      target: twin.target.url,
      folder: cwd,
      maxPauseMs: 2000,
      ...{ direction, share, point },
    });
    expect({ signal, hit, stderr }).toMatchObject({ signal: 'SIGKILL', hit: true });
  }

  along(planned, [
    ['planned', (twin) => expectNothingToBring(twin, 'planned')],
    [
      'prepared',
      async (twin) => {
        expect(await twin.migrate('schema')).toMatchObject({ exit: 0 });
        await expectNothingToBring(twin, 'prepared');
      },
    ],
    [
      'copying, a copy that was killed',
      async (twin) => {
        await twin.migrate('shim install');
        await copyKilled(twin);
        await expectNothingToBring(twin, 'copying');
      },
    ],
  ]);

  along(catchingUp, [
    ['catching-up', (twin) => expectNothingToBring(twin, 'catching-up')],
    [
      'verifying, a difference was found',
      async (twin) => {
        expect(await twin.migrate('sync --until-drained')).toMatchObject({ exit: 0 });
        await twin.target.client.query(`UPDATE ticket SET body = body || '?' WHERE id = 7`);
        expect(await twin.migrate('verify --live')).toMatchObject({ exit: 1, verdict: 'mismatch' });
        await expectNothingToBring(twin, 'verifying');
        await twin.target.client.query(`UPDATE ticket SET body = rtrim(body, '?') WHERE id = 7`);
      },
    ],
    [
      'ready',
      async (twin) => {
        await verified(twin);
        await expectNothingToBring(twin, 'ready');
      },
    ],
    [
      'ready, with the guards of a cut-over that was killed before it decided',
      async (twin) => {
        await verified(twin);
        await killed(twin, 'forward', 50, 'cutover: after last-pass');
        await expect.poll(() => blocks(twin), { timeout: 20_000 }).toBe(0);
        await expectNothingToBring(twin, 'ready');
      },
    ],
  ]);

  along(ready, [
    [
      'a cut-over that was killed behind its decision, before anybody opened the target',
      async (twin) => {
        await killed(twin, 'forward', 50, 'cutover: after give');
        await expectBack(twin);
      },
    ],
    // The killed one above stands for the half.
    ...(ALL ? [10, 50] : [10]).map(
      (share): Station => [
        `ramping at ${share} per cent`,
        async (twin) => {
          await moved(twin, `cutover --share ${share}`, share);
          expect(await twin.write()).toBeGreaterThan(0);
          await expectBack(twin);
        },
      ],
    ),
    [
      'ramping by names',
      async (twin) => {
        await moved(twin, 'cutover --namespaces ns7,ns40', 0, ['ns7', 'ns40']);
        expect(await twin.write()).toBeGreaterThan(0);
        await expectBack(twin);
      },
    ],
  ]);

  along(ready, [
    [
      'cut-over, and once more behind a rollback',
      async (twin) => {
        for (const _ of [1, 2]) {
          await moved(twin, 'cutover', 100);
          expect(await twin.write()).toBeGreaterThan(0);
          await expectBack(twin);
        }
      },
    ],
    [
      'rolling-back, killed before its decision and behind it',
      async (twin) => {
        await moved(twin, 'cutover', 100);
        await twin.write();
        await killed(twin, 'reverse', 0, 'rollback: after catch-up');
        expect(await twin.migrate('status')).toMatchObject({
          phase: 'rolling-back',
          next: 'migrate rollback',
        });
        await twin.write();
        await killed(twin, 'reverse', 40, 'rollback: after give');
        await expectBack(twin);
      },
    ],
  ]);

  test('failed: what the cluster still has never comes over what was written since', async () => {
    const twin = await ready();
    await moved(twin, 'cutover --share 50', 50);
    await twin.write();
    expect(await twin.migrate('sync --until-drained')).toMatchObject({ exit: 0 });
    // Told to nobody but the cluster: it is lost with it.
    await twin.target.client.query(`UPDATE account SET balance = -1 WHERE namespace = '${twin.there[0]}'`);
    const gone = ['--source', twin.source.url, '--target', 'postgresql://postgres@127.0.0.1:1/gone'];
    expect(await runJson(['rollback', '--abandon', '-y', ...gone], { cwd })).toMatchObject({
      exit: 0,
      phase: 'failed',
    });
    twin.owned(0);
    await twin.write();
    for (const line of ['rollback', 'rollback --dry-run', 'cutover', 'sync --until-drained', 'verify --live'])
      expect(await twin.migrate(line, ...(line.startsWith('r') ? ACCEPT : []))).toMatchObject({
        exit: 2,
        error: { code: 'PHASE_REFUSED', message: expect.stringContaining('opened without the cluster') },
      });
    expect(await twin.migrate('status')).toMatchObject({ phase: 'failed', next: 'migrate finish' });
    await expectClosed(twin);
  });

  test('completed: there is no way back, and that is what rollback says', async () => {
    const twin = await ready();
    await moved(twin, 'cutover', 100);
    await twin.write();
    expect(await twin.migrate('sync --until-drained')).toMatchObject({ exit: 0 });
    expect(await twin.migrate('finish -y')).toMatchObject({ exit: 0, writes: 'target' });
    const file = join(cwd, 'migrate.closing.json');
    const report = readFileSync(file, 'utf8');
    expect(await twin.migrate('finish -y')).toMatchObject({ exit: 0, report: null });
    expect(readFileSync(file, 'utf8')).toBe(report);
    const before = await twin.differences();
    // Nor on another machine, where the report of the end does not lie.
    for (const line of ['rollback', 'rollback --dry-run', 'rollback --share 10'])
      expect(await twin.migrate(line, ...ACCEPT)).toMatchObject({
        exit: 2,
        error: { code: 'PHASE_REFUSED' },
      });
    expect(await twin.differences()).toEqual(before);
    expect(before.filter((one) => !one.includes('next value'))).toEqual([]);
  });

  test('the comparison notices a write that one side lacks, a trigger that stays, and a sequence that is late', async () => {
    const twin = await planned();
    const { client } = twin.source;
    await twin.write();
    await twin.expectEqual();
    await client.query('BEGIN');
    await twin.control.client.query(`UPDATE ticket SET body = 'other' WHERE id = 3`);
    expect(await twin.differences()).toEqual([expect.stringContaining('public.ticket')]);
    await client.query(`COMMIT; UPDATE ticket SET body = 'other' WHERE id = 3`);
    await client.query(
      'CREATE TRIGGER citus_migrate_insert AFTER INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION look()',
    );
    expect((await twin.differences()).join()).toContain('citus_migrate_insert');
    await client.query(`DROP TRIGGER citus_migrate_insert ON event; SELECT setval('ticket_id_seq', 1)`);
    expect(await twin.differences()).toEqual([expect.stringContaining('ticket_id_seq')]);
  });
});
