import { beforeAll, describe, expect, inject, test } from 'vitest';
import { type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import { install } from '../support/follow.js';
import { FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { Writers } from '../support/histories.js';
import { type Journey, load, prepare } from '../support/load.js';
import { runJson, runMigrate } from '../support/migrate.js';

const FILL = `
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 3) g;
  INSERT INTO account SELECT g, 'ns' || g % 5, 'account ' || g FROM generate_series(1, 30) g;
  INSERT INTO item SELECT g, 1 + g % 30, 1 + g % 3, 'item ' || g FROM generate_series(1, 60) g;
  INSERT INTO event SELECT g, 1 + g % 2, 'ns' || g % 5, 'event ' || g FROM generate_series(1, 60) g;
`;

describe('verify --live', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  let journey: Journey;
  let verify: () => ReturnType<typeof runJson>;
  beforeAll(async () => {
    source = await freshSource();
    target = inject('citus') ? await freshCluster({ shardCount: 4 }) : await freshSource();
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FILL);
    journey = await prepare(source, target);
    await install(journey);
    await load(journey);
    const sides = ['--source', source.url, '--target', target.url, '--plan', journey.planFile];
    verify = () => runJson(['verify', '--live', ...sides], { cwd: journey.folder });
  });

  test('finds no difference while others write', async () => {
    const writers = await Writers.open(Array.from({ length: 3 }, () => source.url));
    let stop = false;
    const writing = (async () => {
      for (let seed = 1; !stop; seed += 1) await writers.run(seed, 30, async () => {});
    })();
    try {
      for (let round = 0; round < 3; round += 1) {
        const { verdict, tables, fence, exit } = await verify();
        const different = tables.filter((table: { verdict: string }) => table.verdict !== 'match');
        expect({ verdict, exit, different }).toEqual({ verdict: 'match', exit: 0, different: [] });
        expect(fence.heldMs).toBeGreaterThan(0);
      }
    } finally {
      stop = true;
      await writing;
      await writers.close();
    }
  });

  test('takes the place of a running sync, which goes on afterwards', async () => {
    const sides = ['--source', source.url, '--target', target.url, '--plan', journey.planFile];
    let verdict: Promise<string> | undefined;
    const { code, stderr } = await runMigrate(['sync', '--no-progress', ...sides], {
      cwd: journey.folder,
      started: (child) => {
        let said = '';
        child.stderr?.on('data', (data) => {
          said += data;
          if (/Nothing to bring|Brought/.test(said))
            verdict ??= verify().then((document) => document.verdict);
          if (/following goes on/.test(said)) child.kill('SIGINT');
        });
      },
    });
    expect({ code, verdict: await verdict }).toEqual({ code: 130, verdict: 'match' });
    expect(stderr).toMatch(/Another command needs the shim/);
  });

  test('finds a row that was changed on the target alone', async () => {
    await source.client.query(`INSERT INTO event VALUES (7001, 1, 'ns1', 'true')`);
    expect(await verify()).toMatchObject({ verdict: 'match' });
    await target.client.query(`UPDATE event SET what = 'false' WHERE namespace = 'ns1' AND id = 7001`);
    const { verdict, exit, tables } = await verify();
    expect({ verdict, exit }).toEqual({ verdict: 'mismatch', exit: 1 });
    const found = tables.flatMap(({ discrepancies }: { discrepancies: object[] }) => discrepancies);
    expect(found).toEqual([
      expect.objectContaining({ kind: 'mismatched', key: expect.objectContaining({ id: '7001' }) }),
    ]);
    // A change of the row brings it again, whole.
    await source.client.query('UPDATE event SET what = what WHERE id = 7001');
    expect(await verify()).toMatchObject({ verdict: 'match' });
  });

  test('is refused where there is nothing to follow, and beside what reads later', async () => {
    const cwd = journey.folder;
    const sides = ['--source', source.url, '--target', target.url, '--plan', journey.planFile];
    const { code, stderr } = await runMigrate(['verify', '--live', '--repair', 'plan', ...sides], { cwd });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('cannot stand beside') });
    await runJson(['shim', 'remove', '--yes', ...sides], { cwd });
    expect(await verify()).toMatchObject({ exit: 2, error: { code: 'SHIM_MISSING' } });
  });
});
