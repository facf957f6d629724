import type { Catalog, TableDef } from '../core/catalog-types.js';
import { displayName } from '../core/names.js';
import type { Plan } from '../core/plan-types.js';
import { canonicalJson } from './plan-hash.js';
import { restrict } from './scope.js';

/**
 * What changed at the source since the plan was made, one sentence each: tables, columns and keys. Empty when rows
 * would still travel as planned.
 */
export function comparePlan(plan: Plan, catalogNow: Catalog): string[] {
  const before = byName(plan.catalog.tables);
  const now = byName(restrict(catalogNow, plan.scope).tables);
  const changes: string[] = [];
  for (const [name, table] of before) {
    const other = now.get(name);
    if (other) changes.push(...compareTable(name, table, other));
    else changes.push(`table ${name} is gone`);
  }
  for (const name of now.keys()) if (!before.has(name)) changes.push(`table ${name} is new`);
  return changes;
}

const byName = (tables: readonly TableDef[]): Map<string, TableDef> =>
  new Map(tables.map((table) => [displayName(table), table]));

function compareTable(name: string, before: TableDef, now: TableDef): string[] {
  return [
    ...(before.kind === now.kind ? [] : [`table ${name} was a ${before.kind} and is a ${now.kind}`]),
    ...(canonicalJson(before.partitionOf) === canonicalJson(now.partitionOf)
      ? []
      : [`table ${name} has another partition bound`]),
    ...comparePart(name, 'column', before.columns, now.columns),
    ...comparePart(name, 'constraint', before.constraints, now.constraints),
    ...comparePart(name, 'index', before.indexes, now.indexes),
  ];
}

function comparePart(
  table: string,
  what: string,
  before: readonly { name: string; type?: string }[],
  now: readonly { name: string; type?: string }[],
): string[] {
  const changes: string[] = [];
  const known = new Map(now.map((one) => [one.name, one]));
  for (const one of before) {
    const other = known.get(one.name);
    known.delete(one.name);
    if (!other) changes.push(`${what} ${table}.${one.name} is gone`);
    else if (one.type !== other.type)
      changes.push(`${what} ${table}.${one.name} was ${one.type} and is ${other.type}`);
    else if (canonicalJson(one) !== canonicalJson(other))
      changes.push(`${what} ${table}.${one.name} is different`);
  }
  return [...changes, ...[...known.keys()].map((one) => `${what} ${table}.${one} is new`)];
}
