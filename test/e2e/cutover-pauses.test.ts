import { writeSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRouter, type Router } from '../../src/index.js';
import {
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { freshFolder, runJson } from '../support/migrate.js';
import { moveHere } from '../support/moves.js';

/** How long clients of the router wait while one namespace after the other moves: `npm run soak:moves`. */
const ALL = process.env.MIGRATE_TEST_ALL === '1';
const MOVES = Number(process.env.MIGRATE_TEST_MOVES ?? 200);
const HOURS_MS = 3_600_000;
/** Of the pauses in ms: what a user of the application would hardly notice, and what a request may take. */
const MEDIAN_MS = 1000;
const P99_MS = 3000;

const MOVING = ['ns0', 'ns1', 'ns2', 'ns3'];
const STAYING = Array.from({ length: 8 }, (_, n) => `other${n}`);

const SCHEMA = `
  CREATE TABLE doc (
    id bigserial PRIMARY KEY, namespace text NOT NULL, key text NOT NULL, note text, UNIQUE (namespace, key));
  INSERT INTO doc (namespace, key, note)
  SELECT CASE WHEN g % 3 = 0 THEN 'other' || g % 8 ELSE 'ns' || g % 4 END, 'old-' || g, repeat('x', 200)
  FROM generate_series(1, 20000) g;
  ANALYZE;
`;

interface Write {
  readonly namespace: string;
  readonly from: number;
  readonly to: number;
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;

const summary = (values: readonly number[]) => {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    count: sorted.length,
    median: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1)!,
  };
};

describeCitus('clients of the router, while single namespaces move there and back', () => {
  let source: FreshDatabase;
  let target: FreshCluster;
  let router: Router;
  const pools: pg.Pool[] = [];
  const folder = freshFolder();
  const written: Write[] = [];
  const keys = new Set<string>();
  let stop = false;

  beforeAll(async () => {
    if (!ALL) return;
    source = await freshSource();
    target = await freshCluster({ shardCount: 8 });
    await source.client.query(SCHEMA);
    const sides = ['--source', source.url, '--target', target.url];
    for (const line of ['plan', 'shim install', 'copy', 'shim install --reverse'])
      expect(await runJson([...line.split(' '), ...sides], { cwd: folder })).toMatchObject({ exit: 0 });
    const pool = (url: string): pg.Pool => {
      const made = new pg.Pool({ connectionString: url, max: 16 });
      pools.push(made);
      return made;
    };
    router = await createRouter({ source: pool(source.url), target: pool(target.url) });
  });
  afterAll(async () => {
    await router?.close();
    await Promise.all(pools.map((pool) => pool.end()));
  });

  async function client(namespace: string, number: number): Promise<void> {
    for (let turn = 1; !stop; turn += 1) {
      const key = `${number}-${turn}`;
      const from = performance.now();
      await router
        .pool(namespace)
        .query('INSERT INTO doc (namespace, key, note) VALUES ($1, $2, $3)', [namespace, key, 'new']);
      written.push({ namespace, from, to: performance.now() });
      keys.add(`${namespace}/${key}`);
      await wait(MOVING.includes(namespace) ? 10 : 50);
    }
  }

  test.runIf(ALL)('nobody waits for long', { timeout: 2 * HOURS_MS }, async () => {
    const clients = Promise.all([...MOVING, ...STAYING].map(client));
    clients.catch(() => {});
    const aim = { source: source.url, target: target.url, folder, maxPauseMs: 10_000 };
    const pauses: Record<'forward' | 'reverse', number[]> = { forward: [], reverse: [] };
    const told: number[] = [];
    for (let move = 0; move < MOVES; move += 1) {
      const direction = move % 2 === 0 ? 'forward' : 'reverse';
      const namespace = MOVING[(move >> 1) % MOVING.length]!;
      const from = performance.now();
      const { exit, error, writePauseMs } = await moveHere({ ...aim, direction, namespaces: [namespace] });
      expect({ exit, error }).toEqual({ exit: 0, error: undefined });
      const to = performance.now();
      await expect.poll(() => written.some((one) => one.namespace === namespace && one.from > to)).toBe(true);
      const during = written.filter((one) => one.namespace === namespace && one.to > from && one.from < to);
      pauses[direction].push(Math.max(...during.map((one) => one.to - one.from)));
      told.push(writePauseMs);
    }
    stop = true;
    await clients;
    const all = summary([...pauses.forward, ...pauses.reverse]);
    const still = written
      .filter(({ namespace }) => STAYING.includes(namespace))
      .map(({ from, to }) => to - from);
    const result = {
      all,
      forward: summary(pauses.forward),
      reverse: summary(pauses.reverse),
      toldByTheCommand: summary(told),
      namespacesThatStay: summary(still),
      writes: written.length,
    };
    writeSync(1, `${JSON.stringify(result)}\n`);
    expect(
      await runJson(['sync', '--until-drained', '--source', source.url, '--target', target.url], {
        cwd: folder,
      }),
    ).toMatchObject({ exit: 0 });
    for (const side of [source, target]) {
      const { rows } = await side.client.query<{ name: string }>(
        `SELECT namespace || '/' || key AS name FROM doc WHERE note = 'new'`,
      );
      expect(rows.map(({ name }) => name).sort()).toEqual([...keys].sort());
    }
    expect(all.median).toBeLessThan(MEDIAN_MS);
    expect(all.p99).toBeLessThan(P99_MS);
  });
});
