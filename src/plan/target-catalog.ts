import type {
  Catalog,
  ColumnDef,
  ConstraintDef,
  FunctionDef,
  IndexDef,
  Named,
  SequenceDef,
  TableDef,
} from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent } from '../core/names.js';
import type { ForeignKeyPlan, Placement, Plan, TablePlan } from '../core/plan-types.js';
import { mentions } from './ddl-types.js';
import { isIndexWidened, keyFate, widenDefinition } from './keys.js';
import { targetSettings } from './settings.js';
import { targetViews } from './target-views.js';
import { canonicalType, typeParts } from './types.js';

/**
 * The catalog as the target is to have it: types mapped, the distribution column added, keys widened, foreign keys
 * as decided, and without what Citus does not take. Functions are those that something kept depends on.
 */
export function targetCatalog(
  plan: Pick<Plan, 'catalog' | 'tables' | 'foreignKeys' | 'extensions'>,
): Catalog {
  const { catalog } = plan;
  const plans = new Map(plan.tables.map((one) => [qualified(one), one]));
  const fates = new Map(plan.foreignKeys.map((one) => [`${one.table}.${one.constraint}`, one]));
  const btreeGist = catalog.extensions.some((one) => one.name === 'btree_gist');
  const tables = catalog.tables.map((table) =>
    targetTable(table, plans.get(qualified(table))!, fates, btreeGist),
  );
  const { views } = targetViews(catalog, plan.tables);
  const kept: Catalog = {
    ...catalog,
    extensions: plan.extensions ?? catalog.extensions,
    sequences: catalog.sequences.map((one) => targetSequence(one, plans)),
    tables,
    views,
    functions: [],
  };
  const relations = new Set([...tables, ...views].map(qualified));
  const possible = catalog.functions.filter(({ reads = [] }) =>
    reads.every((one) => relations.has(qualified(one))),
  );
  const functions = neededFunctions(possible, kept);
  const result = { ...kept, functions };
  return { ...result, ...attached(catalog, result) };
}

/** Privileges, owners and comments of what is kept. */
export function attached(catalog: Catalog, result: Kept): Pick<Catalog, 'grants' | 'owners' | 'comments'> {
  return {
    grants: (catalog.grants ?? []).filter((one) => isKept(one.object, one.on.split(' ')[0]!, result)),
    owners: (catalog.owners ?? []).filter((one) => isKept(one.object, one.on.split(' ')[0]!, result)),
    comments: (catalog.comments ?? []).filter((one) => isCommentKept(one.type, one.names, result)),
  };
}

function targetTable(
  table: TableDef,
  plan: TablePlan,
  fates: ReadonlyMap<string, ForeignKeyPlan>,
  btreeGist: boolean,
): TableDef {
  const { placement } = plan;
  const types = new Map(plan.columns.map((column) => [column.name, column]));
  const added = plan.columns.filter((column) => column.origin === 'added');
  const columns = [
    ...table.columns.map((column) => targetColumn(column, types.get(column.name)?.targetType)),
    ...added.map((column): ColumnDef => addedColumn(column.name, column.targetType, placement)),
  ];
  const cluster = placement.kind !== 'local';
  const { settings: _settings, replicaIdentity: _identity, ...rest } = table;
  const made: TableDef = {
    ...rest,
    columns,
    constraints: table.constraints.flatMap((one) =>
      targetConstraint(table, one, placement, fates, btreeGist),
    ),
    indexes: table.indexes.flatMap((one) => targetIndex(one, table, plan)),
    triggers: cluster ? [] : table.triggers,
    policies: cluster ? table.policies.filter((one) => !hasSubSelect(one)) : table.policies,
  };
  const { settings, replicaIdentity } = table;
  const source = {
    ...made,
    ...(settings ? { settings } : {}),
    ...(replicaIdentity ? { replicaIdentity } : {}),
  };
  return { ...made, ...targetSettings(source, plan) };
}

function targetColumn(column: ColumnDef, type: string | undefined): ColumnDef {
  if (type === undefined || type === column.type) return column;
  const { hashFunction: _hash, extension: _extension, default: value, ...rest } = column;
  return { ...rest, type, ...(value === undefined ? {} : { default: remapped(value, column.type, type) }) };
}

/** A default's casts to the old type, whole or without its modifier, with the new type's name. */
function remapped(text: string, from: string, to: string): string {
  const cast = (type: string): RegExp =>
    new RegExp(`::${type.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w(])`, 'g');
  return text
    .replace(cast(from), () => `::${to}`)
    .replace(cast(typeParts(from).base), () => `::${typeParts(to).base}`);
}

function addedColumn(name: string, type: string, placement: Placement): ColumnDef {
  return {
    name,
    type,
    notNull: true,
    deterministic: true,
    binary: true,
    ...(placement.kind === 'distributed' ? { hashFunction: placement.hashFunction } : {}),
  };
}

function targetConstraint(
  table: TableDef,
  one: ConstraintDef,
  placement: Placement,
  fates: ReadonlyMap<string, ForeignKeyPlan>,
  btreeGist: boolean,
): ConstraintDef[] {
  if (one.kind === 'foreign') {
    const definition = fates.get(`${displayName(table)}.${one.name}`)?.definition;
    return definition === undefined ? [] : [{ ...one, definition }];
  }
  const fate = keyFate(one, placement, btreeGist);
  if (fate === 'dropped') return [];
  if (fate === 'kept' || placement.kind !== 'distributed') return [one];
  return [
    {
      ...one,
      columns: [placement.column, ...one.columns],
      definition: widenDefinition(one, placement.column),
    },
  ];
}

