import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { lockOf, unitsOfShare } from '../../src/core/ownership.js';
import { locksSql, unitsSql } from '../../src/cutover/step-sql.js';
import { STEP_NAMES } from '../../src/cutover/steps.js';
import { Application, docsOf, ownersOfDocs } from '../support/acknowledged.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, freshFolder, runJson, runMigrate } from '../support/migrate.js';

const NAMESPACES = Array.from({ length: 24 }, (_, n) => `ns${n}`);

const SCHEMA = `
  CREATE TABLE kind (id int PRIMARY KEY, label text NOT NULL);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 5) g;
  CREATE TABLE doc (
    id serial PRIMARY KEY, namespace text NOT NULL, key text NOT NULL, note text, UNIQUE (namespace, key));
  INSERT INTO doc (namespace, key, note) SELECT 'ns' || g % 24, 'old-' || g, 'old' FROM generate_series(1, 480) g;
  ANALYZE;
`;

/** What this machine cannot prove by itself, and the operator's word for it. */
const ACCEPT = ['--accept', 'disk,backup', '--reason', 'a rehearsal on throw-away servers'];

describeCitus('the cut-over, there and back again', () => {
  let source: FreshDatabase;
  let target: FreshCluster;
  let application: Application;
  let cwd: string;
  let sides: string[];
  const migrate = (line: string, more: readonly string[] = []): Promise<Document> =>
    runJson([...line.split(' '), ...sides, ...more], { cwd });

  beforeAll(async () => {
    source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(SCHEMA);
    sides = ['--source', source.url, '--target', target.url];
    cwd = freshFolder();
  });

  const owners = () => ownersOfDocs({ source: source.client, target: target.client }, NAMESPACES);

  /** Who ought to take them, worked out by the server from what the documentation says of shares. */
  async function expected(share: number): Promise<Record<string, string[]>> {
    const { rows } = await source.client.query<{ name: string; moved: boolean }>(
      `SELECT n AS name, (hashtext(n COLLATE "C")::bigint + 2147483648) % 100 < $1 AS moved FROM unnest($2::text[]) n`,
      [share, NAMESPACES],
    );
    return Object.fromEntries(rows.map(({ name, moved }) => [name, [moved ? 'target' : 'source']]));
  }

  async function expectAcknowledged(): Promise<void> {
    const wanted = [...application.acknowledged].sort();
    expect(wanted.length).toBeGreaterThan(50);
    expect([...(await docsOf(source.client))].sort()).toEqual(wanted);
    expect([...(await docsOf(target.client))].sort()).toEqual(wanted);
  }

  test('gates stop it, and a dry run tells every step and changes nothing', async () => {
    expect(await migrate('plan')).toMatchObject({ exit: 0 });
    expect(await migrate('status')).toMatchObject({
      exit: 0,
      phase: 'planned',
      next: 'migrate shim install',
    });
    await migrate('shim install');
    expect(await migrate('copy')).toMatchObject({ exit: 0 });
    expect(await migrate('shim install --reverse')).toMatchObject({ exit: 0, proof: { verdict: 'holds' } });
    const early = await migrate('cutover');
    expect(early).toMatchObject({ exit: 1, moved: false, phase: 'catching-up', writePauseMs: null });
    expect(early.gates).toContainEqual(expect.objectContaining({ gate: 'verified', verdict: 'fails' }));
    const { stdout } = await runMigrate(['cutover', ...sides], { cwd });
    expect(stdout).toMatch(/Next: migrate verify --live .*backup.*; then migrate cutover --share 100/);
    expect(await migrate('verify --live')).toMatchObject({ verdict: 'match' });
    const kept = async () =>
      (
        await source.client.query(
          `SELECT to_regclass('citus_migrate.ownership') AS owners, (SELECT count(*) FROM citus_migrate.phase) AS phases,
                  (SELECT count(*) FROM citus_migrate.evidence) AS evidence`,
        )
      ).rows;
    const before = await kept();
    const dry = await migrate('cutover --dry-run --share 10', ACCEPT);
    expect(dry).toMatchObject({ exit: 0, moved: false, phase: 'ready' });
    expect(dry.steps.map((each: Document) => each.step)).toEqual(STEP_NAMES);
    expect(dry.steps.every((each: Document) => each.sql.join('').length > 0)).toBe(true);
    // What is printed of units and locks means them all, and a person can read it.
    for (const units of [unitsOfShare(10), unitsOfShare(100), ['b07', 'n:acme', ...unitsOfShare(5)], ['*']]) {
      const locks = [...new Set(units.map(lockOf))];
      const { rows } = await source.client.query(
        `SELECT (${unitsSql(units)})::text[] AS units, ${locksSql(locks)} AS locks`,
      );
      expect([rows[0].units.sort(), rows[0].locks.sort()]).toEqual([[...units].sort(), locks.sort()]);
      expect(unitsSql(units).length + locksSql(locks).length).toBeLessThan(250);
    }
    const give = dry.steps.find(({ step }: Document) => step === 'give').sql.join();
    expect(give).toContain(unitsSql(unitsOfShare(10)));
    expect(give).not.toContain(`'b00', 'b01'`);
    expect(before).toMatchObject([{ owners: null }]);
    expect(await kept()).toEqual(before);
  });

  test('every acknowledged write is on both sides behind a ramp, a way back and a ramp again', async () => {
    application = await Application.open({ source: source.url, target: target.url }, 2, NAMESPACES);
    application.start();
    let following: ChildProcess | undefined;
    const sync = runMigrate(['sync', '--no-progress', ...sides], {
      cwd,
      started: (child) => {
        following = child;
      },
    });
    const pauses: Record<string, number> = {};
    const moved = async (line: string, share: number, phase: string): Promise<void> => {
      const result = await migrate(line, ACCEPT);
      expect(result).toMatchObject({ exit: 0, moved: true, phase });
      pauses[line] = result.writePauseMs;
      expect(await owners()).toEqual(await expected(share));
    };
    await moved('cutover --share 10', 10, 'ramping');
    const compared = async (writes: string, more: readonly string[] = []): Promise<void> => {
      const before = application.writes;
      const { exit, verdict, tables, fence, error } = await migrate('verify --live', more);
      const differing = tables?.filter((table: Document) => table.verdict !== 'match');
      expect({ exit, verdict, differing, error }).toEqual({ exit: 0, verdict: 'match', differing: [] });
      expect(fence).toMatchObject({ writes, heldMs: expect.any(Number), pausedMs: expect.any(Number) });
      fences.push(`${fence.heldMs}/${fence.pausedMs}`);
      expect(application.writes).toBeGreaterThan(before);
    };
    const fences: string[] = [];
    const half = await expected(50);
    await moved('cutover --share 50', 50, 'ramping');
    const [onSource, onTarget] = (['source', 'target'] as const).map((side) =>
      NAMESPACES.filter((name) => half[name]![0] === side).join(','),
    );
    await compared('target', ['--namespaces', onTarget!]);
    await compared('source', ['--namespaces', onSource!]);
    const refused = { exit: 2, error: { code: 'PHASE_REFUSED' } };
    expect(await migrate('verify --live')).toMatchObject(refused);
    expect(await migrate('verify --live', ['--namespaces', NAMESPACES.join(',')])).toMatchObject(refused);
    await moved('cutover', 100, 'cut-over');
    for (let round = 0; round < 2; round += 1) await compared('target');
    await moved('rollback', 0, 'rolled-back');
    await compared('source');
    await moved('cutover --share 100', 100, 'cut-over');
    await application.stop();
    following!.kill('SIGINT');
    expect((await sync).code).toBe(130);
    expect(await migrate('sync --until-drained')).toMatchObject({ exit: 0, drained: true });
    await expectAcknowledged();
    console.log(
      `${application.writes} writes, the slowest ${application.longest} ms; writes held up for, ms:`,
      JSON.stringify(pauses),
      `fences held/writers paused, ms: ${fences.join(' ')}`,
    );
  });

  test('verify --live finds what is wrong on the side that follows the cluster', async () => {
    const plant = (note: string) =>
      source.client.query(
        `BEGIN; SET LOCAL citus_migrate.applying = 'on'; UPDATE doc SET note = '${note}' WHERE id = 7; COMMIT`,
      );
    const { rows } = await source.client.query('SELECT note FROM doc WHERE id = 7');
    await plant('planted');
    const { exit, verdict, tables } = await migrate('verify --live');
    expect({ exit, verdict }).toEqual({ exit: 1, verdict: 'mismatch' });
    expect(tables.flatMap(({ discrepancies }: Document) => discrepancies)).toEqual([
      expect.objectContaining({ kind: 'mismatched', key: expect.objectContaining({ id: '7' }) }),
    ]);
    await plant(rows[0].note);
    expect(await migrate('verify --live')).toMatchObject({ exit: 0, verdict: 'match' });
  });

  test('finish leaves nothing behind but its report', async () => {
    expect(await migrate('status')).toMatchObject({ exit: 0, phase: 'cut-over', next: 'migrate finish' });
    expect(await migrate('finish')).toMatchObject({ exit: 2, error: { code: 'CONFIRMATION_NEEDED' } });
    expect(await migrate('finish', ['-y'])).toMatchObject({ exit: 0, phase: 'completed', writes: 'target' });
    const report = JSON.parse(readFileSync(join(cwd, 'migrate.closing.json'), 'utf8'));
    expect(report.phases.map((each: Document) => each.phase)).toEqual(
      expect.arrayContaining(['ready', 'ramping', 'cut-over', 'rolling-back', 'rolled-back']),
    );
    for (const url of [source.url, target.url, ...target.workerUrls]) {
      const { rows } = await (await connectTo(url)).query(
        `SELECT (SELECT count(*)::int FROM pg_namespace WHERE nspname = 'citus_migrate') AS schemas,
                (SELECT count(*)::int FROM pg_trigger WHERE tgname LIKE 'citus\\_migrate%') AS triggers`,
      );
      expect(rows).toEqual([{ schemas: 0, triggers: 0 }]);
    }
    await expectAcknowledged();
  });
});
