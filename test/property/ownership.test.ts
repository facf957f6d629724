import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ALL_UNITS,
  bucketOf,
  bucketUnit,
  COMMON,
  laterOf,
  lockOf,
  namedUnit,
  namespaceColumn,
  namespaceOf,
  type OwnershipRow,
  ruling,
  type Side,
  unitsOfShare,
  unitsToMove,
} from '../../src/core/ownership.js';
import { catalog, column, decided, primary, spaced, table } from '../support/catalogs.js';

const share = fc.integer({ min: 0, max: 100 });
const namespace = fc.string({ unit: 'binary', maxLength: 30 });
const row = (unit: string, owner: Side, epoch: number): OwnershipRow => ({
  unit,
  owner,
  epoch,
  blockedUntil: null,
});
const byUnit = (rows: readonly OwnershipRow[]) => new Map(rows.map((each) => [each.unit, each]));

describe('a share', () => {
  test('has every unit of a smaller one', () => {
    fc.assert(
      fc.property(share, share, (one, other) => {
        const [small, large] = one < other ? [one, other] : [other, one];
        expect(unitsOfShare(large)).toEqual(expect.arrayContaining([...unitsOfShare(small)]));
        expect(new Set(unitsOfShare(large)).size).toBe(large === 100 ? 101 : large);
      }),
    );
  });

  test.each([-1, 101, 0.5, Number.NaN])('of %s is refused', (wrong) => {
    expect(() => unitsOfShare(wrong)).toThrow(RangeError);
  });

  test('is reached from any other, in one direction alone', () => {
    fc.assert(
      fc.property(share, share, fc.uniqueArray(namespace, { maxLength: 3 }), (from, to, names) => {
        const before = new Set(unitsOfShare(from));
        const rows = [
          ...ALL_UNITS.map((unit) => row(unit, before.has(unit) ? 'target' : 'source', 1)),
          ...names.map((name) => row(namedUnit(name), 'target', 2)),
        ];
        const { toTarget, toSource } = unitsToMove(rows, to);
        if (to > from) expect(toSource).toEqual([]);
        if (to < from && to > 0) expect(toTarget).toEqual([]);
        const after = new Set(rows.filter(({ owner }) => owner === 'target').map(({ unit }) => unit));
        for (const unit of toTarget) after.add(unit);
        for (const unit of toSource) after.delete(unit);
        const named = to === 0 ? [] : names.map(namedUnit);
        expect([...after].sort()).toEqual([...unitsOfShare(to), ...named].sort());
      }),
    );
  });
});

describe('a unit', () => {
  test('of a namespace is one of a hundred, and its name has the lock of its bucket', () => {
    fc.assert(
      fc.property(namespace, (name) => {
        const bucket = bucketOf(name);
        expect(ALL_UNITS).toContain(bucketUnit(bucket));
        expect(lockOf(bucketUnit(bucket))).toBe(bucket);
        expect(lockOf(namedUnit(name))).toBe(bucket);
        expect(namespaceOf(namedUnit(name))).toBe(name);
        expect(namespaceOf(bucketUnit(bucket))).toBeUndefined();
      }),
    );
    expect(new Set(ALL_UNITS.map(lockOf)).size).toBe(101);
  });

  test('that was moved by name is no longer decided by its bucket; one that is only held is', () => {
    fc.assert(
      fc.property(namespace, fc.nat(5), fc.nat(5), (name, bucketEpoch, epoch) => {
        const bucket = row(bucketUnit(bucketOf(name)), 'target', bucketEpoch);
        const named = row(namedUnit(name), 'source', epoch);
        const rows = byUnit([bucket, named, row(COMMON, 'source', 0)]);
        expect(ruling(rows, name)).toBe(epoch > 0 ? named : bucket);
        expect(ruling(rows, null)!.unit).toBe(COMMON);
      }),
    );
  });

  test('belongs where the later move took it, whichever side is asked first', () => {
    fc.assert(
      fc.property(fc.nat(9), fc.nat(9), (one, other) => {
        fc.pre(one !== other);
        const [left, right] = [row('b00', 'source', one), row('b00', 'target', other)];
        expect(laterOf(left, right)).toBe(laterOf(right, left));
        expect(laterOf(left, right)!.epoch).toBe(Math.max(one, other));
        expect(laterOf(undefined, right)).toBe(right);
      }),
    );
  });
});

test('the namespace is the distribution column of most tables', () => {
  const other = table('m', [column('region', 'text!')], [primary('m', 'region')]);
  const plan = decided(catalog([spaced('a'), spaced('b'), other]));
  expect(namespaceColumn({ ...plan, catalog: catalog([spaced('a'), spaced('b'), other]) })).toBe('namespace');
});
