import { describe, expect, test } from 'vitest';
import type { TableDef } from '../../src/core/catalog-types.js';
import type { Placement, Plan, TablePlan } from '../../src/core/plan-types.js';
import { brokenTriggers, changedShapes, type RelationShape, TRIGGERS } from '../../src/dualwrite/shape.js';
import { planCapture } from '../../src/dualwrite/tracked.js';
import { type Window, WindowSql } from '../../src/dualwrite/window.js';

const column = (name: string, type = 'bigint'): TableDef['columns'][number] => ({
  name,
  type,
  notNull: true,
  deterministic: true,
  binary: true,
});

const distributed = (via: Extract<Placement, { kind: 'distributed' }>['via']): Placement => ({
  kind: 'distributed',
  column: 'namespace',
  type: 'text',
  hashFunction: 'hashtext',
  via,
  shardCount: 4,
});

const step = (columnName: string, parent: string) => ({
  constraint: `${parent}_fkey`,
  columns: [columnName],
  references: { schema: 'public', name: parent },
  referencedColumns: ['id'],
});

interface Spec {
  readonly name: string;
  readonly columns: readonly (readonly [name: string, type: string])[];
  readonly key: readonly string[] | null;
  readonly placement: Placement;
}

const SPECS: readonly Spec[] = [
  {
    name: 'account',
    columns: [
      ['id', 'bigint'],
      ['namespace', 'text'],
    ],
    key: ['id'],
    placement: distributed([]),
  },
  {
    name: 'item',
    columns: [
      ['id', 'bigint'],
      ['account_id', 'bigint'],
    ],
    key: ['id'],
    placement: distributed([step('account_id', 'account')]),
  },
  {
    name: 'part',
    columns: [
      ['id', 'uuid'],
      ['item_id', 'bigint'],
    ],
    key: ['id'],
    placement: distributed([step('item_id', 'item'), step('account_id', 'account')]),
  },
  { name: 'kind', columns: [['code', 'text']], key: ['code'], placement: { kind: 'reference' } },
  { name: 'loose', columns: [['what', 'text']], key: null, placement: { kind: 'local' } },
  { name: 'listed', columns: [['tags', 'text[]']], key: ['tags'], placement: { kind: 'local' } },
];

function planOf(specs: readonly Spec[]): Plan {
  const tables = specs.map(({ name, columns, key, placement }): TablePlan => {
    const own = columns.map(([each, type]) => ({
      name: each,
      sourceType: type,
      targetType: type,
      origin: 'own' as const,
    }));
    const added = { name: 'namespace', sourceType: 'text', targetType: 'text', origin: 'added' as const };
    const all = placement.kind === 'distributed' && placement.via.length > 0 ? [added, ...own] : own;
    return { schema: 'public', name, table: name, placement, key, columns: all, format: 'binary' };
  });
  const catalog = {
    tables: specs.map(({ name, columns }) => ({
      schema: 'public',
      name,
      columns: columns.map(([each, type]) => column(each, type)),
    })),
  };
  return { tables, catalog } as unknown as Plan;
}

const named = (plan: Plan, ...names: string[]): TablePlan[] =>
  names.map((name) => plan.tables.find((table) => table.name === name)!);

describe('what is captured', () => {
  const plan = planOf(SPECS);
  const capture = (...names: string[]) => {
    const { tracked, uncapturable } = planCapture(plan, named(plan, ...names));
    return {
      tracked: Object.fromEntries(
        tracked.map(({ table, columns }) => [table.name, columns.map(({ name }) => name)]),
      ),
      uncapturable: uncapturable.map(({ table }) => table),
    };
  };

  test('is the key and the distribution column of a table that has it', () => {
    expect(capture('account').tracked).toEqual({ account: ['id', 'namespace'] });
  });

  test('is the whole way to the distribution column, also through tables that were not asked for', () => {
    expect(capture('part').tracked).toEqual({
      part: ['id', 'item_id'],
      item: ['id', 'account_id'],
      account: ['id', 'namespace'],
    });
  });

  test('is the key alone of a reference table', () => {
    expect(capture('kind').tracked).toEqual({ kind: ['code'] });
  });

  test('is nothing of a table without a key, or with a key that is an array', () => {
    expect(capture('loose', 'listed', 'kind')).toEqual({
      tracked: { kind: ['code'] },
      uncapturable: ['loose', 'listed'],
    });
  });
});

