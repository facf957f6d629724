import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALL_UNITS, namedUnit, type OwnershipRow, unitsOfShare } from '../../src/core/ownership.js';
import { closingReport } from '../../src/cutover/finish.js';
import { farAhead } from '../../src/cutover/sequences.js';
import { mergeOwnership, ownershipOf, shareOf, untaken } from '../../src/cutover/standing.js';
import { migrationStatus, type SideStanding } from '../../src/cutover/status.js';
import { failpointOf, STEP_NAMES, STEPS } from '../../src/cutover/steps.js';
import { unitsOf } from '../../src/cutover/units.js';

const row = (unit: string, owner: 'source' | 'target', epoch = 0): OwnershipRow => ({
  unit,
  owner,
  epoch,
  blockedUntil: null,
});
/** All units, those of the share moved by move 1. */
const at = (share: number): OwnershipRow[] => {
  const moved = new Set(unitsOfShare(share));
  return ALL_UNITS.map((unit) => (moved.has(unit) ? row(unit, 'target', 1) : row(unit, 'source')));
};
const standing = (parts: Partial<SideStanding> = {}): SideStanding => ({
  phases: [],
  evidence: [],
  ownership: undefined,
  loaded: new Map(),
  shim: null,
  ...parts,
});
const phase = (name: string, when = '2026-03-01 10:00:00+00') =>
  ({ id: '1', at: when, runId: 'r', phase: name, detail: {} }) as SideStanding['phases'][number];

describe('the units of a move', () => {
  test('are those that a share has more than the one before', () => {
    expect(unitsOf({ direction: 'forward', share: 10, namespaces: [] })).toEqual(unitsOfShare(10));
    expect(unitsOf({ direction: 'forward', share: 12, namespaces: [] }, at(10))).toEqual(['b10', 'b11']);
    expect(unitsOf({ direction: 'reverse', share: 8, namespaces: [] }, at(10))).toEqual(['b08', 'b09']);
    expect(unitsOf({ direction: 'forward', share: 10, namespaces: [] }, at(10))).toEqual([]);
    expect(unitsOf({ direction: 'reverse', share: 0, namespaces: [] }, at(100))).toEqual([...ALL_UNITS]);
  });

  test('are refused where the share lies in the other direction, which the message names', () => {
    const back = () => unitsOf({ direction: 'forward', share: 10, namespaces: [] }, at(50));
    expect(back).toThrow(expect.objectContaining({ code: 'PHASE_REFUSED', context: { share: 50 } }));
    const on = () => unitsOf({ direction: 'reverse', share: 60, namespaces: [] }, at(50));
    expect(on).toThrow(expect.objectContaining({ hint: 'Use `migrate cutover --share 60`.' }));
  });

  test('are namespaces by name, without those that are there already', () => {
    const rows = [...at(0), row(namedUnit('acme'), 'target', 3)];
    expect(unitsOf({ direction: 'forward', share: 100, namespaces: ['acme', 'other'] }, rows)).toEqual([
      namedUnit('other'),
    ]);
    expect(unitsOf({ direction: 'reverse', share: 0, namespaces: ['acme', 'other'] }, rows)).toEqual([
      namedUnit('acme'),
    ]);
  });
});

describe('who owns the writes', () => {
  test('is told by the later move of either side', () => {
    const merged = mergeOwnership([row('b00', 'target', 2)], [row('b00', 'source', 1), row('b01', 'source')]);
    expect(merged.map(({ unit, owner }) => [unit, owner])).toEqual([
      ['b00', 'target'],
      ['b01', 'source'],
    ]);
    expect(ownershipOf(at(10))).toEqual({ moved: 10, units: 101 });
    expect(shareOf([...at(10), row(namedUnit('acme'), 'target', 2)])).toEqual({
      share: 10,
      named: { acme: 'target' },
    });
  });

  test('shows what was given and not taken, by move', () => {
    const source = [row('b00', 'target', 1), row('b01', 'target', 2), row('b02', 'source')];
    const target = [row('b00', 'target', 1), row('b01', 'source'), row('b02', 'source', 0)];
    expect(untaken(source, target)).toEqual([{ to: 'target', epoch: 2, units: ['b01'] }]);
    expect(untaken(target, target)).toEqual([]);
    const back = [row('b00', 'source', 3), row('b01', 'source'), row('b02', 'source')];
    expect(untaken(source, back)).toContainEqual({ to: 'source', epoch: 3, units: ['b00'] });
  });
});

describe('ids while both sides give them out', () => {
  test('lie in the middle of what is left, apart from what either side comes upon', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 47n }),
        fc.bigInt({ min: 8n, max: 2n ** 47n }),
        (last, room) => {
          const start = farAhead(last, last + room, 1n)!;
          expect(start - last).toBeGreaterThanOrEqual(room / 2n - 1n);
          expect(last + room - start).toBeGreaterThanOrEqual(room / 2n - 1n);
        },
      ),
    );
  });

  test('have no place where nothing is left, or a sequence counts down', () => {
    expect(farAhead(2147483645n, 2147483647n, 1n)).toBeUndefined();
    expect(farAhead(100n, 2147483647n, -1n)).toBeUndefined();
  });
});

