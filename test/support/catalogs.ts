import type { Catalog, ColumnDef, ConstraintDef, IndexDef, TableDef } from '../../src/core/catalog-types.js';
import { parseName, qualified } from '../../src/core/names.js';
import { type Decisions, decide } from '../../src/plan/build.js';
import { checkPlanConfig, type PlanConfig } from '../../src/plan/options.js';
import { canonicalType, columnKey } from '../../src/plan/types.js';

const HASHES: Record<string, string> = {
  'character varying': 'hashtext',
  text: 'hashtext',
  integer: 'hashint4',
  bigint: 'hashint8',
  uuid: 'uuid_hash',
};

/** `varchar(255)!`: not null; the rest of a column by `over`. */
export function column(name: string, type: string, over: Partial<ColumnDef> = {}): ColumnDef {
  const canonical = canonicalType(type.replace('!', ''));
  const hash = HASHES[canonical.replace(/\(.*\)/, '')];
  return {
    name,
    type: canonical,
    notNull: type.endsWith('!'),
    deterministic: true,
    binary: true,
    ...(hash ? { hashFunction: hash } : {}),
    ...over,
  };
}

export const primary = (table: string, ...columns: string[]): ConstraintDef => ({
  name: `${table}_pkey`,
  kind: 'primary',
  columns,
  definition: `PRIMARY KEY (${columns.join(', ')})`,
  validated: true,
});

export const unique = (name: string, ...columns: string[]): ConstraintDef => ({
  name,
  kind: 'unique',
  columns,
  definition: `UNIQUE (${columns.join(', ')})`,
  validated: true,
});

type Foreign = NonNullable<ConstraintDef['foreign']>;

/** `a, b -> t(c, d)`; actions by `over`. */
export function foreignKey(name: string, text: string, over: Partial<Foreign> = {}): ConstraintDef {
  const [, own, table, others] = /^(.*) -> (.*)\((.*)\)$/.exec(text)!;
  const references = parseName(table!);
  const foreign: Foreign = {
    references,
    columns: others!.split(', '),
    onDelete: 'NO ACTION',
    onUpdate: 'NO ACTION',
    match: 'SIMPLE',
    deferrable: '',
    ...over,
  };
  const actions = foreign.onDelete === 'NO ACTION' ? '' : ` ON DELETE ${foreign.onDelete}`;
  return {
    name,
    kind: 'foreign',
    columns: own!.split(', '),
    definition: `FOREIGN KEY (${own}) REFERENCES ${qualified(references)}(${others})${actions}`,
    validated: true,
    foreign,
  };
}

export const index = (name: string, tail: string, over: Partial<IndexDef> = {}): IndexDef => ({
  name,
  unique: false,
  method: 'btree',
  columns: tail
    .slice(0, tail.indexOf(')'))
    .split(', ')
    .map((one) => (/^\w+$/.test(one) ? one : null)),
  tail,
  valid: true,
  ...over,
});

export function table(
  name: string,
  columns: readonly ColumnDef[],
  constraints: readonly ConstraintDef[] = [],
  over: Partial<TableDef> = {},
): TableDef {
  return {
    ...parseName(name),
    kind: 'table',
    unlogged: false,
    inherits: [],
    owner: 'app',
    columns,
    constraints,
    indexes: [],
    triggers: [],
    rowSecurity: { enabled: false, forced: false },
    policies: [],
    grants: [],
    options: [],
    ...over,
  };
}

export function catalog(tables: readonly TableDef[], over: Partial<Catalog> = {}): Catalog {
  return {
    schemas: ['public'],
    extensions: [],
    types: [],
    functions: [],
    sequences: [],
    tables,
    views: [],
    ...over,
  };
}

/** A table with a namespace and an id, which most tests start from. */
export const spaced = (name: string, ...more: ConstraintDef[]): TableDef =>
  table(
    name,
    [column('id', 'integer!'), column('namespace', 'varchar(255)!')],
    [primary(name, 'id'), ...more],
  );

/** A child without a namespace. */
export const child = (
  name: string,
  parent: string,
  over: Partial<Foreign> = {},
  nullable = false,
): TableDef =>
  table(
    name,
    [column('id', 'integer!'), column('parent_id', nullable ? 'integer' : 'integer!')],
    [primary(name, 'id'), foreignKey(`${name}_parent_fkey`, `parent_id -> ${parent}(id)`, over)],
  );

/** What is decided from tables, their rows (default 0) and the configuration. Types are taken as they are written. */
export function decided(
  source: Catalog | readonly TableDef[],
  config: PlanConfig = {},
  rows: Readonly<Record<string, number>> = {},
): Decisions & { readonly catalog: Catalog } {
  const whole = 'tables' in source ? source : catalog(source);
  checkPlanConfig(config, whole);
  const sizes = new Map(
    Object.entries(rows).map(([name, count]) => [
      qualified(parseName(name)),
      { rows: count, bytes: count * 100 },
    ]),
  );
  const columns = new Map(
    Object.entries(config.tables ?? {}).flatMap(([name, choice]) =>
      Object.entries(choice.types ?? {}).map(
        ([one, type]) => [columnKey(parseName(name), one), canonicalType(type)] as const,
      ),
    ),
  );
  const types = new Map(Object.entries(config.types ?? {}).map(([from, to]) => [canonicalType(from), to]));
  return { ...decide(whole, sizes, { ...config, resolved: { types, columns } }), catalog: whole };
}
