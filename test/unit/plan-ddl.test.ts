import { describe, expect, it } from 'vitest';
import type { Catalog, TableDef, ViewDef } from '../../src/core/catalog-types.js';
import type { Plan } from '../../src/core/plan-types.js';
import { originalDdl, targetDdl } from '../../src/plan/ddl.js';
import type { PlanConfig } from '../../src/plan/options.js';
import { originalCatalog } from '../../src/plan/original-catalog.js';
import { targetCatalog } from '../../src/plan/target-catalog.js';
import { targetViews } from '../../src/plan/target-views.js';
import { catalog, child, column, decided, index, spaced, table } from '../support/catalogs.js';

function planOf(source: Catalog, config: PlanConfig = {}): Plan {
  const { tables, foreignKeys } = decided(source, config);
  return {
    formatVersion: 1,
    planHash: '',
    catalog: source,
    tables,
    foreignKeys: foreignKeys.plans,
    findings: [],
  };
}

const sqlOf = (plan: Plan, citus = true): string[] => {
  const { beforeData, afterData } = targetDdl(plan, { citus });
  return [...beforeData, ...afterData].map((one) => one.sql);
};

const policy = (name: string, using: string): TableDef['policies'][number] => ({
  name,
  command: 'SELECT',
  permissive: true,
  roles: ['reader', 'PUBLIC'],
  using,
});

