import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noopLog } from '../../src/observe/noop.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { expectArrived, filled, type Journey, type LoadOptions, load, prepare } from '../support/load.js';
import { startProxy } from '../support/proxy.js';

describeCitus('workers that cannot be written to from here', () => {
  let target: FreshCluster;
  let journey: Journey;
  let workers: pg.Client[];
  beforeEach(async () => {
    const source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(filled(1000));
    journey = await prepare(source, target);
    workers = await Promise.all(target.workerUrls.map(connectTo));
  });

  const hostOf = (url: string): string => new URL(url).host;

  /** Tables that a load makes. */
  async function made(): Promise<string[]> {
    const { rows } = await target.client.query<{ name: string }>(
      `SELECT oid::regclass::text AS name FROM pg_class
       WHERE relkind = 'r' AND relnamespace IN (to_regnamespace('public'), to_regnamespace('citus_migrate')) ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  }

  /** `direct` refuses with nothing done, `auto` arrives through the coordinator and says why. */
  async function expectFallsBack(code: string, says: RegExp, options: LoadOptions = {}): Promise<void> {
    const before = await made();
    const refused = load(journey, { ...options, via: 'direct' });
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
    expect(await made()).toEqual(before);
    const warnings: string[] = [];
    const log = { ...noopLog, warn: (message: string) => void warnings.push(message) };
    await load(journey, { ...options, via: 'auto', context: { log } });
    const fallback = warnings.filter((line) => line.startsWith('Loading through the coordinator: '));
    expect(fallback).toEqual([expect.stringMatching(says)]);
    for (const worker of workers) {
      const { rows } = await worker.query(`SELECT to_regclass('citus_migrate.lane') IS NOT NULL AS lanes`);
      expect(rows[0].lanes).toBe(false);
    }
    await expectArrived(journey);
  }

  test('no route: the log names the address and the setting', async () => {
    const link = await startProxy({ host: '127.0.0.1', port: 1 });
    const { address } = link;
    await link.close();
    const host = hostOf(target.workerUrls[1]!);
    await expectFallsBack(
      'WORKER_UNREACHABLE',
      new RegExp(`Worker ${host} cannot be reached at .*${address}`),
      {
        nodeAddresses: { [host]: address },
      },
    );
  });

  test('another address: rows go through it', async () => {
    const links = await Promise.all(
      target.workerUrls.map((url) => {
        const { hostname, port } = new URL(url);
        return startProxy({ host: hostname, port: Number(port) });
      }),
    );
    const nodeAddresses = Object.fromEntries(
      target.workerUrls.map((url, index) => [hostOf(url), links[index]!.address]),
    );
    await load(journey, { via: 'direct', nodeAddresses });
    for (const link of links) expect(link.connections).toBeGreaterThan(0);
    await expectArrived(journey);
  });

  describe('a role', () => {
    const ROLE = `mover_${process.pid}`;
    /** What is asked on a worker itself, past Citus. */
    const onWorker = async (text: string): Promise<void> => {
      await workers[0]!.query('SET citus.enable_ddl_propagation = off');
      await workers[0]!.query(text);
    };
    const database = (): string => new URL(target.url).pathname.slice(1);
    beforeEach(async () => {
      await target.client.query(`CREATE ROLE ${ROLE} LOGIN`);
      for (const client of [target.client, ...workers]) {
        await client.query('SET citus.enable_ddl_propagation = off');
        await client.query(`GRANT CREATE ON DATABASE "${database()}" TO ${ROLE}`);
        await client.query(`GRANT ALL ON SCHEMA public TO ${ROLE}`);
        await client.query('RESET citus.enable_ddl_propagation');
      }
      const url = new URL(target.url);
      url.username = ROLE;
      journey = { ...journey, target: { ...journey.target, url: url.href } };
    });
    afterEach(async () => {
      await target.client.query(`DROP OWNED BY ${ROLE} CASCADE`);
      for (const client of [target.client, ...workers]) {
        await client.query('SET citus.enable_ddl_propagation = off');
        await client.query(`DROP OWNED BY ${ROLE} CASCADE; DROP ROLE IF EXISTS ${ROLE}`);
      }
    });

    test('that has all rights needs the coordinator for nothing', async () => {
      await load(journey, { via: 'direct' });
      await expectArrived(journey);
    });

    test('that may not keep a ledger on a worker: the log says which right is missing', async () => {
      await load(journey, { via: 'coordinator', phase: 'before-data' });
      await onWorker('ALTER SCHEMA citus_migrate OWNER TO postgres');
      await onWorker(`GRANT USAGE ON SCHEMA citus_migrate TO ${ROLE}`);
      await expectFallsBack(
        'RIGHTS_MISSING',
        new RegExp(`Role ${ROLE} on target node .* lacks: USAGE and CREATE on schema citus_migrate`),
      );
    });
  });

  test('a worker that lets the coordinator in, but not this machine: the log says so', async () => {
    const [worker] = workers;
    const { rows } = await worker!.query('SHOW hba_file');
    const file: string = rows[0].hba_file;
    const { uid, gid } = statSync(file);
    const allowed = readFileSync(file, 'utf8');
    const write = async (text: string): Promise<void> => {
      writeFileSync(file, text);
      chownSync(file, uid, gid);
      await worker!.query('SELECT pg_reload_conf()');
    };
    const [url] = target.workerUrls;
    const { hostname, port, host, pathname } = new URL(url!);
    // Every address of 127.0.0.0/8 is this machine.
    const link = await startProxy({ host: hostname, port: Number(port), localAddress: '127.0.0.2' });
    await write(`host ${pathname.slice(1)} all 127.0.0.2/32 reject\n${allowed}`);
    try {
      await expectFallsBack('AUTHENTICATION_FAILED', /pg_hba.conf rejects connection/, {
        nodeAddresses: { [host]: link.address },
      });
    } finally {
      await write(allowed);
    }
  });
});
