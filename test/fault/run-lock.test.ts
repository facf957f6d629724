import { beforeAll, expect, test } from 'vitest';
import { Database } from '../../src/citus/database.js';
import type { MigrateError } from '../../src/core/errors.js';
import { RunLock } from '../../src/ledger/run-lock.js';
import { noopLog } from '../../src/observe/noop.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import {
  atPoint,
  completeChunks,
  expectArrived,
  filled,
  type Journey,
  load,
  loadAndDie,
  prepare,
} from '../support/load.js';
import { startProxy } from '../support/proxy.js';

describeCitus('one run at a time', () => {
  let target: FreshCluster;
  let journey: Journey;
  beforeAll(async () => {
    const source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(filled(2000));
    journey = await prepare(source, target);
  });

  const addressOf = (url: string): { host: string; port: number } => {
    const { hostname, port } = new URL(url);
    return { host: hostname, port: Number(port) };
  };
  const open = (url: string, runId: string): Promise<Database> =>
    Database.open(resolveConninfo(url, {}), { side: 'target', runId, readOnly: false });

  test('a second run is refused with the first one’s identity, and disturbs nothing', async () => {
    const planted = atPoint('lane: after the last word', 3, async () => {
      const before = await completeChunks(journey);
      const second = load(journey, { runId: 'second' });
      await expect(second).rejects.toMatchObject({
        code: 'RUN_LOCKED',
        message: expect.stringMatching(/migrate first, process \d+, from 127\.0\.0\.1 since \d{4}-/),
        context: { run: 'migrate first' },
      });
      expect(await completeChunks(journey)).toEqual(before);
    });
    await load(journey, { runId: 'first', jobs: 1, context: planted.context });
    expect(planted.hit()).toBe(true);
    await expectArrived(journey);
  });

  test('one that was killed is followed at once', async () => {
    await loadAndDie(journey, { point: 'lane: after the commit of one node', hit: 3, truncate: true });
    await load(journey);
    await expectArrived(journey);
  });

  test('one whose machine vanished, with transactions open on the workers, is followed without a person', async () => {
    const nodeAddresses: Record<string, string> = {};
    for (const url of target.workerUrls) {
      const proxy = await startProxy(addressOf(url), { outlives: true });
      nodeAddresses[new URL(url).host] = proxy.address;
    }
    const point = 'lane: after the ledger rows, before the first commit';
    await loadAndDie(journey, { point, hit: 3, truncate: true, nodeAddresses });
    const worker = await connectTo(target.workerUrls[0]!);
    const { rows } = await worker.query(
      `SELECT count(*)::int AS open FROM pg_stat_activity
       WHERE application_name LIKE 'migrate %' AND datname = current_database() AND backend_xid IS NOT NULL`,
    );
    expect(rows[0].open).toBeGreaterThan(0);
    await load(journey);
    await expectArrived(journey);
  });

  test('a run that lives keeps its lock; one that fell silent knows it, and the next takes over', async () => {
    const times = { beatMs: 50, stallMs: 1200, deadMs: 1500 };
    const warnings: string[] = [];
    const log = { ...noopLog, warn: (message: string) => void warnings.push(message) };
    const link = await startProxy(addressOf(target.url), { outlives: true });
    const through = new URL(target.url);
    through.host = link.address;
    const [first, second] = [await open(through.href, 'silent'), await open(target.url, 'next')];
    const held = await RunLock.take(first, { log, ...times });
    const lost = new Promise<MigrateError>((resolve) => held.watch(resolve));
    // It asks for two seconds, longer than silence may last.
    await expect(RunLock.take(second, { log, ...times })).rejects.toMatchObject({
      code: 'RUN_LOCKED',
      context: { run: 'migrate silent' },
    });
    const elsewhere = await open(target.url, 'silent');
    link.stall();
    expect(await lost).toMatchObject({ code: 'CONNECTION_LOST', exit: 3 });
    const taken = await RunLock.take(second, { log, ...times });
    expect(warnings).toEqual([
      expect.stringMatching(
        /Taking over from migrate silent, process \d+, .* nothing was heard of it for \d+ s/,
      ),
    ]);
    // What else it had open is gone too: it could wake up and go on.
    await expect(elsewhere.session.query('SELECT')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await taken.close();
    await held.close();
    for (const database of [first, second, elsewhere]) await database.close();
  });
});