describe('the DDL of the target', () => {
  const source = catalog([spaced('b'), child('a', 'b')]);

  it('adds the distribution column at the end, NOT NULL, and widens keys with it', () => {
    const sql = sqlOf(planOf(source));
    expect(sql.find((one) => one.startsWith('CREATE TABLE public.a'))).toMatch(
      /parent_id integer NOT NULL,\n {2}namespace character varying\(255\) NOT NULL\n\)$/,
    );
    expect(sql).toContain('CREATE UNIQUE INDEX a_pkey ON public.a USING btree (namespace, id)');
    expect(sql).toContain('ALTER TABLE public.a ADD CONSTRAINT a_pkey PRIMARY KEY USING INDEX a_pkey');
  });

  it.each([
    [
      'UNIQUE (id) DEFERRABLE INITIALLY DEFERRED',
      'btree (namespace, id)',
      'UNIQUE USING INDEX k DEFERRABLE INITIALLY DEFERRED',
    ],
    [
      'UNIQUE NULLS NOT DISTINCT (id) INCLUDE (parent_id)',
      'btree (namespace, id) INCLUDE (parent_id) NULLS NOT DISTINCT',
      'UNIQUE USING INDEX k',
    ],
  ])('builds the index of %s first', (definition, onIndex, constraint) => {
    const key = { name: 'k', kind: 'unique', columns: ['id'], definition, validated: true } as const;
    const sql = sqlOf(planOf(catalog([{ ...spaced('a'), constraints: [key] }])));
    expect(sql.filter((one) => one.includes('INDEX k'))).toEqual([
      `CREATE UNIQUE INDEX k ON public.a USING ${onIndex}`,
      `ALTER TABLE public.a ADD CONSTRAINT k ${constraint}`,
    ]);
  });

  it.each([
    ['a partitioned table', { kind: 'partitioned', partitionBy: 'RANGE (id)' }, 'UNIQUE (id)'],
    ['a key of a kind that it does not know', {}, 'UNIQUE (id, valid_at WITHOUT OVERLAPS)'],
  ] as const)('lets PostgreSQL build key and index of %s at once', (_what, more, definition) => {
    const key = { name: 'k', kind: 'unique', columns: ['id'], definition, validated: true } as const;
    const sql = sqlOf(planOf(catalog([{ ...spaced('a'), ...more, constraints: [key] }])), false);
    expect(sql.filter((one) => / k /.test(one))).toEqual([
      `ALTER TABLE public.a ADD CONSTRAINT k ${definition.replace('(', '(namespace, ')}`,
    ]);
  });

  it('distributes the lead of a group before those colocated with it', () => {
    expect(sqlOf(planOf(source)).filter((one) => one.includes('create_distributed_table'))).toEqual([
      `SELECT create_distributed_table('public.a', 'namespace', 'hash', colocate_with => 'none', shard_count => 32)`,
      `SELECT create_distributed_table('public.b', 'namespace', 'hash', colocate_with => 'public.a')`,
    ]);
  });

  it('distributes nothing on a plain PostgreSQL, and nothing on the way back', () => {
    expect(sqlOf(planOf(source), false).join()).not.toContain('create_distributed_table');
    const { beforeData, afterData } = originalDdl(planOf(source));
    const back = [...beforeData, ...afterData].map((one) => one.sql);
    expect(back.join()).not.toContain('create_distributed_table');
    expect(back).toContain('CREATE UNIQUE INDEX a_pkey ON public.a USING btree (id)');
  });

  describe('foreign keys', () => {
    const two = child('a', 'b');
    const again = { ...two.constraints.find((one) => one.foreign)!, name: 'a_again' };
    const related = catalog([
      spaced('b'),
      { ...two, constraints: [...two.constraints, again] },
      child('c', 'b'),
    ]);
    const foreign = (citus: boolean) => {
      const { beforeData, afterData } = targetDdl(planOf(related), { citus });
      expect(beforeData.filter((one) => ['key', 'index', 'foreign key'].includes(one.kind))).toEqual([]);
      return afterData.filter((one) => one.kind === 'foreign key');
    };

    it('are added after the data, those of the same tables in different rounds', () => {
      expect(foreign(true).map(({ table: name, parallelGroup }) => [name, parallelGroup])).toEqual([
        ['a', 'foreign keys 1'],
        ['a', 'foreign keys 2'],
        ['c', 'foreign keys 3'],
      ]);
      expect(foreign(true).map(({ sql }) => / NOT VALID$|VALIDATE/.test(sql))).toEqual([false, false, false]);
    });

    it('are checked on a plain PostgreSQL once all are there, at the same time where they lead to one table', () => {
      const added = foreign(false).filter(({ sql }) => sql.includes('ADD CONSTRAINT'));
      expect(added.map(({ sql }) => sql.endsWith(' NOT VALID'))).toEqual([true, true, true]);
      const checked = foreign(false).filter(({ sql }) => sql.includes('VALIDATE CONSTRAINT'));
      expect(foreign(false)).toEqual([...added, ...checked]);
      expect(checked.map(({ table: name, parallelGroup }) => [name, parallelGroup])).toEqual([
        ['a', 'foreign keys 1'],
        ['c', 'foreign keys 1'],
        ['a', 'foreign keys 2'],
      ]);
    });
  });

  it('shows rows to nobody before grants and policies are there', () => {
    const hidden = {
      ...spaced('a'),
      rowSecurity: { enabled: true, forced: true },
      policies: [policy('p', 'true')],
      grants: [{ grantee: 'reader', privileges: ['SELECT'] }],
    };
    const { beforeData, afterData } = targetDdl(planOf(catalog([hidden])), { citus: true });
    expect(beforeData.at(-1)!.sql).toBe('ALTER TABLE public.a ENABLE ROW LEVEL SECURITY');
    expect(beforeData.map((one) => one.sql).join()).not.toMatch(/GRANT|CREATE POLICY/);
    expect(afterData.map((one) => one.sql)).toEqual(
      expect.arrayContaining([
        'CREATE POLICY p ON public.a AS PERMISSIVE FOR SELECT TO reader, PUBLIC USING (true)',
        'ALTER TABLE public.a FORCE ROW LEVEL SECURITY',
        'GRANT SELECT ON TABLE public.a TO reader',
      ]),
    );
  });

  it('leaves out triggers and policies with a sub-select where Citus refuses them, and keeps them on local tables', () => {
    const full = {
      ...spaced('a'),
      triggers: [{ name: 't', definition: 'CREATE TRIGGER t …' }],
      policies: [policy('sub', '(id IN ( SELECT 1))'), policy('plain', '(id = 1)')],
    };
    const names = (config: PlanConfig): string[] => {
      const made = targetCatalog(planOf(catalog([full]), config)).tables[0]!;
      return [...made.triggers, ...made.policies].map((one) => one.name);
    };
    expect(names({})).toEqual(['plain']);
    expect(names({ tables: { a: { placement: 'local' } } })).toEqual(['t', 'sub', 'plain']);
  });

  it('creates the functions that something kept uses, and those that they call', () => {
    const fn = (name: string, body: string, usedBy: Catalog['functions'][number]['usedBy'] = []) => ({
      schema: 'public',
      name,
      arguments: '',
      definition: `CREATE FUNCTION public.${name}() … ${body}`,
      usedBy,
    });
    const of = (kind: 'table' | 'trigger') => [{ kind, schema: 'public', name: 'a' }] as const;
    const functions = [
      fn('called', ''),
      fn('checker', 'SELECT called()', of('table')),
      fn('fires', '', of('trigger')),
      fn('stray', ''),
    ];
    const made = targetCatalog(
      planOf(catalog([{ ...spaced('a'), triggers: [{ name: 't', definition: '' }] }], { functions })),
    );
    expect(made.functions.map((one) => one.name)).toEqual(['called', 'checker']);
  });

  it('makes types in the order in which they need each other', () => {
    const types: Catalog['types'] = [
      { schema: 'public', name: 'a', kind: 'composite', attributes: [{ name: 'x', type: 'public.z[]' }] },
      { schema: 'public', name: 'z', kind: 'domain', baseType: 'public.zz', notNull: false, checks: [] },
      { schema: 'public', name: 'zz', kind: 'enum', labels: ["it's"] },
    ];
    const { beforeData } = targetDdl(planOf(catalog([], { types })), { citus: true });
    expect(beforeData.filter((one) => one.kind === 'type').map((one) => one.sql)).toEqual([
      `CREATE TYPE public.zz AS ENUM ('it''s')`,
      'CREATE DOMAIN public.z AS public.zz',
      'CREATE TYPE public.a AS (x public.z[])',
    ]);
  });

  it('gives a sequence of a widened column the bounds of bigint', () => {
    const sequences: Catalog['sequences'] = [
      {
        schema: 'public',
        name: 's',
        dataType: 'integer',
        start: '1',
        increment: '1',
        min: '1',
        max: '2147483647',
        cache: '1',
        cycle: false,
        ownedBy: { schema: 'public', name: 'a', column: 'id', kind: 'serial' },
      },
    ];
    const plan = planOf(catalog([spaced('a')], { sequences }), { widenSerial: true });
    expect(targetCatalog(plan).sequences[0]).toMatchObject({
      dataType: 'bigint',
      min: '1',
      max: '9223372036854775807',
    });
    expect(
      originalDdl(plan)
        .beforeData.map((one) => one.sql)
        .join(),
    ).toContain('CREATE SEQUENCE public.s AS integer');
  });

  it('renames the operator class with a mapped vector type, and leaves the index out when the new type is an array', () => {
    const embedded = table(
      'a',
      [column('namespace', 'text!'), column('v', 'public.ruvector(3)', { extension: 'ruvector' })],
      [],
      {
        indexes: [
          index('i', 'v public.ruvector_cosine_ops) WITH (m=16)', { method: 'hnsw', columns: ['v'] }),
        ],
      },
    );
    const made = (to: string) =>
      targetCatalog(planOf(catalog([embedded]), { types: { ruvector: to } })).tables[0]!.indexes;
    expect(made('public.vector')).toMatchObject([{ tail: 'v public.vector_cosine_ops) WITH (m=16)' }]);
    expect(made('real[]')).toEqual([]);
    expect(made('public.ruvector')).toEqual(embedded.indexes);
  });

  it('rewrites casts in the default of a mapped column', () => {
    const source = catalog([
      table('a', [
        column('namespace', 'text!'),
        column('k', 'varchar(9)', { default: `'x'::character varying` }),
      ]),
    ]);
    expect(targetCatalog(planOf(source, { types: { varchar: 'text' } })).tables[0]!.columns[1]!.default).toBe(
      `'x'::text`,
    );
  });
});

