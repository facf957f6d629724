import { describe, expect, it } from 'vitest';
import type { TableDef } from '../../src/core/catalog-types.js';
import { keySource } from '../../src/plan/key-source.js';
import type { PlanConfig } from '../../src/plan/options.js';
import { fromClause } from '../../src/plan/projection.js';
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

/** One line per table: its placement in short. */
function placements(
  tables: readonly TableDef[],
  config?: PlanConfig,
  rows?: Record<string, number>,
): Record<string, string> {
  return Object.fromEntries(
    decided(tables, config, rows).tables.map(({ table: name, placement }) => [
      name,
      placement.kind === 'distributed'
        ? [placement.column, ...placement.via.map((step) => step.constraint)].join(' < ')
        : placement.kind,
    ]),
  );
}

const codes = (tables: readonly TableDef[], config?: PlanConfig, rows?: Record<string, number>): string[] =>
  decided(tables, config, rows).findings.map((one) => `${one.code} ${one.table ?? ''}`.trim());

const lookup = table(
  'kinds',
  [column('id', 'integer!'), column('namespace', 'varchar(255)!'), column('title', 'text!')],
  [primary('kinds', 'id'), unique('kinds_title', 'namespace', 'title')],
);
const vectors = table(
  'paths',
  [column('id', 'integer!'), column('embedding', 'real[]')],
  [primary('paths', 'id')],
);
const plain = (name: string): TableDef => table(name, [column('id', 'integer!')], [primary(name, 'id')]);

describe('a table with a distribution column', () => {
  it('is distributed by it', () => {
    expect(placements([spaced('a')])).toEqual({ a: 'namespace' });
  });

  it('is distributed by the first of several wanted columns that it has', () => {
    const tenant = table('a', [column('tenant', 'uuid!'), column('namespace', 'text!')]);
    expect(placements([tenant], { distributionColumn: ['nothing', 'tenant', 'namespace'] })).toEqual({
      a: 'tenant',
    });
  });

  it('is a reference table when it is a small look-up beside a large table', () => {
    const rows = { a: 100_000, kinds: 20 };
    expect(placements([spaced('a'), lookup], {}, rows)).toEqual({ a: 'namespace', kinds: 'reference' });
    expect(codes([spaced('a'), lookup], {}, rows)).toContain('LOOKUP_REFERENCE kinds');
  });

  it.each([
    ['it is empty', lookup, { a: 100_000, kinds: 0 }],
    ['it has too many rows', lookup, { a: 10_000_000, kinds: 1001 }],
    ['it is more than a hundredth of the largest', lookup, { a: 1999, kinds: 20 }],
    [
      'it has no natural key',
      { ...lookup, constraints: [primary('kinds', 'id')] },
      { a: 100_000, kinds: 20 },
    ],
    [
      'it has a foreign key',
      { ...lookup, constraints: [...lookup.constraints, foreignKey('f', 'id -> a(id)')] },
      { a: 100_000, kinds: 20 },
    ],
    [
      'it holds vectors',
      { ...lookup, columns: [...lookup.columns, column('v', 'public.vector(3)')] },
      { a: 100_000, kinds: 20 },
    ],
  ])('is no look-up when %s', (_, candidate, rows) => {
    expect(placements([spaced('a'), candidate], {}, rows).kinds).toBe('namespace');
  });

  it('is blocked when its type has no portable hash', () => {
    const mood = table('a', [column('namespace', 'public.mood!')]);
    expect(codes([mood])).toEqual(['KEY_UNHASHABLE a']);
  });

  it('is blocked when its collation is nondeterministic', () => {
    const odd = table('a', [column('namespace', 'text!', { deterministic: false })]);
    expect(codes([odd])).toEqual(['KEY_COLLATION a']);
  });
});

