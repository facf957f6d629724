import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roomOf } from '../../src/citus/rooms.js';
import {
  largestPool,
  mostJobs,
  type NodeNeed,
  type StageNeed,
  shortages,
  wanted,
} from '../../src/core/connections.js';
import { Jobs } from '../../src/core/jobs.js';
import { parallel } from '../../src/core/parallel.js';

const few = fc.integer({ min: 0, max: 6 });
const perJob = fc.record({ fixed: few, perJob: few });
const stage: fc.Arbitrary<StageNeed> = fc
  .record({ own: perJob, sessions: perJob, fanning: perJob })
  // Only sessions fan out.
  .map(({ own, sessions, fanning }) => ({
    own,
    sessions: { fixed: sessions.fixed + fanning.fixed, perJob: sessions.perJob + fanning.perJob },
    fanning,
  }));
const needs: fc.Arbitrary<NodeNeed[]> = fc.array(
  fc.record({
    room: fc.record(
      {
        node: fc.constantFrom('a', 'b'),
        bound: fc.constant('max'),
        free: fc.integer({ min: 0, max: 200 }),
        shared: fc.integer({ min: 0, max: 100 }),
      },
      { requiredKeys: ['node', 'bound', 'free'] },
    ),
    stages: fc.array(stage, { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 4 },
);
const jobs = fc.integer({ min: 1, max: 64 });
const reserve = fc.integer({ min: 0, max: 20 });

describe('the budget of connections', () => {
  it('grants the largest number of streams that stays below the limit of every node', () => {
    fc.assert(
      fc.property(needs, jobs, reserve, (all, wished, kept) => {
        const most = mostJobs(all, wished, kept);
        expect(most).toBeLessThanOrEqual(wished);
        if (most > 0) {
          for (const need of all) expect(wanted(need, most, 1)).toBeLessThanOrEqual(need.room.free - kept);
          expect(shortages(all, most, kept)).toEqual([]);
        }
        if (most < wished) expect(shortages(all, most + 1, kept).length).toBeGreaterThan(0);
      }),
    );
  });

  it('lets statements of the coordinator open no more connections than fit beside all else', () => {
    fc.assert(
      fc.property(needs, jobs, reserve, fc.integer({ min: 1, max: 32 }), (all, wished, kept, pool) => {
        const most = mostJobs(all, wished, kept);
        fc.pre(most > 0);
        const size = largestPool(all, most, kept, pool);
        for (const need of all) {
          expect(wanted(need, most, size)).toBeLessThanOrEqual(need.room.free - kept);
          const stages = need.stages.map((one) => ({ ...one, own: { fixed: 0, perJob: 0 } }));
          expect(wanted({ ...need, stages }, most, size)).toBeLessThanOrEqual(need.room.shared ?? Infinity);
        }
        expect(size).toBeGreaterThanOrEqual(1);
        expect(size).toBeLessThanOrEqual(pool);
      }),
    );
  });

  it('says which node is short, of how many, and why', () => {
    const own = { own: { fixed: 2, perJob: 1 }, sessions: none, fanning: none };
    const need = { room: { node: 'worker w:1', free: 9, bound: 'max_connections = 12' }, stages: [own] };
    expect(shortages([need], 4, 5)).toEqual([
      { node: 'worker w:1', bound: 'max_connections = 12, 5 kept free', free: 4, wanted: 6 },
    ]);
    expect(shortages([need], 2, 5)).toEqual([]);
  });
});

const none = { fixed: 0, perJob: 0 };

describe('the room of a node', () => {
  const facts = {
    maxConnections: 100,
    forSuperusers: 3,
    reserved: 2,
    used: 40,
    otherRuns: 0,
    roleLimit: null,
    roleUsed: 7,
    databaseLimit: -1,
    databaseUsed: 8,
    clientLimit: null,
    clientUsed: 9,
  };

  it('is what max_connections leaves, without the slots that are reserved', () => {
    expect(roomOf('n', facts)).toEqual({
      node: 'n',
      free: 55,
      bound: 'max_connections = 100, 5 of them reserved, 40 in use',
    });
    expect(roomOf('n', { ...facts, used: 99 }).free).toBe(0);
  });

  it('is smaller where the role, the database or Citus has a limit of its own', () => {
    expect(roomOf('n', { ...facts, roleLimit: 10 })).toMatchObject({
      free: 3,
      bound: 'connection limit of the role = 10, 7 in use',
    });
    expect(roomOf('n', { ...facts, databaseLimit: 10 }).free).toBe(2);
    expect(roomOf('n', { ...facts, clientLimit: 10 }).free).toBe(1);
    expect(roomOf('n', { ...facts, roleLimit: 1000 }).free).toBe(55);
  });
});

describe('streams that change in number', () => {
  it('are never more than at that moment is allowed, and all work is done', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 8 }),
        jobs,
        async (changes, first) => {
          const width = new Jobs(first);
          let running = 0;
          let done = 0;
          const left = [...changes];
          await parallel(Array.from({ length: 40 }), width, new AbortController().signal, async () => {
            running += 1;
            // Those that were under way when the number fell are finished.
            expect(running).toBeLessThanOrEqual(Math.max(first, 5));
            await Promise.resolve();
            const next = left.pop();
            if (next !== undefined) width.set(next);
            await new Promise(setImmediate);
            running -= 1;
            done += 1;
          });
          expect(done).toBe(40);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('starts more at once when more are allowed, and fewer when fewer are', async () => {
    const width = new Jobs(1);
    let running = 0;
    const seen: number[] = [];
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const all = parallel([1, 2, 3, 4, 5, 6], width, new AbortController().signal, async () => {
      running += 1;
      seen.push(running);
      await gate;
      running -= 1;
    });
    await expect.poll(() => running).toBe(1);
    width.set(3);
    await expect.poll(() => running).toBe(3);
    width.set(1);
    open();
    await all;
    expect(seen).toEqual([1, 2, 3, ...seen.slice(3)]);
    expect(seen.slice(3).every((count) => count === 1)).toBe(true);
  });
});
