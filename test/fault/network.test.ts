import { join } from 'node:path';
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Progress } from '../../src/core/context.js';
import { unhurried } from '../../src/core/pace.js';
import { TokenBucket } from '../../src/core/token-bucket.js';
import { noopContext } from '../../src/observe/noop.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { atPoint, expectArrived, filled, type Journey, load, prepare } from '../support/load.js';
import { startProxy } from '../support/proxy.js';

const AFTER_ROWS = 'lane: after the rows, before the ledger rows';
const BEFORE_COMMIT = 'lane: after the ledger rows, before the first commit';
const LAST_WORD = 'lane: after all commits, before the last word';
const COORDINATOR_POINTS = [
  'load: after the rows, before the ledger row',
  'load: after the ledger row, before the commit',
] as const;
const BETWEEN_CHUNKS = 'lane: after the last word';

const addressOf = (url: string): { host: string; port: number } => {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
};

describeCitus('a load over links that break', () => {
  let target: FreshCluster;
  let journey: Journey;
  let links: Awaited<ReturnType<typeof startProxy>>[];
  let nodeAddresses: Record<string, string>;
  let watchers: pg.Client[];
  beforeAll(async () => {
    const source = await freshSource();
    target = await freshCluster({ shardCount: 6 });
    await source.client.query(filled(3000));
    journey = await prepare(source, target);
    links = await Promise.all(target.workerUrls.map((url) => startProxy(addressOf(url))));
    nodeAddresses = Object.fromEntries(
      target.workerUrls.map((url, index) => [new URL(url).host, links[index]!.address]),
    );
    watchers = await Promise.all([target.url, ...target.workerUrls].map(connectTo));
  });

  test.each([
    ['cut', BEFORE_COMMIT],
    ['cut', LAST_WORD],
    ['stalled', AFTER_ROWS],
    ['stalled before its answers', BEFORE_COMMIT],
  ])('a worker whose connections are %s %s is written to exactly once', async (what, point) => {
    const planted = atPoint(point, 3, () => {
      if (what === 'cut') links[0]!.cut();
      else links[0]!.stall(what === 'stalled' ? 'both' : 'answers');
    });
    await load(journey, { truncate: true, nodeAddresses, stallMs: 1500, context: planted.context });
    expect(planted.hit()).toBe(true);
    // At the last word no transaction is open on a worker: the next chunk takes another connection.
    if (what !== 'cut') expect(planted.retries()[0]).toMatch(/has not moved a byte for 1.5 s.*Trying chunk/);
    else if (point !== LAST_WORD) expect(planted.retries().length).toBeGreaterThan(0);
    await expectArrived(journey);
  });

  describe.each(['source', 'target'] as const)('between this program and the %s', (side) => {
    test.each([
      ['cut', BEFORE_COMMIT],
      ['stalled', AFTER_ROWS],
    ])('every connection is %s %s: the same command, repeated, is exact', async (what, point) => {
      const link = await startProxy(addressOf(journey[side].url));
      const through = new URL(journey[side].url);
      through.host = link.address;
      const over = { ...journey, [side]: { ...journey[side], url: through.href } };
      const planted = atPoint(point, 3, () => {
        if (what === 'cut') link.cut();
        else link.stall();
      });
      let runs = 0;
      for (let done = false; !done; runs += 1) {
        expect(runs).toBeLessThan(3);
        const first = runs === 0 ? { truncate: true, context: planted.context } : {};
        done = await load(over, { ...first, stallMs: 1500 }).then(
          () => true,
          (error) => {
            expect(error).toMatchObject({ exit: 3, code: expect.stringMatching(/_LOST|RUN_LOCKED/) });
            return false;
          },
        );
      }
      expect(planted.hit()).toBe(true);
      await link.close();
      await expectArrived(journey);
    });
  });

  describe('backends that are ended by others', () => {
    /** Ends every backend of a load on these servers. */
    const end = async (clients: readonly pg.Client[]): Promise<void> => {
      for (const client of clients) {
        await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name LIKE 'migrate %' AND datname = current_database()`,
        );
      }
    };

    test.each([AFTER_ROWS, BEFORE_COMMIT])(
      'lanes on all workers, %s: made up for within the run',
      async (point) => {
        const planted = atPoint(point, 3, () => end(watchers.slice(1)));
        await load(journey, { truncate: true, context: planted.context });
        expect(planted.retries().length).toBeGreaterThan(0);
        await expectArrived(journey);
      },
    );

    /** Ends what the coordinator has open on these workers. */
    const endInside = async (workers: readonly pg.Client[]): Promise<void> => {
      for (const client of workers) {
        await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name LIKE 'citus_internal%' AND datname = current_database()`,
        );
      }
    };

    // Citus reports such a backend like a refused row.
    test.each([false, true])(
      'connections between coordinator and worker, with rows on their way (refused ones set aside: %s): no row is to blame',
      async (aside) => {
        const source = await freshSource();
        const cluster = await freshCluster({ shardCount: 4 });
        await source.client.query(filled(12_000));
        const large = await prepare(source, cluster);
        const workers = await Promise.all(cluster.workerUrls.map(connectTo));
        const pace = unhurried();
        const bucket = new TokenBucket(pace.bucket, Date.now);
        let [seen, ended] = [0, false];
        const advance: Progress['advance'] = (label, { bytes = 0 }) => {
          seen += label === 'item' ? bytes : 0;
          // Past the first batch of 1 MB that is copied where refused rows are set aside.
          if (ended || seen < 1_500_000) return;
          ended = true;
          bucket.rate = 1;
          void endInside(workers).finally(() => {
            bucket.rate = 0;
          });
        };
        const { context, retries } = atPoint('', 1, () => {});
        const progress = { ...noopContext().progress, advance };
        const { quarantined } = await load(large, {
          ...{ via: 'coordinator', jobs: 1, chunkBytes: 16 * 1024 * 1024 },
          context: { ...context, pace, progress },
          ...(aside ? { quarantine: { directory: join(large.folder, 'refused'), maxBadRows: 100_000 } } : {}),
        });
        expect(ended).toBe(true);
        expect(retries().length).toBeGreaterThan(0);
        expect(quarantined).toEqual([]);
        await expectArrived(large);
      },
    );

    test.each([
      [COORDINATOR_POINTS[0], false],
      [COORDINATOR_POINTS[1], false],
      [COORDINATOR_POINTS[0], true],
    ])(
      'connections between coordinator and worker, %s (refused rows set aside: %s): made up for within the run',
      async (point, aside) => {
        const planted = atPoint(point, 3, () => endInside(watchers.slice(1)));
        const { context } = planted;
        const quarantine = { directory: join(journey.folder, 'refused'), maxBadRows: 1000 };
        const options = { truncate: true, via: 'coordinator', context } as const;
        const { quarantined } = await load(journey, aside ? { ...options, quarantine } : options);
        expect(quarantined).toEqual([]);
        expect(planted.hit()).toBe(true);
        expect(planted.retries().length).toBeGreaterThan(0);
        await expectArrived(journey);
      },
    );

    test('readers and the holder of the snapshot: the run says so, and the same command continues', async () => {
      const watcher = await connectTo(journey.source.url);
      const planted = atPoint(BEFORE_COMMIT, 3, () => end([watcher]));
      const first = load(journey, { truncate: true, context: planted.context });
      const code = expect.stringMatching(/SNAPSHOT_LOST|CONNECTION_LOST/);
      await expect(first).rejects.toMatchObject({ code, exit: 3 });
      await load(journey);
      await expectArrived(journey);
    });

    test('a run that lost its lock to another one stops, and what both did is exact', async () => {
      const planted = atPoint(BETWEEN_CHUNKS, 3, async () => {
        await watchers[0]!.query(
          `SELECT pg_terminate_backend(pid) FROM pg_locks
           WHERE locktype = 'advisory' AND classid = 0 AND objid = x'636d6967'::int
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        );
        await load(journey);
        await expectArrived(journey);
      });
      const first = load(journey, { truncate: true, jobs: 1, context: planted.context });
      await expect(first).rejects.toMatchObject({ code: 'RUN_LOCKED' });
      expect(planted.hit()).toBe(true);
      await expectArrived(journey);
    });
  });
});
