import type { Catalog, TableDef } from '../core/catalog-types.js';
import { displayName, qualified } from '../core/names.js';
import type { ColumnPlan, Placement, TablePlan } from '../core/plan-types.js';
import { byName, sorted } from './order.js';
import { needsText } from './projection.js';
import { type ColumnTypes, columnKey } from './types.js';
import { rowKey } from './unique-keys.js';

/** How every table travels, sorted by schema and name. Generated columns do not travel. */
export function planTables(
  catalog: Catalog,
  placements: ReadonlyMap<string, Placement>,
  types: ColumnTypes,
): TablePlan[] {
  return sorted(catalog.tables, byName<TableDef>).map((table) => {
    const placement = placements.get(qualified(table))!;
    const columns = planColumns(table, placement, catalog, types);
    return {
      schema: table.schema,
      name: table.name,
      table: displayName(table),
      placement,
      key: keyOf(table, catalog),
      columns,
      format: columns.every((column) => isBinary(table, column, catalog)) ? 'binary' : 'text',
    };
  });
}

/** The key of a partition may stand at its root. */
function keyOf(table: TableDef, catalog: Catalog): readonly string[] | null {
  const own = rowKey(table);
  if (own || !table.partitionOf) return own;
  const parent = find(catalog, table.partitionOf);
  return parent ? keyOf(parent, catalog) : null;
}

function planColumns(
  table: TableDef,
  placement: Placement,
  catalog: Catalog,
  types: ColumnTypes,
): ColumnPlan[] {
  const own = table.columns
    .filter((column) => column.generated === undefined)
    .map(
      (column): ColumnPlan => ({
        name: column.name,
        sourceType: column.type,
        targetType: types.get(columnKey(table, column.name)) ?? column.type,
        origin: 'own',
      }),
    );
  if (placement.kind !== 'distributed') return own;
  if (placement.via.length > 0) {
    const origin = find(catalog, placement.via.at(-1)!.references)!;
    const { type } = origin.columns.find((column) => column.name === placement.column)!;
    return [
      { name: placement.column, sourceType: type, targetType: placement.type, origin: 'added' },
      ...own,
    ];
  }
  return [
    ...own.filter((column) => column.name === placement.column),
    ...own.filter((column) => column.name !== placement.column),
  ];
}

const find = (catalog: Catalog, name: { schema: string; name: string }): TableDef | undefined =>
  catalog.tables.find((table) => qualified(table) === qualified(name));

function isBinary(table: TableDef, column: ColumnPlan, catalog: Catalog): boolean {
  if (needsText(column.sourceType, column.targetType)) return false;
  // Otherwise the source casts, and built-in types all have a binary form, if one that holds an OID of its server.
  if (column.sourceType !== column.targetType) return !/^reg[a-z]+(\[\])*$/.test(column.targetType);
  if (column.origin === 'added') return addedIsBinary(column, catalog);
  return table.columns.find((one) => one.name === column.name)?.binary ?? false;
}

const addedIsBinary = (column: ColumnPlan, catalog: Catalog): boolean =>
  catalog.tables
    .flatMap((table) => table.columns)
    .some((one) => one.name === column.name && one.type === column.sourceType && one.binary);
