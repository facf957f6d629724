import { describe, expect, test } from 'vitest';
import { buildBudget, type NodeResources } from '../../src/load/build-budget.js';
import { buildAdvance } from '../../src/load/build-watch.js';

const MB = 1024 * 1024;
const node = (over: Partial<NodeResources> = {}): NodeResources => ({
  host: 'a',
  maintenanceBytes: 64 * MB,
  sharedBuffers: 128 * MB,
  freeConnections: 90,
  availableBytes: 8192 * MB,
  cpus: 4,
  ...over,
});

describe('the budget of index builds', () => {
  test('shares a quarter of the free memory among the builds that run at once on a node', () => {
    expect(buildBudget([node()], { jobs: 8, single: false })).toEqual({
      statements: 2,
      perNode: 4,
      memoryBytes: 256 * MB,
    });
  });

  test('follows the weakest node, and shares a machine between its nodes', () => {
    const nodes = [node({ host: 'b' }), node({ cpus: 2 }), node()];
    expect(buildBudget(nodes, { jobs: 8, single: false })).toEqual({
      statements: 2,
      perNode: 2,
      memoryBytes: 256 * MB,
    });
  });

  test('builds whole indexes side by side on a plain server, as many as it has processors', () => {
    expect(buildBudget([node()], { jobs: 8, single: true })).toEqual({
      statements: 4,
      perNode: 1,
      memoryBytes: 512 * MB,
    });
  });

  test('never takes more than half of the free connections', () => {
    expect(buildBudget([node({ freeConnections: 6 })], { jobs: 8, single: false })).toMatchObject({
      statements: 2,
      perNode: 1,
    });
    expect(buildBudget([node({ freeConnections: 0 })], { jobs: 8, single: false })).toMatchObject({
      statements: 1,
      perNode: 1,
    });
  });

  test('takes shared_buffers for that quarter, and --jobs for the processors, where a node does not tell', () => {
    const { availableBytes: _, cpus: __, ...silent } = node({ sharedBuffers: 4096 * MB });
    expect(buildBudget([silent], { jobs: 3, single: false })).toEqual({
      statements: 2,
      perNode: 3,
      memoryBytes: Math.floor((4096 * 1024) / 6) * 1024,
    });
  });

  test('gives no less than the server itself, and what is asked for in any case', () => {
    const poor = node({ availableBytes: 100 * MB });
    expect(buildBudget([poor], { jobs: 2, single: false }).memoryBytes).toBe(64 * MB);
    expect(buildBudget([poor], { jobs: 2, single: false, memoryBytes: 7 * MB }).memoryBytes).toBe(7 * MB);
  });
});

describe('the advance of an index over all its shards', () => {
  const part = { leader: 1, done: 0, active: 0, part: 0, phase: null };

  test('is not known before a node has begun', () => {
    expect(buildAdvance([], 8)).toBeUndefined();
    expect(buildAdvance([part], 8)).toBeUndefined();
  });

  test('counts shards that are done whole and others in part', () => {
    const parts = [
      { ...part, done: 2, active: 2, part: 0.5, phase: 'building index: loading tuples' },
      { ...part, done: 1, active: 1, part: 0.5, phase: 'building index: scanning table' },
    ];
    expect(buildAdvance(parts, 8)).toEqual({ fraction: 0.5, detail: 'loading tuples, 3 of 8 shards' });
  });

  test('leaves the shards out where there is one', () => {
    expect(buildAdvance([{ ...part, active: 1, part: 0.25, phase: 'initializing' }], 1)).toEqual({
      fraction: 0.25,
      detail: 'initializing',
    });
  });
});
