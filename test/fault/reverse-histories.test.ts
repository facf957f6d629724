import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Context } from '../../src/core/context.js';
import { MigrateError } from '../../src/core/errors.js';
import {
  type Cluster,
  createDatabase,
  findPostgres,
  type Server,
  startCluster,
  startServer,
} from '../../src/demo/servers/index.js';
import type { ReverseFollower } from '../../src/dualwrite/reverse-follower.js';
import { reverseStatus } from '../../src/dualwrite/reverse-status.js';
import { shimStatus } from '../../src/dualwrite/status.js';
import { CLUSTER } from '../support/cluster-histories.js';
import { connectTo, describeCitus } from '../support/databases.js';
import { followBack, install, installBack, openSides } from '../support/follow.js';
import { FOLLOW_FILL, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { seeded, Writers } from '../support/histories.js';
import { type Journey, load, prepare } from '../support/load.js';
import { ReverseOracle } from '../support/reverse-oracle.js';

const HISTORIES = Number(process.env.MIGRATE_TEST_HISTORIES ?? 40);
const FIRST_SEED = Number(process.env.MIGRATE_TEST_SEED ?? 1);
const STEPS = 14;
/** Every so many histories a server goes down in the middle. */
const RESTART_EVERY = 20;
/** Attempts in which, once nobody writes any more, a pass has to get through. */
const MOST_ATTEMPTS = 100;

/** Where a pass may break; the process is gone at once and another one takes over. */
const POINTS = [
  'sync back: before the first change',
  'sync back: after the keys were cleared',
  'sync back: before the commit',
  'sync back: after the commit, before the logs are told',
  'sync back: after one node was told',
  'sync back: after the logs were told',
];

describeCitus('sync back under concurrent writers', () => {
  let cluster: Cluster;
  let single: Server;
  let journey: Journey;
  let oracle: ReverseOracle;
  let writers: Writers;
  let opened: { follower: ReverseFollower; close(): Promise<void> };
  /** Where the next pass breaks. */
  let crashAt: string | undefined;
  /** What the last pass was refused for. */
  let refusal: string | undefined;
  const seen = { passes: 0, fences: 0, crashes: 0, refused: 0, restarts: 0 };
  const urls = () => [cluster.url(), ...cluster.workers.map((worker) => worker.url('app'))];

  const context: Partial<Context> = {
    fail: (point) => {
      if (point !== crashAt) return;
      crashAt = undefined;
      seen.crashes += 1;
      throw new MigrateError('INTERNAL', { message: `crash ${point}` });
    },
  };

  beforeAll(async () => {
    const postgres = await findPostgres();
    [single, cluster] = await Promise.all([
      startServer({ install: postgres, name: 'source' }),
      startCluster({ install: postgres, shardCount: 4 }),
    ]);
    const url = await createDatabase(single, 'histories');
    const source = { url, client: await connectTo(url) };
    const target = { url: cluster.url(), client: await connectTo(cluster.url()) };
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FOLLOW_FILL);
    journey = await prepare(source, target);
    await install(journey);
    await load(journey);
    await installBack(journey);
    // Whoever is blocked gives up soon, on whatever node: the history goes on.
    await target.client.query(`ALTER DATABASE app SET lock_timeout = '40ms'`);
    await open();
  });
  afterAll(async () => {
    await close();
    await Promise.all([cluster?.stop(), single?.stop()]);
  });

  async function open(): Promise<void> {
    oracle = await ReverseOracle.open(journey.source.url, urls());
    writers = await Writers.open([...urls(), cluster.url()], CLUSTER);
    opened = await followBack(journey, context);
  }

  async function close(): Promise<void> {
    await Promise.all([opened?.close(), writers?.close(), oracle?.close()]);
  }

  /** One pass, at whose fence both sides are compared; a new process after a crash. True: nothing was left. */
  async function pass(note: string, exact = true): Promise<boolean> {
    try {
      const { changes } = await opened.follower.pass(
        exact
          ? async (moment) => {
              seen.fences += 1;
              await oracle.expectEqual(note, moment);
            }
          : undefined,
      );
      seen.passes += 1;
      return changes === 0;
    } catch (error) {
      if (!(error instanceof MigrateError)) throw error;
      if (error.message.startsWith('crash')) {
        await opened.close();
        opened = await followBack(journey, context);
      } else if (error.retry === 'never') throw error;
      // A lock that a writer holds: the next pass gets it.
      else {
        seen.refused += 1;
        refusal = error.message;
      }
      return false;
    }
  }

  /** A server goes down with all that is open on it, and comes back. */
  async function restart(server: Server): Promise<void> {
    await server.restart('immediate');
    seen.restarts += 1;
    await close();
    await open();
  }

  async function history(seed: number): Promise<void> {
    const random = seeded(seed * 7919);
    const note = `seed ${seed}`;
    // In some histories, as their seeds say: the first pass that gets so far breaks there, if only at the end.
    if (random() < 0.3) crashAt = POINTS[Math.floor(random() * POINTS.length)];
    const servers = [single, ...cluster.workers, cluster.coordinator];
    const down = seed % RESTART_EVERY === 0 ? servers[(seed / RESTART_EVERY) % servers.length] : undefined;
    let passing: Promise<boolean> | undefined;
    await writers.run(seed, STEPS, async () => {
      // Some passes run beside the writers, some are waited for.
      const dice = random();
      if (dice < 0.15 && passing === undefined) {
        passing = pass(note, random() < 0.4);
        passing.catch(() => {});
      } else if (dice > 0.9) {
        await passing;
        passing = undefined;
      }
    });
    await passing;
    if (down !== undefined) await restart(down);
    for (let attempts = 1; !(await pass(note)); attempts += 1)
      if (attempts === MOST_ATTEMPTS)
        throw new Error(`No pass gets through at the end of ${note}: ${refusal}`);
  }

  test(`is equal to the cluster at every fence, over ${HISTORIES} histories`, {
    timeout: 3_600_000,
  }, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed += 1) {
      try {
        await history(seed);
      } catch (error) {
        console.error(`History ${seed} (MIGRATE_TEST_SEED):\n${writers.log.join('\n')}`);
        throw error;
      }
    }

    if (HISTORIES < 20) return;
    // The histories were what they are meant to be.
    expect(seen.fences).toBeGreaterThan(HISTORIES);
    expect(seen.crashes).toBeGreaterThan(HISTORIES / 8);
    expect(seen.restarts).toBeGreaterThan(0);
  });

  test('what is brought back is not captured to be brought in again, nor the other way round', async () => {
    const sides = await openSides(journey);
    expect((await shimStatus(sides.source))?.log.changes).toBe(0);
    expect((await reverseStatus(sides.target))?.log.changes).toBe(0);
    const worker = await connectTo(cluster.workers[0]!.url('app'));
    await worker.query(`UPDATE kind SET label = 'control'`);
    expect((await reverseStatus(sides.target))?.log.changes).toBeGreaterThan(0);
    await sides.close();
  });

  test('notices a change that nobody captured', async () => {
    const client = await connectTo(cluster.url());
    await client.query('SET citus.enable_unsafe_triggers = on');
    await client.query('ALTER TABLE account DISABLE TRIGGER citus_migrate_insert');
    await client.query(`INSERT INTO account (id, namespace, name) VALUES (5001, 'ns1', 'unseen')`);
    await expect(oracle.expectEqual('control')).rejects.toThrow();
    await expect(opened.follower.pass()).rejects.toMatchObject({ code: 'CAPTURE_LOST' });
  });
});
