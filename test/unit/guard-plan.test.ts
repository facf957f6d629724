import { describe, expect, test } from 'vitest';
import type { Plan } from '../../src/core/plan-types.js';
import { planGuards } from '../../src/dualwrite/guard-plan.js';
import { catalog, child, column, decided, primary, spaced, table } from '../support/catalogs.js';

const source = catalog([
  spaced('account'),
  child('item', 'account'),
  table('kind', [column('id', 'integer!')], [primary('kind', 'id')]),
]);
const plan = { ...decided(source), catalog: source } as unknown as Plan;
const guardOf = (side: 'source' | 'target', name: string) =>
  planGuards(plan, side).guarded.find((each) => each.table.table === name)!;

describe('the plan of guards', () => {
  test('looks at the namespace where it lies: on the source, at the end of the foreign keys', () => {
    expect(planGuards(plan, 'source').problems).toEqual([]);
    expect(guardOf('source', 'item').definition).toMatch(/LEFT JOIN public\.account AS via1/);
    expect(guardOf('source', 'account').definition).not.toMatch(/JOIN/);
    expect(guardOf('target', 'item').definition).not.toMatch(/JOIN/);
  });

  test('has one guard for all tables without namespaces, and one of its own for each other', () => {
    expect(guardOf('source', 'kind')).toMatchObject({
      guard: 'citus_migrate.guard_common',
      definition: null,
    });
    expect(guardOf('source', 'item').guard).not.toBe(guardOf('source', 'account').guard);
    expect(guardOf('source', 'item').guard).toBe(guardOf('target', 'item').guard);
  });

  const changed = (change: (one: Plan['tables'][number]) => Plan['tables'][number]): readonly string[] =>
    planGuards({ ...plan, tables: plan.tables.map(change) }, 'source').problems;
  test('refuses namespaces that read differently on the two sides', () => {
    const other = changed((one) => ({
      ...one,
      columns: one.columns.map((each) =>
        each.name === 'namespace' ? { ...each, sourceType: 'numeric' } : each,
      ),
    }));
    expect(other).toHaveLength(2);
    expect(other[0]).toMatch(/^account: .*one text on both sides/);
  });

  test('refuses to look at parents that it does not guard', () => {
    const without = { ...plan, tables: plan.tables.filter((one) => one.table !== 'account') };
    expect(planGuards(without, 'source').problems).toEqual([expect.stringMatching(/^item: .*account/)]);
  });
});
