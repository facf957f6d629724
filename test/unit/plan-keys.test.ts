import { describe, expect, it } from 'vitest';
import type { ConstraintDef, TableDef } from '../../src/core/catalog-types.js';
import { keyFate, widenDefinition } from '../../src/plan/keys.js';
import type { PlanConfig } from '../../src/plan/options.js';
import {
  catalog,
  child,
  column,
  decided,
  foreignKey,
  primary,
  spaced,
  table,
  unique,
} from '../support/catalogs.js';

const byNamespace = {
  kind: 'distributed' as const,
  column: 'namespace',
  type: 'text',
  hashFunction: 'hashtext',
  via: [],
  shardCount: 4,
};
const exclude = (definition: string): ConstraintDef => ({
  name: 'x',
  kind: 'exclude',
  columns: ['a', 'b'],
  definition,
  validated: true,
});

describe('unique keys of a distributed table', () => {
  it('are widened unless they contain the distribution column', () => {
    expect(keyFate(primary('t', 'id'), byNamespace, false)).toBe('widened');
    expect(keyFate(unique('u', 'key', 'namespace'), byNamespace, false)).toBe('kept');
    expect(keyFate(primary('t', 'id'), { kind: 'reference' }, false)).toBe('kept');
  });

  it('get the distribution column in front, and keep the rest of their definition', () => {
    const key = { ...unique('u', 'a'), definition: 'UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b) DEFERRABLE' };
    expect(widenDefinition(key, 'Name $&')).toBe(
      'UNIQUE NULLS NOT DISTINCT ("Name $&", a) INCLUDE (b) DEFERRABLE',
    );
  });

  it('as exclusion constraints are widened where btree_gist is there, else dropped', () => {
    const overlap = exclude('EXCLUDE USING gist (a WITH =, b WITH &&)');
    expect(keyFate(overlap, byNamespace, true)).toBe('widened');
    expect(keyFate(overlap, byNamespace, false)).toBe('dropped');
    expect(widenDefinition(overlap, 'namespace')).toBe(
      'EXCLUDE USING gist (namespace WITH =, a WITH =, b WITH &&)',
    );
  });

  it('as exclusion constraints need the distribution column with equality, not merely somewhere', () => {
    expect(keyFate(exclude('EXCLUDE USING gist (b WITH &&, namespace WITH =)'), byNamespace, false)).toBe(
      'kept',
    );
    expect(keyFate(exclude('EXCLUDE USING gist (namespace WITH <>, b WITH &&)'), byNamespace, false)).toBe(
      'dropped',
    );
    expect(
      keyFate(exclude("EXCLUDE USING gist (f(b, ',namespace WITH =') WITH =)"), byNamespace, false),
    ).toBe('dropped');
  });
});

function fates(tables: readonly TableDef[], config: PlanConfig = {}): Record<string, string> {
  return Object.fromEntries(
    decided(tables, config).foreignKeys.plans.map(({ constraint, fate, definition }) => [
      constraint,
      fate === 'rewritten' ? definition! : fate,
    ]),
  );
}

const why = (tables: readonly TableDef[], config: PlanConfig = {}): string[] =>
  decided(tables, config).foreignKeys.findings.map((one) => one.code);