describe('the SQL of a pass', () => {
  const plan = planOf(SPECS);
  const { tracked } = planCapture(plan, named(plan, 'account', 'item', 'part', 'kind'));
  const windows = (changes: Readonly<Record<string, number>>): Window[] =>
    tracked.map(({ table, columns }, index) => ({
      id: index + 1,
      table,
      tracked: columns.map(({ name }) => name),
      partitioned: false,
      changes: changes[table.name] ?? 0,
      truncated: false,
      unproven: false,
    }));
  const touched = (changes: Readonly<Record<string, number>>): string[] => {
    const all = windows(changes);
    const sql = new WindowSql(all, '1:1:');
    return all.filter((window) => sql.touches(window)).map(({ table }) => table.name);
  };

  test('leaves tables alone that nothing has changed', () => {
    expect(touched({})).toEqual([]);
    expect(touched({ kind: 1 })).toEqual(['kind']);
    expect(touched({ part: 1 })).toEqual(['part']);
  });

  test('follows a change of a parent to the children that it places', () => {
    expect(touched({ item: 1 })).toEqual(['item', 'part']);
    expect(touched({ account: 1 })).toEqual(['account', 'item', 'part']);
  });

  test('looks for the places of a row first by the distribution column, then by its key', () => {
    const all = windows({ part: 3 });
    const { columns } = new WindowSql(all, '1:1:').placesOf(all.find(({ table }) => table.name === 'part')!);
    expect(columns.map(({ name }) => name)).toEqual(['namespace', 'id']);
  });

  test('tells the planner how many changes there are', () => {
    const all = windows({ kind: 17 });
    expect(new WindowSql(all, '1:1:').rowsOf(all.find(({ table }) => table.name === 'kind')!)).toMatch(
      /LIMIT 17\b/,
    );
  });

  test('reads a table that was truncated whole', () => {
    const [first] = windows({ account: 2 });
    const window = { ...first!, truncated: true };
    expect(new WindowSql([window], '1:1:').rowsOf(window)).not.toMatch(/log_/);
  });
});

describe('drift', () => {
  const shape = (parts: Partial<RelationShape> = {}): RelationShape => ({
    root: 'public.t',
    schema: 'public',
    name: 't',
    isRoot: true,
    columns: { id: 'bigint', note: 'text' },
    keys: { t_pkey: 'PRIMARY KEY (id)' },
    triggers: Object.fromEntries(TRIGGERS.map((trigger) => [trigger, 'A'])),
    inherits: false,
    subscribed: false,
    ...parts,
  });

  test('is none while nothing has changed', () => {
    expect(changedShapes([shape()], [shape()])).toEqual([]);
    expect(brokenTriggers([shape()])).toEqual([]);
  });

  test.each<[string, Partial<RelationShape>, string]>([
    ['a new column', { columns: { id: 'bigint', note: 'text', more: 'int' } }, 'column t.more is new'],
    ['a dropped column', { columns: { id: 'bigint' } }, 'column t.note is gone'],
    ['another type', { columns: { id: 'integer', note: 'text' } }, 'column t.id was bigint and is integer'],
    ['a dropped key', { keys: {} }, 'key t.t_pkey is gone'],
  ])('names %s', (_, parts, sentence) => {
    expect(changedShapes([shape()], [shape(parts)])).toEqual([sentence]);
  });

  test('names a table that is gone and a partition that has come', () => {
    expect(changedShapes([shape()], [])).toEqual(['table t is gone']);
    const partition = shape({ name: 't_1', isRoot: false });
    expect(changedShapes([shape()], [shape(), partition])).toEqual(['partition t_1 is new']);
  });

  test('tells a trigger that is missing from one that was switched off for a time', () => {
    const { citus_migrate_insert: _, ...others } = shape().triggers;
    expect(brokenTriggers([shape({ triggers: others })])).toEqual(['t has no trigger citus_migrate_insert']);
    const off = { ...shape().triggers, citus_migrate_update: 'O' };
    expect(brokenTriggers([shape({ triggers: off })])).toEqual([
      'trigger citus_migrate_update of t was switched off for a time',
    ]);
  });
});
