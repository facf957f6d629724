import { describe, expect, test } from 'vitest';
import { assessBackup } from '../../src/cutover/gates/backup.js';
import { GATES, gatesHold, refuseUnknown } from '../../src/cutover/gates/check.js';
import { assessConnections } from '../../src/cutover/gates/connections.js';
import { assessDisk } from '../../src/cutover/gates/disk.js';
import type { Finding } from '../../src/cutover/gates/gate.js';
import { assessIds } from '../../src/cutover/gates/ids-fit.js';
import { assessIndexes } from '../../src/cutover/gates/indexes.js';
import { assessLag } from '../../src/cutover/gates/lag.js';
import { assessReverse } from '../../src/cutover/gates/reverse-capture.js';
import { assessSequences } from '../../src/cutover/gates/sequences.js';
import { assessStandbys } from '../../src/cutover/gates/standby-lag.js';
import { assessVerified, type VerifiedFacts } from '../../src/cutover/gates/verified.js';

const verdict = ({ verdict: found, remedy }: Finding): string => {
  expect(remedy === undefined).toBe(found === 'holds');
  return found;
};

describe('verified', () => {
  const HOUR = 3_600_000;
  const match = { at: 100, verdict: 'match', whole: true, live: true, planHash: 'p' };
  const of = (facts: Partial<VerifiedFacts>): string =>
    verdict(assessVerified({ now: 200, verifications: [match], ...facts }, 'p', HOUR));
  test.each<[string, Partial<VerifiedFacts>, string]>([
    ['a match', {}, 'holds'],
    ['none', { verifications: [] }, 'fails'],
    ['a part alone', { verifications: [{ ...match, whole: false }] }, 'fails'],
    ['an old one', { now: 101 + HOUR }, 'fails'],
    ['another plan', { verifications: [{ ...match, planHash: 'q' }] }, 'fails'],
    ['a mismatch', { verifications: [{ ...match, verdict: 'mismatch' }] }, 'fails'],
    ['no answer', { verifications: [{ ...match, verdict: 'inconclusive' }] }, 'fails'],
    [
      'a part that differs since',
      { verifications: [match, { ...match, at: 150, whole: false, verdict: 'mismatch' }] },
      'fails',
    ],
    [
      'a mismatch that was mended, in whatever order it is read',
      { verifications: [match, { ...match, at: 50, verdict: 'mismatch' }] },
      'holds',
    ],
    ['rows loaded since', { loadedAt: 150 }, 'fails'],
    ['changes applied since, each pass compared', { appliedAt: 150 }, 'holds'],
    [
      'changes applied since a comparison of two moments',
      { verifications: [{ ...match, live: false }], appliedAt: 150 },
      'fails',
    ],
    ['changes applied before it', { verifications: [{ ...match, live: false }], appliedAt: 50 }, 'holds'],
  ])('%s', (_, facts, wanted) => expect(of(facts)).toBe(wanted));
});

describe('lag', () => {
  const log = { changes: 3, seconds: 5, bytes: 0, limitBytes: 1, policy: 'warn' } as const;
  test('is judged by the oldest change, and not at all where changes were lost', () => {
    expect(verdict(assessLag({ log, problems: [] }, 5000))).toBe('holds');
    expect(verdict(assessLag({ log, problems: [] }, 4999))).toBe('fails');
    expect(verdict(assessLag({ log: { ...log, changes: 0, seconds: 0 }, problems: [] }, 0))).toBe('holds');
    expect(verdict(assessLag({ log: { ...log, changes: 0 }, problems: ['dropped'] }, 5000))).toBe('fails');
    expect(verdict(assessLag(null, 5000))).toBe('fails');
  });
});

test('the way back has to be installed, whole and proven', () => {
  const good = { installed: true, problems: [], provenAt: '2026-01-02' };
  expect(verdict(assessReverse(good))).toBe('holds');
  const unproven = { ...good, provenAt: null, unproven: 'a node has moved' };
  expect(assessReverse(unproven)).toMatchObject({ verdict: 'inconclusive', evidence: 'a node has moved' });
  expect(verdict(assessReverse({ ...good, provenAt: null, failed: ['it stayed there'] }))).toBe('fails');
  expect(verdict(assessReverse({ ...good, problems: ['a node joined'] }))).toBe('fails');
  expect(verdict(assessReverse({ ...good, installed: false }))).toBe('fails');
  expect(verdict(assessReverse(undefined))).toBe('fails');
});

test('ids that are there decide; ids that workers could make are not known', () => {
  const column = { column: 'a.id', type: 'integer', misfits: false, generated: false };
  expect(verdict(assessIds([]))).toBe('holds');
  expect(verdict(assessIds([column]))).toBe('holds');
  expect(verdict(assessIds([column, { ...column, generated: true }]))).toBe('inconclusive');
  expect(verdict(assessIds([{ ...column, misfits: true, generated: true }]))).toBe('fails');
});

