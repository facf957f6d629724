import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Catalog, TableDef } from '../../src/core/catalog-types.js';
import type { Finding } from '../../src/core/plan-types.js';
import { checkTarget, neededExtensions } from '../../src/plan/check-target.js';
import { nullFinding } from '../../src/plan/distribution-nulls.js';
import { FINDINGS, type FindingCode } from '../../src/plan/finding-codes.js';
import { finding, sortFindings } from '../../src/plan/findings.js';
import type { PlanConfig } from '../../src/plan/options.js';
import { surveyPlan, surveyTables } from '../../src/plan/survey.js';
import type { TargetFacts } from '../../src/plan/target-facts.js';
import { catalog, child, column, decided, index, primary, spaced, table } from '../support/catalogs.js';

const survey = (
  tables: readonly TableDef[],
  over: Parameters<typeof catalog>[1] = {},
  config = {},
): string[] => {
  const source = catalog(tables, over);
  const plans = decided(source, config).tables;
  return [...surveyTables(source, plans), ...surveyPlan(source, plans)].map((one) => one.code);
};

describe('the registry of findings', () => {
  const source = readdirSync('src/plan')
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(`src/plan/${file}`, 'utf8'))
    .join('\n');

  it.each(Object.keys(FINDINGS) as FindingCode[])(
    '%s is upper snake case, ends its sentences, and is reported somewhere',
    (code) => {
      const { what, consequence, remedy } = FINDINGS[code];
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect(what).toMatch(/[.]$/);
      expect(consequence).toMatch(/[.]$/);
      expect(remedy).toMatch(/[.}]$/);
      expect(source.split(`'${code}'`).length).toBeGreaterThan(1);
    },
  );

  it('fills in every place-holder that a message has', () => {
    const made = finding(
      'FK_CROSSES_KEY',
      { table: { schema: 'public', name: 'a' }, object: 'f' },
      { rows: 3, references: 'b', column: 'ns', key: 'a.f' },
    );
    expect(made).toMatchObject({ severity: 'blocker', table: 'a', object: 'f' });
    expect(made.message + made.remedy).not.toMatch(/[{}]|undefined/);
  });

  it('puts blockers first', () => {
    const of = (severity: Finding['severity'], code: string): Finding => ({
      code,
      severity,
      message: '',
      remedy: '',
    });
    const mixed = [of('info', 'A'), of('blocker', 'B'), of('warning', 'C'), of('blocker', 'A')];
    expect(sortFindings(mixed).map((one) => one.severity + one.code)).toEqual([
      'blockerA',
      'blockerB',
      'warningC',
      'infoA',
    ]);
  });
});

describe('the survey', () => {
  it('says little about a table that moves as it is', () => {
    const plain = table(
      'a',
      [column('namespace', 'text!'), column('id', 'bigint!')],
      [primary('a', 'namespace', 'id')],
    );
    expect(survey([plain])).toEqual(['KEY_UPDATE']);
  });

  const full = spaced('a');
  const policy = { name: 'p', command: 'ALL', roles: ['PUBLIC'], using: '( SELECT true)' };
  const cases: [string, TableDef, Parameters<typeof catalog>[1]?][] = [
    ['UNIQUE_WIDENED', full],
    ['NO_KEY', { ...full, constraints: [] }],
    ['INHERITED', { ...full, inherits: [{ schema: 'public', name: 'b' }] }],
    ['TRIGGER_DROPPED', { ...full, triggers: [{ name: 't', definition: '' }] }],
    ['POLICY_DROPPED', { ...full, policies: [{ ...policy, permissive: true }] }],
    ['POLICY_RESTRICTIVE', { ...full, policies: [{ ...policy, permissive: false }] }],
    [
      'POLICY_SETTING',
      { ...full, policies: [{ ...policy, permissive: true, using: "current_setting('x') = 'y'" }] },
    ],
    ['INDEX_INVALID', { ...full, indexes: [index('i', 'id)', { valid: false })] }],
    [
      'SERIAL_INT',
      { ...full, columns: [column('id', 'integer!', { default: "nextval('s')" }), full.columns[1]!] },
    ],
    ['UNLOGGED', { ...full, unlogged: true }],
    ['RULE_DROPPED', full, { others: [{ kind: 'rule', name: 'r on a' }] }],
    ['LARGE_OBJECTS', full, { others: [{ kind: 'large object', name: '3 large objects' }] }],
    ['OTHER_OBJECT', full, { others: [{ kind: 'aggregate', name: 'public.x(integer)' }] }],
    ['EXTENSION_UNUSED', full, { extensions: [{ name: 'x', schema: 'public', used: false }] }],
    [
      'TYPE_UNSUPPORTED',
      { ...full, columns: [...full.columns, column('r', 'int4range', { type: 'public.rg' })] },
      { types: [{ schema: 'public', name: 'rg', kind: 'range', subtype: 'integer', options: [] }] },
    ],
    [
      'EXCLUDE_DROPPED',
      {
        ...full,
        constraints: [
          {
            name: 'x',
            kind: 'exclude',
            columns: ['id'],
            definition: 'EXCLUDE USING gist (id WITH &&)',
            validated: true,
          },
        ],
      },
    ],
  ];
  it.each(cases)('finds %s, and not without its cause', (code, odd, over) => {
    expect(survey([odd], over)).toContain(code);
    if (code !== 'UNIQUE_WIDENED') expect(survey([full])).not.toContain(code);
  });

  describe('a type that Citus does not take', () => {
    const type = (name: string) => ({ schema: 'app', name });
    const types: Parameters<typeof catalog>[1] = {
      types: [
        {
          ...type('span'),
          kind: 'range',
          subtype: 'integer',
          options: ['multirange_type_name = app.spans'],
        },
        { ...type('span_kind'), kind: 'enum', labels: ['a'] },
      ],
    };
    const of = (name: string, config: PlanConfig = {}) =>
      survey([{ ...full, columns: [...full.columns, column('c', name)] }], types, config);

    it('is known by its whole name, in arrays and as a multirange too', () => {
      expect(of('app.span_kind')).not.toContain('TYPE_UNSUPPORTED');
      for (const name of ['app.span', 'app.span[]', 'app.spans'])
        expect(of(name), name).toContain('TYPE_UNSUPPORTED');
    });

    it('is no longer in the way where the column is mapped to another, and is where it is mapped to one', () => {
      expect(of('app.span', { tables: { a: { types: { c: 'text' } } } })).not.toContain('TYPE_UNSUPPORTED');
      expect(of('text', { tables: { a: { types: { c: 'app.span' } } } })).toContain('TYPE_UNSUPPORTED');
    });
  });

  it('has nothing to say about triggers and keys of a local table', () => {
    const local = { ...full, triggers: [{ name: 't', definition: '' }] };
    expect(survey([local], {}, { tables: { a: { placement: 'local' } } })).toEqual([]);
  });
});

