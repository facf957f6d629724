import { beforeAll, describe, expect, test } from 'vitest';
import { MigrateError } from '../../src/core/errors.js';
import { noopLog } from '../../src/observe/noop.js';
import { describeCitus, freshCluster, freshSource } from '../support/databases.js';
import {
  dump,
  expectArrived,
  expectContinues,
  filled,
  type Journey,
  load,
  loadAndDie,
  prepare,
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

/** Every point at its first hit and at a later one, when other chunks are complete and others under way. */
const deaths = (points: readonly string[]): [point: string, hit: number][] =>
  points.flatMap((point): [string, number][] => [
    [point, 1],
    [point, 6],
  ]);

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

  const viaLanes = citus ? deaths(LANE_POINTS) : [];
  const cases: [string, number, 'auto' | 'coordinator'][] = [
    ...viaLanes.map(([point, hit]): [string, number, 'auto'] => [point, hit, 'auto']),
    ...deaths(COORDINATOR_POINTS).map(([point, hit]): [string, number, 'coordinator'] => [
      point,
      hit,
      'coordinator',
    ]),
  ];

  test.each(cases)(
    'a copy that dies %s (hit %i) is continued by the same command',
    async (point, hit, via) => {
      await loadAndDie(journey, { point, hit, via, truncate: true });
      await expectContinues(journey, { via });
    },
  );

  test.each(cases)(
    'an import that dies %s (hit %i) is continued by the same command',
    async (point, hit, via) => {
      await loadAndDie(journey, { point, hit, via, truncate: true, from });
      await expectContinues(journey, { via, from });
    },
  );

  test.each(cases)('a connection lost %s (hit %i) is made up for within the run', async (point, hit, via) => {
    let hits = 0;
    const warnings: string[] = [];
    const fail = (passed: string): void => {
      if (passed !== point) return;
      hits += 1;
      if (hits === hit) throw new MigrateError('CONNECTION_LOST');
    };
    const log = { ...noopLog, warn: (message: string) => void warnings.push(message) };
    await load(journey, { via, truncate: true, context: { fail, log } });
    expect(warnings.filter((line) => /Trying chunk .* again/.test(line))).toHaveLength(1);
    await expectArrived(journey);
  });
}

describeCitus('a load into Citus that dies', () => suite(true));
describe('a load into a plain PostgreSQL that dies', () => suite(false));