describe('a table without a distribution column', () => {
  it('is distributed through one foreign key, and through two', () => {
    const tables = [spaced('a'), child('b', 'a'), child('c', 'b')];
    expect(placements(tables)).toEqual({
      a: 'namespace',
      b: 'namespace < b_parent_fkey',
      c: 'namespace < c_parent_fkey < b_parent_fkey',
    });
  });

  it('takes the shortest path, then one without NULLs, then the first by name', () => {
    const both = (nullableFirst: boolean): TableDef =>
      table(
        'c',
        [
          column('x', nullableFirst ? 'integer' : 'integer!'),
          column('y', 'integer!'),
          column('z', 'integer!'),
        ],
        [foreignKey('f1', 'x -> a(id)'), foreignKey('f2', 'y -> a(id)'), foreignKey('f0', 'z -> b(id)')],
      );
    const tables = (nullable: boolean): TableDef[] => [spaced('a'), child('b', 'a'), both(nullable)];
    expect(placements(tables(false)).c).toBe('namespace < f1');
    expect(codes(tables(false))).toContain('VIA_AMBIGUOUS c');
    expect(placements(tables(true)).c).toBe('namespace < f2');
    expect(codes(tables(true))).not.toContain('VIA_AMBIGUOUS c');
  });

  it('takes the configured path', () => {
    const two = table(
      'c',
      [column('x', 'integer!'), column('y', 'integer!')],
      [foreignKey('f1', 'x -> a(id)'), foreignKey('f2', 'y -> a(id)')],
    );
    expect(placements([spaced('a'), two], { tables: { c: { via: 'f2' } } }).c).toBe('namespace < f2');
  });

  it('keeps its own column when that is what refers to the distribution column', () => {
    const own = table(
      'c',
      [column('space', 'varchar(255)!'), column('n', 'integer!')],
      [foreignKey('f', 'space, n -> a(namespace, id)')],
    );
    expect(placements([spaced('a', unique('u', 'namespace', 'id')), own]).c).toBe('space');
  });

  it('does not follow a foreign key to itself', () => {
    expect(placements([child('b', 'b')])).toEqual({ b: 'reference' });
  });

  it('is a reference table when distributed tables refer to it, however large, with a warning', () => {
    const parent = plain('p');
    const tables = [parent, spaced('a', foreignKey('f', 'id -> p(id)'))];
    expect(placements(tables, {}, { p: 5_000_000 })).toEqual({ a: 'namespace', p: 'reference' });
    expect(codes(tables, {}, { p: 5_000_000 })).toContain('REFERENCE_LARGE p');
    expect(codes(tables, {}, { p: 5 })).not.toContain('REFERENCE_LARGE p');
  });

  it('is distributed by its own key when it holds vectors or is large', () => {
    expect(placements([vectors])).toEqual({ paths: 'id' });
    expect(placements([plain('p')], {}, { p: 10_001 })).toEqual({ p: 'id' });
    expect(placements([plain('p')], {}, { p: 10_000 })).toEqual({ p: 'reference' });
  });

  it('takes its children along when it is distributed by its own key', () => {
    const steps = table(
      'steps',
      [column('path_id', 'integer!'), column('v', 'real[]')],
      [foreignKey('f', 'path_id -> paths(id)')],
    );
    const { tables } = decided([steps, vectors]);
    expect(tables.map((one) => one.placement)).toMatchObject([
      { column: 'id', via: [] },
      { column: 'path_id', via: [], colocateWith: 'paths' },
    ]);
  });

  it('stays local when it is large and its other unique key would be lost', () => {
    const two = { ...plain('p'), constraints: [primary('p', 'id'), unique('u', 'code')] };
    expect(placements([two], {}, { p: 200_000 })).toEqual({ p: 'local' });
    expect(codes([two], {}, { p: 200_000 })).toEqual(['LOCAL_TABLE p']);
  });

  it('stays local when it is partitioned', () => {
    const parted = { ...plain('p'), kind: 'partitioned' as const, partitionBy: 'RANGE (id)' };
    expect(placements([parted])).toEqual({ p: 'local' });
  });
});

