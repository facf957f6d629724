import type { Config } from '../config/config.js';
import { suggest } from '../config/suggest.js';
import type { Catalog, TableDef } from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { displayName, parseName, qualified } from '../core/names.js';

/** The part of the configuration that decides a plan; whatever is left out has the default of the command line. */
export type PlanConfig = Partial<
  Pick<
    Config,
    | 'include'
    | 'exclude'
    | 'jobs'
    | 'tables'
    | 'distributionColumn'
    | 'foreignKeys'
    | 'types'
    | 'widenSerial'
    | 'shardCount'
    | 'reference'
  >
> & {
  /** Count keys, NULLs and rows that cross keys on the source, one pass per table; default true. */
  readonly stats?: boolean;
};

export const PLAN_DEFAULTS = {
  distributionColumn: ['namespace'],
  shardCount: 32,
  reference: { maxRows: 10_000, maxBytes: 16 * 1024 * 1024 },
  jobs: 2,
} as const;

/** Every problem of the configuration that only the catalog can show, at once. */
export function checkPlanConfig(config: PlanConfig, catalog: Catalog): void {
  const unknown: string[] = [];
  const problems: string[] = [];
  const names = catalog.tables.map(displayName);
  const find = (text: string, where: string): TableDef | undefined => {
    const table = findTable(catalog, text);
    if (!table) unknown.push(withSuggestion(`${where}: there is no table ${text}`, text, names));
    return table;
  };
  for (const [names, option] of [
    [config.include, '--tables'] as const,
    [config.exclude, '--exclude'] as const,
  ]) {
    for (const name of names ?? []) {
      const table = find(name, option);
      if (table?.partitionOf)
        problems.push(
          `${option}: ${name} is a partition, and goes with its table; name ${displayName(rootOf(table, catalog))}`,
        );
    }
  }
  for (const [name, choice] of Object.entries(config.tables ?? {})) {
    const table = find(name, `tables.${name}`);
    if (!table) continue;
    const columns = table.columns.map((column) => column.name);
    const { distributeBy, via, types } = choice;
    for (const [key, column] of [
      ['distributeBy', distributeBy] as const,
      ...Object.keys(types ?? {}).map((one) => ['types', one] as const),
    ]) {
      if (column !== undefined && !columns.includes(column))
        problems.push(withSuggestion(`tables.${name}.${key}: there is no column ${column}`, column, columns));
    }
    const keys = table.constraints.filter((one) => one.foreign).map((one) => one.name);
    if (via !== undefined && !keys.includes(via))
      problems.push(withSuggestion(`tables.${name}.via: there is no foreign key ${via}`, via, keys));
    if (table.partitionOf && (choice.placement || distributeBy || via))
      problems.push(
        `tables.${name}: a partition is placed as ${displayName(table.partitionOf)} is; name that`,
      );
  }
  const foreign = catalog.tables.flatMap((table) =>
    table.constraints.filter((one) => one.foreign).map((one) => foreignKeyName(table, one.name)),
  );
  for (const key of Object.keys(config.foreignKeys ?? {})) {
    if (!foreign.includes(key))
      problems.push(withSuggestion(`foreignKeys.${key}: there is no such foreign key`, key, foreign));
  }
  if (unknown.length > 0)
    throw new MigrateError('TABLE_UNKNOWN', { message: [...unknown, ...problems].join('; ') });
  if (problems.length > 0) throw new MigrateError('CONFIG_INVALID', { message: problems.join('; ') });
}

/** The table that a partition, of whatever level, is a part of; any other table is its own. */
export function rootOf(table: TableDef, catalog: Catalog): TableDef {
  const parent = table.partitionOf && findTable(catalog, qualified(table.partitionOf));
  return parent ? rootOf(parent, catalog) : table;
}

/** How the configuration names a foreign key: `table.constraint`, the table as people write it. */
export const foreignKeyName = (table: { schema: string; name: string }, constraint: string): string =>
  `${table.schema === 'public' ? table.name : `${table.schema}.${table.name}`}.${constraint}`;

/** The table that a person means, whichever way the name is written. */
export function findTable(catalog: Catalog, text: string): TableDef | undefined {
  const name = qualified(parseName(text));
  return catalog.tables.find((table) => qualified(table) === name || displayName(table) === text);
}

function withSuggestion(problem: string, word: string, known: readonly string[]): string {
  const guess = suggest(word, known);
  return guess === undefined ? problem : `${problem}; did you mean ${guess}?`;
}
