import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { SCHEMA } from '../support/damage.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, runMigrate } from '../support/migrate.js';
import { type Moved, moved, strip } from '../support/moved.js';
import { shardsOf, workerClient } from '../support/shards.js';

const MODES = ['digest', 'rows'] as const;

function suite<T extends FreshDatabase>(
  freshTarget: () => Promise<T>,
  more?: (at: () => Moved<T>) => void,
): void {
  let at: Moved<T>;
  beforeAll(async () => {
    at = await moved(freshTarget, ({ client }) => client.query(SCHEMA));
  });

  test.each(MODES)('what did not change is not measured again in %s mode, and what did is', async (mode) => {
    const file = `${mode}.json`;
    const run = (...args: string[]) =>
      runMigrate(
        ['verify', ...at.sides, '--mode', mode, '--json', '--no-progress', '--resume', file, ...args],
        at,
      );
    const resumed = async (): Promise<Document[]> => {
      const { stdout } = await run();
      return JSON.parse(stdout).tables.flatMap(strip);
    };
    expect((await run()).stderr).not.toMatch(/Kept/);
    expect((await run()).stderr).toMatch(/Kept \d+ measurements/);
    await at.target.client.query(`UPDATE item SET note = 'changed' WHERE id = 99`);
    expect(await resumed()).toEqual([{ kind: 'mismatched', key: { id: '99' }, columns: ['note'] }]);
    await at.target.client.query(`UPDATE item SET note = 'note 99' WHERE id = 99`);
    expect(await resumed()).toEqual([]);
    await at.source.client.query('CREATE TEMP TABLE taken AS SELECT * FROM item WHERE id = 5');
    await at.source.client.query('DELETE FROM item WHERE id = 5');
    expect(await resumed()).toEqual([{ kind: 'extra', key: { id: '5' } }]);
    await at.source.client.query('INSERT INTO item SELECT * FROM taken');
    await at.source.client.query('DROP TABLE taken');
    expect(await resumed()).toEqual([]);
  });

  test('what another plan measured is not taken for this one’s', async () => {
    const run = (file: string) =>
      runMigrate(['verify', ...at.sides, '--json', '--no-progress', '--resume', file], at);
    const kept = JSON.parse(readFileSync(join(at.cwd, 'digest.json'), 'utf8'));
    writeFileSync(join(at.cwd, 'other.json'), JSON.stringify({ ...kept, planHash: 'another' }));
    expect((await run('other.json')).stderr).not.toMatch(/Kept/);
    expect((await run('digest.json')).stderr).toMatch(/Kept/);
  });

  test('without a name the file lies beside the plan, and without the option there is none', async () => {
    const beside = join(at.cwd, 'migrate.verify.json');
    expect(await at.verify()).toMatchObject({ exit: 0 });
    expect(existsSync(beside)).toBe(false);
    expect(await at.verify('--resume')).toMatchObject({ exit: 0 });
    expect(existsSync(beside)).toBe(true);
  });

  more?.(() => at);
}

function interrupted(at: () => Moved<FreshCluster>): void {
  test.each(MODES)('stopped in the middle in %s mode, it goes on with what is left', async (mode) => {
    const file = `stopped-${mode}.json`;
    const line = [
      'verify',
      ...at().sides,
      '--mode',
      mode,
      '--tables',
      'item',
      '--jobs',
      '1',
      '--json',
      '--no-progress',
    ];
    // The last shard is held, so that everything before it is measured and this one is waited for.
    const shard = (await shardsOf(at().target, 'item')).at(-1)!;
    const holder = await connectTo(shard.url);
    await holder.query('SET citus.override_table_visibility = off');
    await holder.query('SET citus.enable_manual_changes_to_shards = on');
    await holder.query('BEGIN');
    await holder.query(`LOCK TABLE ${shard.relation} IN ACCESS EXCLUSIVE MODE`);
    const watcher = await workerClient(shard.url);
    const waits = async (): Promise<boolean> => {
      const { rowCount } = await watcher.query(
        `SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE NOT l.granted AND l.relation = $1::regclass AND a.application_name LIKE 'migrate %'`,
        [shard.relation],
      );
      return (rowCount ?? 0) > 0;
    };
    const stopped = await runMigrate([...line, '--resume', file], {
      cwd: at().cwd,
      started: (child) => {
        void (async () => {
          while (child.exitCode === null && !(await waits())) await new Promise((next) => setImmediate(next));
          child.kill('SIGINT');
        })();
      },
    });
    await holder.query('ROLLBACK');
    expect(stopped.code).toBe(130);
    const { measurements } = JSON.parse(readFileSync(join(at().cwd, file), 'utf8'));
    const done = Object.keys(measurements).length;
    expect(done).toBeGreaterThan(0);
    const resumed = await runMigrate([...line, '--resume', file], at());
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toContain(`Kept ${done} measurements`);
    const after = Object.keys(JSON.parse(readFileSync(join(at().cwd, file), 'utf8')).measurements);
    expect(after).toEqual(expect.arrayContaining(Object.keys(measurements)));
    expect(after.length).toBeGreaterThan(done);
  });
}

describeCitus('verify --resume on Citus', () => suite(() => freshCluster({ shardCount: 8 }), interrupted));
describe('verify --resume on a plain PostgreSQL', () => suite(freshSource));
