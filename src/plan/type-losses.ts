import type { Catalog } from '../core/catalog-types.js';
import { qualified } from '../core/names.js';
import type { Finding, TablePlan } from '../core/plan-types.js';
import { finding } from './findings.js';
import { isLossless, lossOf } from './lossless.js';
import { columnKey } from './types.js';

/**
 * Columns whose mapped type may not hold what they hold: a warning where the configuration names the column
 * (`named`, by `columnKey`), a blocker where a rule for all columns of a type hits it.
 */
export function typeLosses(
  { tables: definitions }: Catalog,
  tables: readonly TablePlan[],
  named: ReadonlyMap<string, string>,
): Finding[] {
  const parents = new Map(
    definitions.flatMap(({ partitionOf, ...table }) =>
      partitionOf ? [[qualified(table), qualified(partitionOf)] as const] : [],
    ),
  );
  const types = new Map(
    tables.flatMap((table) =>
      table.columns.map((one) => [columnKey(table, one.name), one.targetType] as const),
    ),
  );
  return tables.flatMap((table): Finding[] => {
    const parent = parents.get(qualified(table));
    const lossy = table.columns.filter(
      ({ name, origin, sourceType, targetType }) =>
        origin === 'own' &&
        !isLossless(sourceType, targetType) &&
        // The root of a partition speaks for it.
        (parent === undefined || types.get(`${parent}.${name}`) !== targetType),
    );
    const asked = lossy.filter(({ name }) => named.has(columnKey(table, name)));
    const hit = lossy.filter((column) => !asked.includes(column));
    const described = (columns: typeof lossy): { columns: string } => ({
      columns: columns
        .map(
          ({ name, sourceType, targetType }) =>
            `${name} (${sourceType} to ${targetType}: ${lossOf(targetType)})`,
        )
        .join(', '),
    });
    return [
      ...(asked.length > 0 ? [finding('TYPE_LOSSY', { table }, described(asked))] : []),
      ...(hit.length > 0 ? [finding('TYPE_RULE_LOSSY', { table }, described(hit))] : []),
    ];
  });
}
