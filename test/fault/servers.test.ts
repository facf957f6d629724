import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Cluster,
  createDatabase,
  findPostgres,
  type Server,
  type StopMode,
  startCluster,
  startServer,
} from '../../src/demo/servers/index.js';
import { connectTo, describeCitus } from '../support/databases.js';
import {
  atPoint,
  dump,
  expectArrived,
  filled,
  type Journey,
  type LoadOptions,
  load,
  prepare,
} from '../support/load.js';

const BEFORE_COMMIT = 'lane: after the ledger rows, before the first commit';
const BETWEEN_NODES = 'lane: after the commit of one node';

describeCitus('servers of its own', () => {
  let cluster: Cluster;
  let single: Server;
  let round = 0;
  beforeAll(async () => {
    const install = await findPostgres();
    single = await startServer({ install, name: 'source' });
    cluster = await startCluster({ install, shardCount: 6 });
  });
  afterAll(async () => {
    await Promise.all([cluster?.stop(), single?.stop()]);
  });

  /** A filled source database; the cluster's one database, emptied of what was there. */
  async function fresh(rows: number): Promise<Journey> {
    round += 1;
    const url = await createDatabase(single, `move_${round}`);
    const source = { url, client: await connectTo(url) };
    await source.client.query(filled(rows));
    await empty();
    return prepare(source, { url: cluster.url(), client: await connectTo(cluster.url()) });
  }

  async function empty(): Promise<void> {
    const target = await connectTo(cluster.url());
    await target.query('DROP TABLE IF EXISTS item, loose, kind CASCADE');
    await target.query('DROP SCHEMA IF EXISTS citus_migrate CASCADE');
    for (const worker of cluster.workers) {
      const client = await connectTo(worker.url('app'));
      await client.query('SET citus.enable_ddl_propagation = off');
      await client.query('DROP SCHEMA IF EXISTS citus_migrate CASCADE');
    }
  }

  /** The load, repeated as an operator would while it ends with an error that says that it continues. */
  async function untilDone(journey: Journey, options: LoadOptions): Promise<void> {
    const { context: _, ...again } = options;
    for (let runs = 1; ; runs += 1) {
      try {
        await load(journey, runs === 1 ? options : again);
        return;
      } catch (error) {
        expect(error).toMatchObject({ exit: 3 });
        if (runs === 5) throw error;
      }
    }
  }

  describe('one of them is stopped in the middle of a load and started again', () => {
    const who = {
      source: () => single,
      coordinator: () => cluster.coordinator,
      'worker 1': () => cluster.workers[0]!,
      'worker 2': () => cluster.workers[1]!,
    };
    type Case = [name: keyof typeof who, mode: StopMode, command: 'copy' | 'import', point: string];
    const cases: Case[] = [
      ['source', 'fast', 'copy', BEFORE_COMMIT],
      ['source', 'immediate', 'copy', BETWEEN_NODES],
      ['coordinator', 'fast', 'copy', BETWEEN_NODES],
      ['coordinator', 'immediate', 'import', BEFORE_COMMIT],
      ['worker 1', 'fast', 'import', BEFORE_COMMIT],
      ['worker 1', 'immediate', 'copy', BETWEEN_NODES],
      ['worker 2', 'fast', 'copy', BETWEEN_NODES],
      ['worker 2', 'immediate', 'import', BEFORE_COMMIT],
    ];

    test.each(cases)('%s, %s, during %s %s', async (name, mode, command, point) => {
      const journey = await fresh(3000);
      const from = command === 'import' ? { from: await dump(journey) } : {};
      const planted = atPoint(point, 3, () => who[name]().restart(mode));
      await untilDone(journey, { context: planted.context, ...from });
      expect(planted.hit()).toBe(true);
      // The lanes make up for a node of the cluster that comes back; with the source its snapshot is gone.
      if (name !== 'source') expect(planted.retries().length).toBeGreaterThan(0);
      const again = async ({ url }: Journey['source']): Promise<Journey['source']> => ({
        url,
        client: await connectTo(url),
      });
      const { source, target } = journey;
      await expectArrived({ ...journey, source: await again(source), target: await again(target) });
    });
  });

  /** A file system of some megabytes that the servers may write to, or undefined where none can be mounted. */
  function smallDisk(): string | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'citus-migrate-disk-'));
    const { uid, gid } = statSync(cluster.workers[0]!.dataDir);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder], { stdio: 'ignore' });
      chownSync(folder, uid, gid);
      return folder;
    } catch {
      rmSync(folder, { recursive: true });
      return undefined;
    }
  }

  test.each(['copy', 'import'])(
    '%s onto a worker whose disk is full stops with a clear error, and goes on when there is room',
    async (command) => {
      const disk = smallDisk();
      if (disk === undefined) {
        expect(process.env.MIGRATE_TEST_REQUIRE_CITUS, 'no file system can be mounted here').not.toBe('1');
        return;
      }
      const worker = await connectTo(cluster.workers[0]!.url('app'));
      const use = async (space: string): Promise<void> => {
        await worker.query(`ALTER SYSTEM SET default_tablespace = '${space}'`);
        await worker.query('SELECT pg_reload_conf()');
      };
      await worker.query('SET citus.enable_ddl_propagation = off');
      await worker.query(`CREATE TABLESPACE small LOCATION '${disk}'`);
      try {
        await use('small');
        const journey = await fresh(40_000);
        const options = {
          chunkBytes: 256 * 1024,
          ...(command === 'import' ? { from: await dump(journey, 256 * 1024) } : {}),
        };
        await expect(load(journey, options)).rejects.toMatchObject({
          code: 'TARGET_DISK_FULL',
          exit: 3,
          message: expect.stringMatching(/No space left on device/),
        });
        const { rows } = await journey.target.client.query(
          `SELECT (SELECT count(*) FROM item) AS there,
                  (SELECT sum(result::int) FROM run_command_on_workers(
                    $$SELECT sum(rows) FROM citus_migrate.lane WHERE table_name = 'item'$$)) AS told`,
        );
        expect(Number(rows[0].there)).toBeGreaterThan(0);
        expect(Number(rows[0].there)).toBeLessThan(40_000);
        expect(rows[0].told).toBe(rows[0].there);
        execFileSync('mount', ['-o', 'remount,size=100m', disk]);
        const done = await load(journey, options);
        expect(done.tables.reduce((sum, table) => sum + table.skippedChunks, 0)).toBeGreaterThan(0);
        await expectArrived(journey);
      } finally {
        await use('');
        await empty();
        await worker.query('DROP TABLESPACE small');
        execFileSync('umount', [disk]);
        rmSync(disk, { recursive: true });
      }
    },
  );
});