describe('the status', () => {
  const gone = { unreachable: 'no answer' };

  test('corrects the phase that a killed command has left by who owns the writes', () => {
    const source = standing({ phases: [phase('ready')], ownership: at(10) });
    const found = migrationStatus({ standing: source }, { standing: standing({ ownership: at(0) }) }, true);
    expect(found).toMatchObject({ phase: 'ramping', since: null, writes: { share: 10 }, next: 'cutover' });
  });

  test('asks for the way back before it tells of the cut-over, unless nobody can tell', () => {
    const log = { changes: 0, seconds: 0, bytes: 0, limitBytes: 1, policy: 'warn' } as const;
    const shim = { installed: true, installedAt: '', tables: [], problems: [], log } as const;
    const source = { standing: standing({ phases: [phase('ready')], shim }) };
    const next = (back: SideStanding['shim']) =>
      migrationStatus(source, { standing: standing({ shim: back }) }, true).next;
    expect(next(null)).toBe('shim install --reverse');
    expect(next(shim)).toBe('cutover --dry-run');
    expect(next('unknown')).toBe('cutover --dry-run');
    expect(migrationStatus(source, gone, true).next).toBe('cutover --dry-run');
  });

  test('takes the later record of both sides, and says which side was not reached', () => {
    const target = standing({ phases: [phase('copying'), phase('ready', '2026-03-02 10:00:00+00')] });
    const source = standing({ phases: [phase('catching-up')] });
    expect(migrationStatus({ standing: source }, { standing: target }, true).phase).toBe('ready');
    const alone = migrationStatus(gone, { standing: target }, true);
    expect(alone).toMatchObject({ phase: 'ready', lag: null, lagBack: null });
    expect(alone.unreachable).toEqual([{ side: 'source', reason: 'no answer' }]);
    expect(migrationStatus(gone, gone, false)).toMatchObject({ phase: 'planned', next: 'plan' });
  });
});

describe('changes that wait', () => {
  test('are told of each way by itself', () => {
    const log = (changes: number) => ({
      changes,
      seconds: 2,
      bytes: 0,
      limitBytes: 9,
      policy: 'warn' as const,
    });
    const shim = (changes: number) => ({
      installed: true as const,
      installedAt: '',
      tables: [],
      log: log(changes),
      problems: [],
    });
    const [source, target] = [standing({ shim: shim(0) }), standing({ shim: shim(341) })];
    const both = migrationStatus({ standing: source }, { standing: target }, true);
    expect(both).toMatchObject({ lag: { changes: 0 }, lagBack: { changes: 341, seconds: 2 } });
    const silent = migrationStatus({ standing: source }, { standing: standing({ shim: 'unknown' }) }, true);
    expect(silent.lagBack).toBeNull();
  });
});

describe('the end of a migration', () => {
  test('is also there for one that was rolled back, whatever was done with the rows since', () => {
    const source = standing({ phases: [phase('rolled-back'), phase('ready')], ownership: at(0) });
    const close = () => closingReport(source, standing({ ownership: at(0) }), 'ready');
    expect(close()).toMatchObject({ phase: 'ready', writes: 'source' });
  });

  test.each(['planned', 'copying', 'ready', 'failed'] as const)(
    'is there in phase %s, in which every write goes to the source',
    (name) =>
      expect(closingReport(standing(), standing(), name)).toMatchObject({ phase: name, writes: 'source' }),
  );

  test('is repeated where an attempt was interrupted, whatever it has taken away already', () => {
    const source = standing({ phases: [phase('completed')], ownership: at(100) });
    expect(() => closingReport(source, standing(), 'completed')).not.toThrow();
  });

  test.each(['ramping', 'rolling-back'] as const)('is refused in phase %s', (name) => {
    const close = () => closingReport(standing(), standing(), name);
    expect(close).toThrow(expect.objectContaining({ code: 'PHASE_REFUSED' }));
  });

  test('is refused while writes are on their way, and says who takes them otherwise', () => {
    const source = standing({ ownership: at(100) });
    const close = () => closingReport(source, standing({ ownership: at(0) }), 'cut-over');
    expect(close).toThrow(expect.objectContaining({ code: 'PHASE_REFUSED' }));
    expect(closingReport(source, standing({ ownership: at(100) }), 'cut-over')).toMatchObject({
      writes: 'target',
      share: 100,
    });
    expect(closingReport(standing(), standing(), 'rolled-back').writes).toBe('source');
  });
});

describe('the steps of a move', () => {
  test('have names and failpoints of their own, and hold writes up in one stretch', () => {
    expect(STEPS.map(({ name }) => name)).toEqual([...STEP_NAMES]);
    const points = STEPS.flatMap((step) => step.directions.map((way) => failpointOf(way, step)));
    expect(new Set(points).size).toBe(points.length);
    const paused = STEPS.map((step) => step.paused);
    expect(paused.lastIndexOf(true) - paused.indexOf(true) + 1).toBe(paused.filter(Boolean).length);
    expect(STEPS[paused.indexOf(true)]!.name).toBe('block');
    expect(STEPS[paused.lastIndexOf(true)]!.name).toBe('take');
  });
});