describe('the configuration', () => {
  it('wins over every rule', () => {
    const config: PlanConfig = {
      tables: { a: { placement: 'local' }, paths: { placement: 'reference' }, p: { distributeBy: 'id' } },
    };
    expect(placements([spaced('a'), vectors, plain('p')], config)).toEqual({
      a: 'local',
      p: 'id',
      paths: 'reference',
    });
  });

  it('is refused with every problem and what was probably meant', () => {
    const config: PlanConfig = {
      tables: { acount: { placement: 'local' }, accounts: { distributeBy: 'namespcae', via: 'x' } },
      foreignKeys: { 'accounts.y': 'drop' },
    };
    expect(() => decided([spaced('accounts')], config)).toThrow(
      expect.objectContaining({
        code: 'TABLE_UNKNOWN',
        message: expect.stringMatching(
          /acount;.*accounts\?.*namespcae;.*namespace\?.*foreign key x.*accounts\.y/,
        ),
      }),
    );
  });

  it('is refused when it names a partition, of whatever level, and names its table', () => {
    const part = (name: string, of: string): TableDef => ({
      ...spaced(name),
      kind: 'partition',
      partitionOf: { schema: 'public', name: of, bound: 'DEFAULT' },
    });
    const tables = [
      { ...spaced('ev'), kind: 'partitioned' as const },
      part('ev_1', 'ev'),
      part('ev_1_a', 'ev_1'),
    ];
    for (const config of [{ include: ['ev_1'] }, { exclude: ['ev_1_a'] }]) {
      expect(() => decided(tables, config)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringMatching(/ev_1.* name ev$/),
        }),
      );
    }
    expect(() => decided(tables, { exclude: ['ev'] })).not.toThrow();
  });

  it('is refused when it wants a table distributed that has nothing to distribute it by', () => {
    const bare = table('p', [column('x', 'integer')]);
    expect(() => decided([bare], { tables: { p: { placement: 'distributed' } } })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});

describe('colocation', () => {
  const typed = (name: string, type: string): TableDef => table(name, [column('namespace', type)]);
  const leads = (tables: readonly TableDef[], config?: PlanConfig): (string | undefined)[] =>
    decided(tables, config).tables.map(({ placement }) =>
      placement.kind === 'distributed' ? placement.colocateWith : 'x',
    );

  it('groups by type whatever the length, led by the first by name', () => {
    expect(leads([typed('b', 'varchar(10)!'), typed('a', 'varchar(99)!'), typed('c', 'text!')])).toEqual([
      undefined,
      'a',
      undefined,
    ]);
  });

  it('warns when one column has several types, and no more once they are mapped to one', () => {
    const tables = [typed('a', 'varchar(10)!'), typed('b', 'text!')];
    expect(codes(tables)).toEqual(['COLOCATION_SPLIT']);
    expect(codes(tables, { types: { 'varchar(10)': 'text' } })).toEqual([]);
    expect(leads(tables, { types: { 'varchar(10)': 'text' } })).toEqual([undefined, 'a']);
  });

  it('keeps a domain apart from its base type, and says so', () => {
    const source = catalog(
      [typed('a', 'text!'), table('b', [column('namespace', 'text!', { type: 'public.space' })])],
      {
        types: [
          { schema: 'public', name: 'space', kind: 'domain', baseType: 'text', notNull: false, checks: [] },
        ],
      },
    );
    expect(decided(source).findings.map((one) => one.code)).toEqual(['DOMAIN_KEY', 'COLOCATION_SPLIT']);
  });

  it('does not join tables that are distributed by keys of their own', () => {
    const other = { ...vectors, name: 'tracks', constraints: [primary('tracks', 'id')] };
    expect(leads([vectors, other])).toEqual([undefined, undefined]);
  });

  it('places partitions with their root', () => {
    const root = { ...spaced('a'), kind: 'partitioned' as const, partitionBy: 'LIST (id)' };
    const part = {
      ...spaced('a_1'),
      kind: 'partition' as const,
      partitionOf: { schema: 'public', name: 'a', bound: 'FOR VALUES IN (1)' },
    };
    expect(leads([root, part])).toEqual([undefined, 'a']);
  });
});

describe('rows that inherit', () => {
  const tables = [{ ...spaced('parent'), hasHeirs: true as const }, child('leaf', 'parent')];
  const sources = (source: readonly TableDef[]): string[] => {
    const { catalog: whole, tables: plans } = decided(source);
    return plans.flatMap((plan) => {
      if (plan.placement.kind !== 'distributed') return [];
      return [fromClause(plan, plan, 'forward'), keySource(plan, plan.placement, whole).from];
    });
  };

  it('of a table are no rows of it, wherever its own are joined or counted', () => {
    expect(sources(tables).join('\n')).toMatch(
      /JOIN ONLY public.parent.*JOIN ONLY public.parent.*ONLY public.parent t0/s,
    );
    expect(sources(tables).join('\n')).not.toMatch(/(?<!ONLY )public\.parent/);
  });

  it('but those of a partitioned table are', () => {
    const partitioned = [{ ...spaced('parent'), kind: 'partitioned' as const }, child('leaf', 'parent')];
    expect(sources(partitioned).join('\n')).not.toMatch(/JOIN ONLY/);
    expect(sources(partitioned).join('\n')).toMatch(/(?<!ONLY )public\.parent t0/);
  });
});