function targetIndex(index: IndexDef, table: TableDef, plan: TablePlan): IndexDef[] {
  if (!index.valid) return [];
  const fitting = fittingIndex(index, table, plan);
  if (fitting === undefined) return [];
  const { placement } = plan;
  if (placement.kind !== 'distributed' || !isIndexWidened(fitting, placement)) return [fitting];
  return [
    {
      ...fitting,
      columns: [placement.column, ...fitting.columns],
      tail: `${quoteIdent(placement.column)}, ${fitting.tail}`,
    },
  ];
}

/**
 * The index on the target's types: the operator classes of a mapped extension type take the new type's name
 * (`ruvector_cosine_ops` → `vector_cosine_ops`). Undefined when the new type is an array, which has none of them.
 */
export function fittingIndex(index: IndexDef, table: TableDef, plan: TablePlan): IndexDef | undefined {
  let { tail } = index;
  for (const { name, sourceType, targetType } of plan.columns) {
    if (sourceType === targetType || !index.columns.includes(name)) continue;
    const from = typeParts(canonicalType(sourceType)).base;
    const to = typeParts(targetType);
    const column = table.columns.find((one) => one.name === name);
    if (column?.extension === undefined && index.method !== 'hnsw' && index.method !== 'ivfflat') continue;
    if (to.array !== '' || !/(^|\.)\w+$/.test(to.base)) return undefined;
    const [schema, type] = to.base.includes('.') ? to.base.split('.') : ['pg_catalog', to.base];
    const bare = from.split('.').at(-1)!;
    tail = tail.replace(
      new RegExp(`(?:\\w+\\.)?${bare}_(\\w*ops)\\b`, 'g'),
      (_, ops: string) => `${schema}.${type}_${ops}`,
    );
  }
  return tail === index.tail ? index : { ...index, tail };
}

/** Citus refuses policies with a sub-select. */
export const hasSubSelect = (policy: TableDef['policies'][number]): boolean =>
  /\(\s*SELECT\b/i.test(`${policy.using ?? ''} ${policy.check ?? ''}`);

const WIDER: Readonly<Record<string, readonly [string, string]>> = {
  '2147483647': ['max', '9223372036854775807'],
  '32767': ['max', '9223372036854775807'],
  '-2147483648': ['min', '-9223372036854775808'],
  '-32768': ['min', '-9223372036854775808'],
};

/** The sequence of a column that became bigint, with bigint's bounds where it had its type's. */
function targetSequence(one: SequenceDef, plans: ReadonlyMap<string, TablePlan>): SequenceDef {
  const plan = one.ownedBy && plans.get(qualified(one.ownedBy));
  const column = plan?.columns.find((other) => other.name === one.ownedBy?.column);
  if (!column || column.targetType === column.sourceType || column.targetType !== 'bigint') return one;
  return {
    ...one,
    dataType: 'bigint',
    min: WIDER[one.min]?.[1] ?? one.min,
    max: WIDER[one.max]?.[1] ?? one.max,
  };
}

/** What kept tables, views, policies and triggers use, and what those functions mention in turn. */
function neededFunctions(functions: readonly FunctionDef[], kept: Catalog): FunctionDef[] {
  const tables = new Map(kept.tables.map((table) => [qualified(table), table]));
  const views = new Set(kept.views.map(qualified));
  const needed = new Set(
    functions.filter((one) =>
      (one.usedBy ?? []).some((user) => {
        const table = tables.get(qualified(user));
        if (user.kind === 'trigger') return (table?.triggers.length ?? 0) > 0;
        if (user.kind === 'policy') return (table?.policies.length ?? 0) > 0;
        return user.kind === 'type' || table !== undefined || views.has(qualified(user));
      }),
    ),
  );
  for (const one of needed) {
    for (const other of functions)
      if (!needed.has(other) && mentions(one.definition, other)) needed.add(other);
  }
  return functions.filter((one) => needed.has(one));
}

type Kept = Pick<Catalog, 'schemas' | 'sequences' | 'tables' | 'views' | 'functions'>;

function isKept(object: Named, kind: string, catalog: Kept): boolean {
  if (kind === 'SCHEMA') return catalog.schemas.includes(object.name);
  if (kind === 'TYPE' || kind === 'DOMAIN' || kind === 'COLLATION') return true;
  const views = kind === 'TABLE' || kind === 'VIEW' || kind === 'MATERIALIZED';
  const among: readonly Named[] =
    kind === 'SEQUENCE' ? catalog.sequences : views ? catalog.views : catalog.functions;
  return among.some((one) => qualified(one) === qualified(object));
}

function isCommentKept(type: string, names: readonly string[], catalog: Kept): boolean {
  const [schema, name, part] = names as [string, string, string | undefined];
  const is = (one: Named): boolean => one.schema === schema && one.name === name;
  switch (type) {
    case 'table':
    case 'table column':
      return catalog.tables.some(is);
    case 'table constraint':
      return catalog.tables.some((table) => is(table) && table.constraints.some((one) => one.name === part));
    case 'index':
      return [...catalog.tables, ...catalog.views].some(
        (one) => one.schema === schema && hasIndex(one, name),
      );
    case 'sequence':
      return catalog.sequences.some(is);
    case 'function':
    case 'procedure':
      return catalog.functions.some(is);
    case 'schema':
    case 'type':
      return true;
    default:
      return catalog.views.some(is);
  }
}

/** An index of that name, or the one of a key. */
const hasIndex = (relation: Catalog['tables'][number] | Catalog['views'][number], name: string): boolean =>
  relation.indexes.some((one) => one.name === name) ||
  ('constraints' in relation &&
    relation.constraints.some((one) => one.kind !== 'foreign' && one.name === name));
