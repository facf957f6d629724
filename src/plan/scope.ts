import type { Catalog, Named, SequenceDef, TableDef } from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified } from '../core/names.js';
import type { Plan } from '../core/plan-types.js';
import { findTable, type PlanConfig } from './options.js';
import { compareText, sorted } from './order.js';

type Scope = NonNullable<Plan['scope']>;

/** --tables and --exclude as display names; undefined when all tables are meant. */
export function scopeOf(config: PlanConfig, catalog: Catalog): Scope | undefined {
  const names = (texts: readonly string[]): string[] =>
    sorted(new Set(texts.map((text) => displayName(findTable(catalog, text)!))), compareText);
  const tables = names(config.include ?? []);
  const exclude = names(config.exclude ?? []);
  if (tables.length === 0 && exclude.length === 0) return undefined;
  return { ...(tables.length > 0 ? { tables } : {}), ...(exclude.length > 0 ? { exclude } : {}) };
}

/** What --tables and --exclude leave must be something to work on. */
export function noTableLeft(): MigrateError {
  return new MigrateError('USAGE', {
    message: '--tables and --exclude leave no table',
    hint: 'Take a table out of --exclude, or name another in --tables; nothing was touched.',
  });
}

/** The catalog with the chosen tables alone; partitions go with their root, sequences with their table. */
export function restrict(catalog: Catalog, scope: Scope | undefined): Catalog {
  if (scope === undefined) return catalog;
  const byTable = new Map(catalog.tables.map((table) => [qualified(table), table]));
  const isChosen = (table: TableDef): boolean => {
    const name = displayName(table);
    if (scope.exclude?.includes(name)) return false;
    if (scope.tables?.includes(name)) return true;
    const parent = table.partitionOf && byTable.get(qualified(table.partitionOf));
    return parent ? isChosen(parent) : scope.tables === undefined;
  };
  const tables = catalog.tables.filter(isChosen);
  const chosen = new Set(tables.map(qualified));
  return {
    ...catalog,
    tables,
    sequences: catalog.sequences.filter((one) => !one.ownedBy || chosen.has(qualified(one.ownedBy))),
    statistics: (catalog.statistics ?? []).filter((one) => chosen.has(qualified(one.table))),
    others: (catalog.others ?? []).filter((one) => !one.table || chosen.has(qualified(one.table))),
  };
}

/** The sequences that move with `tables`: theirs, and those that belong to no table. */
export function sequencesOf(catalog: Catalog, tables: readonly Named[]): SequenceDef[] {
  const scope = new Set(tables.map(qualified));
  return catalog.sequences.filter((one) => one.ownedBy === undefined || scope.has(qualified(one.ownedBy)));
}
