import type { Catalog } from '../core/catalog-types.js';
import { displayName } from '../core/names.js';
import type { Finding, Plan, TablePlan } from '../core/plan-types.js';
import { finding } from './findings.js';
import { byText, compareText, sorted } from './order.js';
import type { TargetFacts } from './target-facts.js';
import { typeParts } from './types.js';

type Extensions = NonNullable<Plan['extensions']>;

/** The extension that brings a type of the vector family. */
const BRINGS: Readonly<Record<string, string>> = { halfvec: 'vector', sparsevec: 'vector' };

/**
 * Extensions that the target needs: those of the source that something depends on, without those whose every
 * column is mapped to another type, and those of the types mapped to.
 */
export function neededExtensions(catalog: Catalog, tables: readonly TablePlan[]): Extensions {
  const columns = catalog.tables.flatMap((table) => {
    const plan = tables.find((one) => one.schema === table.schema && one.name === table.name);
    return table.columns.map((column) => ({
      extension: column.extension,
      mapped:
        plan?.columns.some((one) => one.name === column.name && one.targetType !== column.type) ?? false,
    }));
  });
  const replaced = (name: string): boolean => {
    const own = columns.filter((column) => column.extension === name);
    return own.length > 0 && own.every((column) => column.mapped);
  };
  const needed = new Map(
    catalog.extensions
      .filter((one) => one.used !== false && !replaced(one.name))
      .map((one) => [one.name, { name: one.name, schema: one.schema }]),
  );
  for (const { sourceType, targetType } of tables.flatMap((table) => table.columns)) {
    const [schema, type] = typeParts(targetType).base.split('.');
    if (sourceType === targetType || type === undefined || isOwnType(catalog, schema!, type)) continue;
    const name = BRINGS[type] ?? type;
    if (!needed.has(name)) needed.set(name, { name, schema: schema! });
  }
  return sorted(
    needed.values(),
    byText((one) => one.name),
  );
}

const isOwnType = (catalog: Catalog, schema: string, name: string): boolean =>
  catalog.types.some((one) => one.schema === schema && one.name === name);

/** What the target lacks or refuses: extensions and foreign keys block, roles are left out. */
export function checkTarget(
  catalog: Catalog,
  { extensions = [], tables, foreignKeys }: Pick<Plan, 'extensions' | 'tables' | 'foreignKeys'>,
  target: TargetFacts,
): Finding[] {
  const findings = replicated(tables, foreignKeys, target);
  for (const { name, schema } of extensions) {
    const installed = target.extensions.get(name);
    if (installed === undefined && !target.available.has(name)) {
      findings.push(finding('EXTENSION_MISSING', { object: name }, { users: usersOf(catalog, name) }));
    } else if (installed !== undefined && installed !== schema) {
      findings.push(finding('EXTENSION_SCHEMA', { object: name }, { schema, other: installed }));
    }
  }
  const missing = sorted(
    [...rolesOf(catalog)].filter((role) => !target.roles.has(role)),
    compareText,
  );
  if (missing.length > 0) findings.push(finding('ROLE_MISSING', {}, { names: missing.join(', ') }));
  const kept = sorted(
    [...ownersOf(catalog)].filter((role) => target.strangers.has(role)),
    compareText,
  );
  if (kept.length > 0) findings.push(finding('OWNER_KEPT', {}, { names: kept.join(', ') }));
  return findings;
}

/** Measured, Citus 13.2: "only for citus.shard_replication_factor = 1", to reference tables and itself as well. */
function replicated(
  tables: readonly TablePlan[],
  foreignKeys: Plan['foreignKeys'],
  { replicationFactor: factor }: TargetFacts,
): Finding[] {
  if (factor < 2) return [];
  const distributed = new Set(
    tables.filter(({ placement }) => placement.kind === 'distributed').map(({ table }) => table),
  );
  const refused = foreignKeys.filter(({ table, fate }) => fate !== 'dropped' && distributed.has(table));
  if (refused.length === 0) return [];
  const names = refused.map(({ table, constraint }) => `${constraint} of ${table}`).join(', ');
  const keys = refused.map(({ table, constraint }) => `"${table}.${constraint}"`).join(', ');
  return [finding('FK_REPLICATED', {}, { factor, names, keys })];
}

function usersOf(catalog: Catalog, extension: string): string {
  const tables = catalog.tables.filter((table) =>
    table.columns.some((column) => column.extension === extension),
  );
  return tables.length > 0 ? tables.map(displayName).join(', ') : 'indexes, defaults or functions';
}

const ownersOf = (catalog: Catalog): Set<string> =>
  new Set([...catalog.tables, ...(catalog.owners ?? [])].map(({ owner }) => owner));

function rolesOf(catalog: Catalog): Set<string> {
  const roles = catalog.tables.flatMap((table) => [
    ...table.grants.map((grant) => grant.grantee),
    ...table.policies.flatMap((policy) => policy.roles),
  ]);
  const others = (catalog.grants ?? []).map((grant) => grant.grantee);
  return new Set([...ownersOf(catalog), ...roles, ...others].filter((role) => role !== 'PUBLIC'));
}