describe('foreign keys', () => {
  it('between colocated tables get the distribution column on both sides', () => {
    expect(fates([spaced('a'), child('b', 'a', { onDelete: 'CASCADE', deferrable: 'DEFERRABLE' })])).toEqual({
      b_parent_fkey:
        'FOREIGN KEY (namespace, parent_id) REFERENCES public.a(namespace, id) ON DELETE CASCADE DEFERRABLE',
    });
  });

  it('to the table itself are rewritten, too', () => {
    expect(fates([spaced('a', foreignKey('f', 'id -> a(id)'))]).f).toMatch(/^FOREIGN KEY \(namespace, id\)/);
  });

  it('that contain the distribution column already are kept', () => {
    const tables = [
      spaced('a', unique('u', 'namespace', 'id')),
      spaced('b', foreignKey('f', 'id, namespace -> a(id, namespace)')),
    ];
    expect(fates(tables)).toEqual({ f: 'kept' });
  });

  it('that pair the distribution column with another column are dropped', () => {
    const tables = [spaced('a', unique('u', 'name')), spaced('b', foreignKey('f', 'namespace -> a(name)'))];
    expect(fates(tables)).toEqual({ f: 'dropped' });
    expect(why(tables)).toEqual(['FK_REFUSED']);
  });

  it.each(['SET NULL', 'SET DEFAULT'] as const)(
    'with ON DELETE %s are dropped, or kept with NO ACTION where wanted',
    (onDelete) => {
      const tables = [spaced('a'), child('b', 'a', { onDelete })];
      expect(fates(tables)).toEqual({ b_parent_fkey: 'dropped' });
      expect(why(tables)).toEqual(['FK_SET_NULL']);
      const config: PlanConfig = { foreignKeys: { 'b.b_parent_fkey': 'keep' } };
      expect(fates(tables, config).b_parent_fkey).toBe(
        'FOREIGN KEY (namespace, parent_id) REFERENCES public.a(namespace, id)',
      );
      expect(why(tables, config)).toEqual(['FK_ACTION_WEAKENED']);
    },
  );

  it('with ON UPDATE CASCADE lose it', () => {
    const tables = [spaced('a'), child('b', 'a', { onUpdate: 'CASCADE' })];
    expect(fates(tables).b_parent_fkey).not.toContain('UPDATE');
    expect(why(tables)).toEqual(['FK_ACTION_WEAKENED']);
  });

  it('of several nullable columns with MATCH FULL become MATCH SIMPLE, which is said', () => {
    const two = table(
      'b',
      [column('namespace', 'varchar(255)!'), column('x', 'integer'), column('y', 'integer')],
      [foreignKey('f', 'x, y -> a(id, n)', { match: 'FULL' })],
    );
    const parent = table(
      'a',
      [column('id', 'integer!'), column('n', 'integer!'), column('namespace', 'varchar(255)!')],
      [primary('a', 'id', 'n')],
    );
    expect(fates([parent, two]).f).not.toContain('MATCH');
    expect(why([parent, two])).toEqual(['FK_MATCH_WEAKENED']);
  });

  it('that the configuration drops are dropped', () => {
    const config: PlanConfig = { foreignKeys: { 'b.b_parent_fkey': 'drop' } };
    expect(fates([spaced('a'), child('b', 'a')], config)).toEqual({ b_parent_fkey: 'dropped' });
    expect(why([spaced('a'), child('b', 'a')], config)).toEqual(['FK_DROPPED']);
  });

  const keyed = (name: string, ...more: ConstraintDef[]): TableDef =>
    table(name, [column('id', 'integer!')], [primary(name, 'id'), ...more]);
  it.each([
    ['distributed', 'reference', 'kept'],
    ['distributed', 'local', 'dropped'],
    ['reference', 'reference', 'kept'],
    ['reference', 'local', 'kept'],
    ['reference', 'distributed', 'dropped'],
    ['local', 'reference', 'kept'],
    ['local', 'local', 'kept'],
    ['local', 'distributed', 'dropped'],
  ] as const)('from a %s to a %s table are %s', (from, to, fate) => {
    const place = (kind: 'distributed' | 'reference' | 'local') =>
      kind === 'distributed' ? { distributeBy: 'id' } : { placement: kind };
    const source = table(
      'b',
      [column('id', 'integer!'), column('r', 'integer')],
      [foreignKey('f', 'r -> a(id)')],
    );
    expect(fates([keyed('a'), source], { tables: { a: place(to), b: place(from) } })).toEqual({ f: fate });
  });

  it('between tables that are not colocated are dropped', () => {
    const texts = table(
      'b',
      [column('namespace', 'text!'), column('r', 'integer!')],
      [foreignKey('f', 'r -> a(id)')],
    );
    expect(fates([spaced('a'), texts])).toEqual({ f: 'dropped' });
    expect(why([spaced('a'), texts])).toEqual(['FK_REFUSED']);
  });

  it('to a table outside the plan are dropped', () => {
    const half = catalog([spaced('b', foreignKey('f', 'id -> elsewhere(id)'))]);
    expect(decided(half).foreignKeys.plans).toEqual([{ table: 'b', constraint: 'f', fate: 'dropped' }]);
  });

  it('have to be checked for rows that cross, unless the row takes its value from that very parent', () => {
    const two = table(
      'c',
      [column('x', 'integer!'), column('y', 'integer!')],
      [foreignKey('f1', 'x -> a(id)'), foreignKey('f2', 'y -> a(id)')],
    );
    expect(decided([spaced('a'), two]).foreignKeys.toCheck.map((one) => one.constraint.name)).toEqual(['f2']);
  });
});
