import { beforeAll, describe, expect, inject, test } from 'vitest';
import type { Context } from '../../src/core/context.js';
import { MigrateError } from '../../src/core/errors.js';
import type { Follower } from '../../src/dualwrite/follower.js';
import { connectTo, type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import { follow, install, Oracle } from '../support/follow.js';
import { FOLLOW_DISTRIBUTED, FOLLOW_EXPECTED, FOLLOW_FILL, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { seeded, Writers } from '../support/histories.js';
import { type Journey, load, prepare } from '../support/load.js';

const HISTORIES = Number(process.env.MIGRATE_TEST_HISTORIES ?? 160);
const FIRST_SEED = Number(process.env.MIGRATE_TEST_SEED ?? 1);
const STEPS = 16;

/** Where a pass may break; the process is gone at once and another one takes over. */
const POINTS = [
  'sync: before the first change',
  'sync: after the places were cleared',
  'sync: before the first commit',
  'sync: after the commit of one node',
  'sync: after all commits, before the log is told',
  'sync: before the log is emptied',
  'sync: after the log was told',
];

describe('sync under concurrent writers', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  let journey: Journey;
  let oracle: Oracle;
  let writers: Writers;
  let opened: { follower: Follower; close(): Promise<void> };
  /** Where the next pass breaks. */
  let crashAt: string | undefined;
  const seen = { passes: 0, fences: 0, crashes: 0, refused: 0 };

  const context: Partial<Context> = {
    fail: (point) => {
      if (point !== crashAt) return;
      crashAt = undefined;
      seen.crashes += 1;
      throw new MigrateError('INTERNAL', { message: `crash ${point}` });
    },
  };

  beforeAll(async () => {
    source = await freshSource();
    target = inject('citus') ? await freshCluster({ shardCount: 4 }) : await freshSource();
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FOLLOW_FILL);
    journey = await prepare(source, target);
    await install(journey);
    await load(journey);
    oracle = await Oracle.open(journey, FOLLOW_EXPECTED);
    writers = await Writers.open(Array.from({ length: 4 }, () => source.url));
    opened = await follow(journey, context);
    return async () => {
      await opened.close();
      await writers.close();
    };
  });

  /** One pass, at whose fence both sides are compared; a new process after a crash. True: nothing was left to apply. */
  async function pass(note: string): Promise<boolean> {
    try {
      const { changes } = await opened.follower.pass(async ({ exported }) => {
        seen.fences += 1;
        await oracle.expectEqual(exported, note);
      });
      seen.passes += 1;
      return changes === 0;
    } catch (error) {
      if (!(error instanceof MigrateError)) throw error;
      if (error.message.startsWith('crash')) {
        await opened.close();
        opened = await follow(journey, context);
      } else if (error.retry === 'never') throw error;
      // A lock that a writer holds, such as TRUNCATE's: the next pass gets it.
      else seen.refused += 1;
      return false;
    }
  }

  async function history(seed: number): Promise<void> {
    const random = seeded(seed * 7919);
    const note = `seed ${seed}`;
    // In some histories, as their seeds say: the first pass that gets so far breaks there, if only at the end.
    if (random() < 0.3) crashAt = POINTS[Math.floor(random() * POINTS.length)];
    let passing: Promise<boolean> | undefined;
    await writers.run(seed, STEPS, async () => {
      // Some passes run beside the writers, some are waited for.
      const dice = random();
      if (dice < 0.2 && passing === undefined) {
        passing = pass(note);
        passing.catch(() => {});
      } else if (dice > 0.9) {
        await passing;
        passing = undefined;
      }
    });
    await passing;
    while (!(await pass(note)));
    await oracle.expectEqual(undefined, `end of ${note}`);
  }

  test(`is equal to the source at every fence, over ${HISTORIES} histories`, {
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
    if (inject('citus')) await oracle.expectPlaced(FOLLOW_DISTRIBUTED, 'namespace');
    if (HISTORIES < 20) return;
    // The histories were what they are meant to be.
    expect(seen.fences).toBeGreaterThan(HISTORIES);
    expect(seen.crashes).toBeGreaterThan(HISTORIES / 8);
  });

  test('notices a change that nobody captured', async () => {
    const client = await connectTo(source.url);
    await client.query('ALTER TABLE account DISABLE TRIGGER citus_migrate_insert');
    await client.query(`INSERT INTO account VALUES (5001, 'ns1', 'unseen')`);
    await expect(oracle.expectEqual()).rejects.toThrow();
    await expect(opened.follower.pass()).rejects.toMatchObject({ code: 'CAPTURE_LOST' });
  });
});