describe('views on the target', () => {
  const view = (name: string, definition: string, over: Partial<ViewDef> = {}): ViewDef => ({
    schema: 'public',
    name,
    materialized: false,
    definition,
    indexes: [],
    order: 0,
    reads: [{ schema: 'public', name: 'a' }],
    ...over,
  });
  const groupedBy = [{ schema: 'public', name: 'a', constraint: 'a_pkey' }];
  const made = (...views: ViewDef[]) => {
    const source = catalog([spaced('a')], { views });
    return targetViews(source, decided(source).tables);
  };

  it.each([
    [
      'an alias',
      'FROM (public.a p\n     JOIN public.b ON true)\n  GROUP BY p.id;',
      '  GROUP BY p.id, p.namespace;',
    ],
    ['its name', 'FROM public.a\n  GROUP BY a.id, a.x;', '  GROUP BY a.id, a.x, a.namespace;'],
    ['nothing', 'FROM public.a\n  GROUP BY id', '  GROUP BY id, namespace'],
    [
      'the column there already',
      'FROM public.a\n  GROUP BY a.id, a.namespace;',
      '  GROUP BY a.id, a.namespace;',
    ],
  ])('group by the wider key, the table named by %s', (_, definition, line) => {
    expect(
      made(view('v', definition, { groupedBy }))
        .views[0]!.definition.split('\n')
        .at(-1),
    ).toBe(line);
  });

  it('stay as they are when they do not lean on a key', () => {
    const plain = view('v', 'FROM public.a\n  GROUP BY a.id;');
    expect(made(plain)).toEqual({ views: [plain], regrouped: [], dropped: [] });
  });

  it('are dropped with those that read them when the place is not found or a table is missing', () => {
    const lost = view('lost', 'FROM public.a GROUP BY somehow', { groupedBy });
    const next = view('next', 'FROM public.lost', { order: 1, reads: [{ schema: 'public', name: 'lost' }] });
    const other = view('other', '', { order: 2, reads: [{ schema: 'public', name: 'elsewhere' }] });
    expect(made(lost, next, other).dropped.map((one) => one.view.name)).toEqual(['lost', 'next', 'other']);
  });
});

