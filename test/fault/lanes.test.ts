import { beforeAll, describe, expect, test } from 'vitest';
import { MigrateError } from '../../src/core/errors.js';
import { describeCitus, freshCluster, freshSource } from '../support/databases.js';
import {
  atPoint,
  dump,
  expectArrived,
  expectContinues,
  expectVerified,
  filled,
  type Journey,
  load,
  loadAndDie,
  prepare,
  thinned,
} from '../support/load.js';

const LANE_POINTS = [
  'lane: after the rows, before the ledger rows',
  'lane: after the ledger rows, before the first commit',
  'lane: after the commit of one node',
  'lane: after all commits, before the last word',
  'lane: after the last word',
] as const;
const COORDINATOR_POINTS = [
  'load: after the rows, before the ledger row',
  'load: after the ledger row, before the commit',
  'load: after the commit',
] as const;

/** The boundary with the most to lose: one node has committed, another one has not. */
const IN_TWO_STEPS = LANE_POINTS[2];

type Case = [point: string, hit: number, via: 'auto' | 'coordinator'];

const at = (points: readonly string[], hit: number, via: Case[2]): Case[] =>
  points.map((point) => [point, hit, via]);

function suite(citus: boolean): void {
  let journey: Journey;
  let from: string;
  beforeAll(async () => {
    const source = await freshSource();
    const target = citus ? await freshCluster({ shardCount: 8 }) : await freshSource();
    await source.client.query(filled(4000));
    journey = await prepare(source, target);
    from = await dump(journey);
  });

  // At the first hit nothing is complete; at a later one some chunks are, and others are under way.
  const first = citus ? at(LANE_POINTS, 1, 'auto') : [];
  const later = [...(citus ? at(LANE_POINTS, 6, 'auto') : []), ...at(COORDINATOR_POINTS, 6, 'coordinator')];

  test.each([...later, ...thinned(first, IN_TWO_STEPS)])(
    'a copy that dies %s (hit %i) is continued by the same command',
    async (point, hit, via) => {
      await loadAndDie(journey, { point, hit, via, truncate: true });
      await expectContinues(journey, { via });
    },
  );

  // The boundaries are the same code for both commands: what an import does by itself is to read its chunks again.
  test.each(thinned(later, citus ? IN_TWO_STEPS : COORDINATOR_POINTS[1]))(
    'an import that dies %s (hit %i) is continued by the same command',
    async (point, hit, via) => {
      await loadAndDie(journey, { point, hit, via, truncate: true, from });
      await expectContinues(journey, { via, from });
    },
  );

  test.each(citus ? later : thinned(later, COORDINATOR_POINTS[1]))(
    'a connection lost %s (hit %i) is made up for within the run',
    async (point, hit, via) => {
      const planted = atPoint(point, hit, () => {
        throw new MigrateError('CONNECTION_LOST');
      });
      await load(journey, { via, truncate: true, context: planted.context });
      expect(planted.hit()).toBe(true);
      expect(planted.retries()).toHaveLength(1);
      // The product's own verdict once for each way through the boundaries.
      const agrees = point === IN_TWO_STEPS || point === COORDINATOR_POINTS[1];
      await (agrees ? expectVerified : expectArrived)(journey);
    },
  );
}

describeCitus('a load into Citus that dies', () => suite(true));
describe('a load into a plain PostgreSQL that dies', () => suite(false));
