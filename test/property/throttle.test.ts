import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PauseTally } from '../../src/core/pause-tally.js';
import { LogHistory, parseLsn } from '../../src/core/replication-lag.js';
import {
  type Observed,
  type ReasonKind,
  reasonsToPause,
  type ThrottleLimits,
} from '../../src/core/throttle.js';
import { newBucketMemory, TokenBucket } from '../../src/core/token-bucket.js';

const START = 1_700_000_000_000;
const rates = fc.integer({ min: 32 * 1024, max: 1024 ** 3 });
const pieces = fc.array(
  fc.record({ bytes: fc.integer({ min: 1, max: 1024 * 1024 }), rest: fc.integer({ min: 0, max: 300 }) }),
  { minLength: 1, maxLength: 60 },
);

describe('the token bucket', () => {
  /** Lets every piece pass as soon as it may, after its rest; when each passed. */
  const passing = (bucket: TokenBucket, clock: { now: number }, list: { bytes: number; rest: number }[]) =>
    list.map(({ bytes, rest }) => {
      clock.now += rest;
      for (let wait = bucket.take(bytes); wait > 0; wait = bucket.take(bytes)) clock.now += wait;
      return { at: clock.now, bytes };
    });

  it('lets no span of time have more than its rate, a tenth of a second and one piece', () => {
    fc.assert(
      fc.property(rates, pieces, (rate, list) => {
        const clock = { now: START };
        const bucket = new TokenBucket(newBucketMemory(), () => clock.now);
        bucket.rate = rate;
        const passed = passing(bucket, clock, list);
        const largest = Math.max(...list.map(({ bytes }) => bytes));
        for (let from = 0; from < passed.length; from += 1) {
          for (let to = from, sum = 0; to < passed.length; to += 1) {
            sum += passed[to]!.bytes;
            const seconds = (passed[to]!.at - passed[from]!.at) / 1000;
            expect(sum).toBeLessThanOrEqual(rate * (seconds + 0.1) + largest + 1);
          }
        }
      }),
    );
  });

  it('does not fall behind its rate while pieces are waiting', () => {
    fc.assert(
      fc.property(rates, pieces, (rate, list) => {
        const clock = { now: START };
        const bucket = new TokenBucket(newBucketMemory(), () => clock.now);
        bucket.rate = rate;
        const passed = passing(
          bucket,
          clock,
          list.map(({ bytes }) => ({ bytes, rest: 0 })),
        );
        const before = passed.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0);
        // Timers count whole milliseconds: each wait may be one too long.
        expect(passed.at(-1)!.at - START).toBeLessThanOrEqual((before * 1000) / rate + passed.length);
      }),
    );
  });

  it('without a rate never waits, and a new rate holds from the next piece on', () => {
    const clock = { now: START };
    const bucket = new TokenBucket(newBucketMemory(), () => clock.now);
    expect(bucket.take(1e12)).toBe(0);
    bucket.rate = 1000;
    expect(bucket.take(5000)).toBe(0);
    expect(bucket.take(1)).toBeGreaterThan(0);
    bucket.rate = 2000;
    expect(bucket.take(1)).toBe(0);
    bucket.rate = 0;
    expect([bucket.take(1e12), bucket.take(1e12), bucket.rate]).toEqual([0, 0, 0]);
  });

  it('is one for all threads: together they take no more than one of them may', async () => {
    const memory = newBucketMemory();
    const bucket = new TokenBucket(memory, () => START);
    bucket.rate = 1_000_000;
    // Time stands still, so what passes in all is a tenth of a second's worth and one piece more.
    const thread = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ TokenBucket }) => {
        const bucket = new TokenBucket(workerData.memory, () => ${START});
        let taken = 0;
        for (let times = 0; times < 5000; times += 1) if (bucket.take(100) === 0) taken += 100;
        parentPort.postMessage(taken);
      });`;
    const module = new URL('../../dist/core/token-bucket.js', import.meta.url).href;
    const taken = await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise<number>((resolve, reject) => {
            const worker = new Worker(thread, { eval: true, workerData: { memory, module } });
            worker.on('message', resolve).on('error', reject);
          }),
      ),
    );
    expect(taken.reduce((sum, bytes) => sum + bytes)).toBe(100_100);
  });
});

describe('the delay of a standby', () => {
  /** Writes at random times; what a standby replays that is always `delay` behind. */
  const writes = fc.array(fc.record({ wait: fc.integer({ min: 1, max: 5000 }), bytes: fc.bigInt(1n, 9n) }), {
    minLength: 1,
    maxLength: 200,
  });

  it('is never told as more than it is, nor as less by more than the time between two looks', () => {
    fc.assert(
      fc.property(writes, fc.integer({ min: 0, max: 200 }), (list, behind) => {
        const history = new LogHistory();
        let at = 0;
        let lsn = 0n;
        const log = list.map(({ wait, bytes }) => {
          at += wait;
          lsn += bytes;
          history.observe(at, lsn);
          return { at, lsn };
        });
        const replayed = log[log.length - 1 - behind]?.lsn ?? 0n;
        const first = log.find((one) => one.lsn > replayed);
        const told = history.behind(at, replayed);
        const truth = first === undefined ? 0 : at - first.at;
        expect(told).toBeLessThanOrEqual(truth);
        expect(told).toBeGreaterThanOrEqual(truth - 5000);
        if (truth > 0 && behind > 0) expect(told).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('keeps a history of hours in few samples', () => {
    const history = new LogHistory();
    for (let second = 0; second < 20_000; second += 1) history.observe(second * 1000, BigInt(second + 1));
    const told = history.behind(20_000_000, 5000n);
    expect(told).toBeLessThanOrEqual(15_000_000);
    expect(told).toBeGreaterThan(15_000_000 * 0.9);
  });

  it('grows while nothing is written and nothing is replayed', () => {
    const history = new LogHistory();
    history.observe(0, 100n);
    history.observe(1000, 200n);
    for (const at of [2000, 3000]) history.observe(at, 200n);
    expect([history.behind(3000, 200n), history.behind(3000, 150n), history.behind(9000, 150n)]).toEqual([
      0, 2000, 8000,
    ]);
  });

  it('reads positions of the log', () => {
    expect(parseLsn('16/B374D848')).toBe(0x16_b374_d848n);
    expect(parseLsn('0/0')).toBe(0n);
  });
});

describe('reasons to pause', () => {
  const query = { sql: 'SELECT 1', on: 'target', limit: 10 } as const;
  const limits: ThrottleLimits = {
    replicationLag: 1000,
    replicationLagBytes: 1024,
    activeConnections: 3,
    queries: [query],
  };
  const calm: Observed = {
    standbys: [{ node: 'w1:5432', standby: 'a', behindMs: 1000, behindBytes: 1024 }],
    active: [{ node: 'w1:5432', active: 3 }],
    answers: [{ query, answer: 10 }],
    failures: [],
  };

  it('are none at the limits themselves, and each alone is enough', () => {
    expect(reasonsToPause(limits, false, calm)).toEqual([]);
    const over: [Partial<Observed>, ReasonKind, string][] = [
      [
        { standbys: [{ ...calm.standbys[0]!, behindMs: 1001 }] },
        'lag',
        'standby a of w1:5432 is 1.0 s (limit 1.0 s) behind',
      ],
      [
        { standbys: [{ ...calm.standbys[0]!, behindBytes: 2048 }] },
        'lag',
        'standby a of w1:5432 is 2.0 kB (limit 1.0 kB) behind',
      ],
      [
        { active: [{ node: 'w1:5432', active: 4 }] },
        'active',
        '4 connections of others are active on w1:5432 (limit 3)',
      ],
      [{ answers: [{ query, answer: 10.5 }] }, 'query', 'the query on the target answers 10.5 (limit 10)'],
      [{ answers: [{ query, answer: true }] }, 'query', 'the query on the target answers true'],
      [{ failures: ['a check failed: why'] }, 'check', 'a check failed: why'],
    ];
    for (const [part, kind, text] of over)
      expect(reasonsToPause(limits, false, { ...calm, ...part })).toEqual([{ kind, text }]);
    expect(reasonsToPause(limits, true, calm).map(({ kind }) => kind)).toEqual(['control']);
    expect(reasonsToPause({}, false, { ...calm, active: [{ node: 'w', active: 1e6 }] })).toEqual([]);
    expect(reasonsToPause(limits, false, { ...calm, answers: [{ query, answer: false }] })).toEqual([]);
  });
});

describe('the count of pauses', () => {
  const kinds = fc.uniqueArray(fc.constantFrom<ReasonKind>('control', 'lag', 'active', 'query'));
  const history = fc.array(fc.record({ wait: fc.integer({ min: 0, max: 1000 }), kinds }));

  it('adds up to the time in which there was a reason, whatever the order of events', () => {
    fc.assert(
      fc.property(history, (events) => {
        const tally = new PauseTally();
        let now = START;
        let paused = 0;
        let pauses = 0;
        let before: readonly ReasonKind[] = [];
        tally.update(now, before);
        for (const event of events) {
          now += event.wait;
          if (before.length > 0) paused += event.wait;
          else if (event.kinds.length > 0) pauses += 1;
          before = event.kinds;
          tally.update(now, event.kinds);
        }
        const { ms, byReason, ...rest } = tally.totals;
        expect({ ms, ...rest }).toEqual({ ms: paused, pauses });
        const each = Object.values(byReason);
        expect(Math.max(0, ...each.map((count) => count.ms))).toBeLessThanOrEqual(paused);
        expect(each.reduce((sum, count) => sum + count.ms, 0)).toBeGreaterThanOrEqual(paused);
      }),
    );
  });
});