describe('owners', () => {
  const owned = (on: string, name: string) => ({ on, object: { schema: 'app', name }, owner: 'app' });

  it('are set for all kinds, schemas first, and for nothing that is not made', () => {
    const source = catalog([spaced('a')], {
      schemas: ['app'],
      owners: [owned('FUNCTION app.f()', 'f'), owned('TYPE app.t', 't'), owned('SCHEMA app', 'app')],
    });
    const set = sqlOf(planOf(source)).filter((one) => one.includes(' OWNER TO '));
    expect(set).toEqual([
      'ALTER SCHEMA app OWNER TO app',
      'ALTER TABLE public.a OWNER TO app',
      'ALTER TYPE app.t OWNER TO app',
    ]);
  });
});

describe('settings of tables', () => {
  const settings = [{ column: 'namespace', storage: 'EXTERNAL', statistics: 500 } as const];
  const of = (over: Partial<TableDef>, config: PlanConfig = {}, citus = true): string[] =>
    sqlOf(planOf(catalog([{ ...spaced('a'), ...over }]), config), citus);

  it('of columns are made before the table is distributed, and not for a column of another type', () => {
    const sql = of({ settings });
    const at = (text: string): number => sql.findIndex((one) => one.includes(text));
    expect(at('SET STORAGE EXTERNAL')).toBeGreaterThan(at('CREATE TABLE'));
    expect(at('SET STATISTICS 500')).toBeLessThan(at('create_distributed_table'));
    const mapped = of({ settings }, { types: { 'character varying': 'text' } });
    expect(mapped.join()).not.toMatch(/SET STORAGE|SET STATISTICS/);
  });

  it('keep a replica identity, but NOTHING not on a cluster and an index only without NULL', () => {
    const identity = (over: Partial<TableDef>, config?: PlanConfig): boolean =>
      of(over, config).some((one) => one.includes('REPLICA IDENTITY'));
    const local: PlanConfig = { tables: { a: { placement: 'local' } } };
    const nullable = [column('id', 'integer!'), column('namespace', 'text')];
    expect(identity({ replicaIdentity: 'FULL' })).toBe(true);
    expect(identity({ replicaIdentity: 'NOTHING' })).toBe(false);
    expect(identity({ replicaIdentity: 'NOTHING' }, local)).toBe(true);
    expect(identity({ replicaIdentity: { index: 'a_pkey' } })).toBe(true);
    expect(identity({ replicaIdentity: { index: 'gone' } })).toBe(false);
    const unique = index('u', 'id)', { unique: true });
    const over = { indexes: [unique], columns: nullable, constraints: [], replicaIdentity: { index: 'u' } };
    expect(identity(over)).toBe(false);
    expect(identity(over, local)).toBe(true);
  });
});

describe('the way back of chosen tables', () => {
  const customers = { schema: 'public', name: 'customers' };
  const view = (name: string, reads: ViewDef['reads']): ViewDef => ({
    schema: 'public',
    name,
    materialized: false,
    definition: 'SELECT 1',
    indexes: [],
    order: 0,
    reads,
  });
  const call = { schema: 'public', arguments: '', definition: 'CREATE FUNCTION', needsRelations: true };
  const source = catalog([child('orders', 'customers')], {
    views: [view('v', [customers]), view('w', [{ schema: 'public', name: 'v' }]), view('u', [])],
    functions: [
      { ...call, name: 'f', reads: [customers] },
      { ...call, name: 'g', reads: [{ schema: 'public', name: 'orders' }] },
    ],
    owners: [{ on: 'VIEW public.v', object: { schema: 'public', name: 'v' }, owner: 'app' }],
  });

  it('leaves out what needs other tables, and what needs that, and names it', () => {
    const { catalog: made, lost } = originalCatalog({ catalog: source, scope: { exclude: ['customers'] } });
    expect(lost).toEqual(['foreign key orders_parent_fkey of orders', 'view v', 'view w', 'function f()']);
    expect(made.tables[0]!.constraints.map((one) => one.name)).toEqual(['orders_pkey']);
    expect([...made.views, ...made.functions].map((one) => one.name)).toEqual(['u', 'g']);
    expect(made.owners).toEqual([]);
  });

  it('leaves out nothing of a whole database', () => {
    expect(originalCatalog({ catalog: source })).toEqual({ catalog: source, lost: [] });
  });
});