describe('sequences', () => {
  const state = { up: true, min: 1n, max: 100n, last: 10n, used: true };
  const of = (taking: object, given: bigint | null, wanted: 'movable' | 'ahead', fixed: string[] = []) =>
    verdict(
      assessSequences(
        {
          planned: [{ schema: 'public', name: 's' }],
          giving: new Map([['public.s', { ...state, last: given }]]),
          taking: new Map([['public.s', { ...state, ...taking }]]),
          fixed: new Set(fixed),
        },
        wanted,
      ),
    );
  test('have to be past what was given out once they have been moved', () => {
    expect(of({ last: 10n }, 10n, 'ahead')).toBe('holds');
    expect(of({ last: 9n }, 10n, 'ahead')).toBe('fails');
    expect(of({ last: null }, 10n, 'ahead')).toBe('fails');
    expect(of({ up: false, last: 9n }, 10n, 'ahead')).toBe('holds');
  });
  test('before that they have to be movable', () => {
    expect(of({ last: 9n }, 10n, 'movable')).toBe('holds');
    expect(of({ last: 9n }, 10n, 'movable', ['public.s'])).toBe('fails');
    expect(of({ max: 9n }, 10n, 'movable')).toBe('fails');
    const none = { planned: [{ schema: 'public', name: 's' }], giving: new Map(), taking: new Map() };
    expect(verdict(assessSequences({ ...none, fixed: new Set() }, 'movable'))).toBe('fails');
  });
});

test('an index is missing, unfinished, or not on every shard', () => {
  const table = { schema: 'public', name: 'a', constraints: [], indexes: [{ name: 'a_i' }] };
  const planned = { tables: [table] } as unknown as Parameters<typeof assessIndexes>[0]['planned'];
  const row = { schema: 'public', table: 'a', name: 'a_i', valid: true };
  const gap = { table: 'a', shardId: '1', node: 'w', found: 0, wanted: 1 };
  const of = (there: (typeof row)[], gaps: (typeof gap)[] = []) =>
    verdict(assessIndexes({ planned, there, gaps, sharded: 1 }));
  expect(of([row])).toBe('holds');
  expect(of([])).toBe('fails');
  expect(of([{ ...row, valid: false }])).toBe('fails');
  expect(of([{ ...row, table: 'b' }])).toBe('fails');
  expect(of([row], [gap])).toBe('fails');
});

test('standbys are judged by time and by bytes', () => {
  const limits = { standbyLag: 10, standbyLagBytes: 100 };
  const standby = { node: 'n', standby: 's', behindMs: 10, behindBytes: 100 };
  expect(verdict(assessStandbys([], limits))).toBe('holds');
  expect(verdict(assessStandbys([standby], limits))).toBe('holds');
  expect(verdict(assessStandbys([{ ...standby, behindMs: 11 }], limits))).toBe('fails');
  expect(verdict(assessStandbys([standby, { ...standby, behindBytes: 101 }], limits))).toBe('fails');
});

test('the head takes the applications, a worker keeps the reserve', () => {
  const room = (free: number) => ({ node: 'n', free, bound: 'b' });
  const of = (...rooms: number[]) =>
    verdict(assessConnections({ clients: 20, rooms: rooms.map(room), reserve: 5 }));
  expect(of(25, 5)).toBe('holds');
  expect(of(24, 5)).toBe('fails');
  expect(of(25, 4)).toBe('fails');
});

test('a disk is never known to have room, and a log may be too full', () => {
  const log = { bytes: 80, limitBytes: 100, policy: 'warn' } as const;
  expect(verdict(assessDisk({ log, nodes: [] }, 'forward'))).toBe('inconclusive');
  expect(verdict(assessDisk({ log: null, nodes: [] }, 'forward'))).toBe('inconclusive');
  for (const direction of ['forward', 'reverse'] as const)
    expect(verdict(assessDisk({ log: { ...log, bytes: 81 }, nodes: [] }, direction))).toBe('fails');
  expect(verdict(assessDisk({ log, nodes: [] }, 'reverse'))).toBe('holds');
});

test('a backup is a fresh file that is not empty, or a restore point in a log that is archived', () => {
  const file = (found: { bytes: number; at: number } | null) => ({ now: 200, file: { path: 'p', found } });
  const point = (archives: boolean, failing: boolean) => ({
    now: 200,
    restorePoint: { name: 'r', archives, failing },
  });
  expect(verdict(assessBackup({ now: 200 }, 100))).toBe('inconclusive');
  expect(verdict(assessBackup(file({ bytes: 1, at: 100 }), 100))).toBe('holds');
  expect(verdict(assessBackup(file({ bytes: 1, at: 99 }), 100))).toBe('fails');
  expect(verdict(assessBackup(file({ bytes: 0, at: 200 }), 100))).toBe('fails');
  expect(verdict(assessBackup(file(null), 100))).toBe('fails');
  expect(verdict(assessBackup(point(true, false), 100))).toBe('holds');
  expect(verdict(assessBackup(point(true, true), 100))).toBe('fails');
  expect(verdict(assessBackup(point(false, false), 100))).toBe('fails');
});

test('names are their own, and an unknown one is refused', () => {
  const names = GATES.map(({ gate }) => gate);
  expect(new Set(names).size).toBe(names.length);
  refuseUnknown(Object.fromEntries(names.map((gate) => [gate, 'why'])));
  expect(() => refuseUnknown({ disc: 'why' })).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('writes move when every gate holds or is accepted', () => {
  const gate = (found: 'holds' | 'fails' | 'inconclusive' | 'accepted') => ({
    gate: 'g',
    verdict: found,
    evidence: '',
  });
  expect(gatesHold([gate('holds'), gate('accepted')])).toBe(true);
  expect(gatesHold([gate('holds'), gate('fails')])).toBe(false);
  expect(gatesHold([gate('inconclusive')])).toBe(false);
});
