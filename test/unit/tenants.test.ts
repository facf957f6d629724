import { describe, expect, it } from 'vitest';
import type { Placement, TablePlan } from '../../src/core/plan-types.js';
import { scopeNotes, tablesInScope, tenantTablesOf } from '../../src/verify/scope.js';

const distributed = (column: string, colocateWith?: string): Placement => ({
  kind: 'distributed',
  column,
  type: 'text',
  hashFunction: 'hashtext',
  via: [],
  shardCount: 4,
  ...(colocateWith === undefined ? {} : { colocateWith }),
});
const table = (name: string, placement: Placement): TablePlan => ({
  schema: 'public',
  name,
  table: name,
  placement,
  key: ['id'],
  columns: [],
  format: 'binary',
});

const tables = [
  table('entries', distributed('namespace')),
  table('renamed', distributed('tenant', 'entries')),
  table('trajectories', distributed('id')),
  table('steps', distributed('trajectory_id', 'trajectories')),
  table('kinds', { kind: 'reference' }),
];
const names = (list: readonly TablePlan[]): string[] => list.map((one) => one.table);

describe('the tables of tenants', () => {
  const tenantTables = tenantTablesOf(tables, ['namespace']);

  it('are those that are colocated with one that is distributed by the namespace', () => {
    expect([...tenantTables].sort()).toEqual(['entries', 'renamed']);
    expect([...tenantTablesOf(tables, ['id'])].sort()).toEqual(['steps', 'trajectories']);
  });

  it('are all that is compared when tenants are named, and the others are named', () => {
    const scope = { namespaces: ['a'], tenantTables };
    expect(names(tablesInScope(tables, scope))).toEqual(['entries', 'renamed']);
    expect(scopeNotes(tables, scope).join(' ')).toContain('trajectories, steps, kinds');
  });

  it('do not matter when no tenant is named', () => {
    expect(names(tablesInScope(tables, { namespaces: [], tenantTables }))).toEqual(names(tables));
  });
});