describe('rows without a distribution value', () => {
  it('are looked for by a query that can be pasted, whatever the names are', () => {
    const odd = table('Odd one', [column('Tenant Id', 'text'), column('id', 'integer!')], [primary('id')]);
    const { tables } = decided(catalog([odd]), { distributionColumn: ['Tenant Id'] });
    const { placement } = tables[0]!;
    if (placement.kind !== 'distributed') throw new Error('not distributed');
    const told = (rows: number) => nullFinding(tables[0]!, placement, rows);
    expect(told(1).remedy).toContain('SELECT * FROM "Odd one" WHERE "Tenant Id" IS NULL');
    expect(told(1).message).toContain('has no value in 1 row.');
    expect(told(2).message).toContain('has no value in 2 rows.');
  });
});

describe('the check of the target', () => {
  const embedded = table(
    'a',
    [column('namespace', 'text!'), column('v', 'public.ruvector(3)', { extension: 'ruvector' })],
    [],
    {
      owner: 'boss',
      grants: [{ grantee: 'PUBLIC', privileges: ['SELECT'] }],
    },
  );
  const source = catalog([embedded], { extensions: [{ name: 'ruvector', schema: 'public', used: true }] });
  const facts = (over: Partial<TargetFacts> = {}): TargetFacts => ({
    citus: true,
    maxConnections: 100,
    replicationFactor: 1,
    available: new Set(['ruvector', 'vector']),
    extensions: new Map(),
    roles: new Set(['boss']),
    strangers: new Set(),
    shards: new Map(),
    ...over,
  });
  const planned = (from: Catalog, config: PlanConfig = {}) => {
    const { tables, foreignKeys } = decided(from, config);
    return { extensions: neededExtensions(from, tables), tables, foreignKeys: foreignKeys.plans };
  };
  const check = (over: Partial<TargetFacts>, types: Record<string, string> = {}): string[] =>
    checkTarget(source, planned(source, { types }), facts(over)).map((one) => one.code);

  it('passes a target that has what is needed', () => {
    expect(check({})).toEqual([]);
  });

  it('finds missing extensions, those in another schema, and missing roles', () => {
    expect(check({ available: new Set() })).toEqual(['EXTENSION_MISSING']);
    expect(check({ extensions: new Map([['ruvector', 'other']]) })).toEqual(['EXTENSION_SCHEMA']);
    expect(check({ roles: new Set() })).toEqual(['ROLE_MISSING']);
    expect(check({ strangers: new Set(['boss', 'other']) })).toEqual(['OWNER_KEPT']);
  });

  it('blocks foreign keys of distributed tables where shards are kept twice, and those alone', () => {
    const related = catalog([spaced('b'), child('a', 'b')]);
    const told = (config: PlanConfig, replicationFactor: number) =>
      checkTarget(related, planned(related, config), facts({ replicationFactor, roles: new Set(['app']) }));
    const [finding, ...others] = told({}, 2);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'FK_REPLICATED', severity: 'blocker' });
    const key = related.tables[1]!.constraints.find((one) => one.foreign)!.name;
    expect(finding!.message).toContain(`${key} of a`);
    expect(finding!.remedy).toContain(`"a.${key}"`);
    expect(told({ foreignKeys: { [`a.${key}`]: 'drop' } }, 2)).toEqual([]);
    expect(told({}, 1)).toEqual([]);
  });

  it('asks for the extension of the type mapped to instead', () => {
    const needed = (to: string) =>
      neededExtensions(source, decided(source, { types: { ruvector: to } }).tables);
    expect(needed('public.halfvec')).toEqual([{ name: 'vector', schema: 'public' }]);
    expect(needed('real[]')).toEqual([]);
  });
});
