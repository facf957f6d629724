import type { TableDef } from '../core/catalog-types.js';
import { byText, sorted } from './order.js';

export interface UniqueKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly primary: boolean;
}

/** Primary key, unique constraints and whole unique indexes over plain columns; the primary key first. */
export function uniqueKeys(table: TableDef): UniqueKey[] {
  const constraints = table.constraints
    .filter((one) => one.kind === 'primary' || one.kind === 'unique')
    .map((one) => ({ name: one.name, columns: one.columns, primary: one.kind === 'primary' }));
  const indexes = table.indexes
    .filter(
      (one) => one.unique && one.valid && !one.columns.includes(null) && !/\)(.*) WHERE /s.test(one.tail),
    )
    .map((one) => ({ name: one.name, columns: one.columns as string[], primary: false }));
  return sorted(
    [...constraints, ...indexes],
    byText((key) => `${key.primary ? 0 : 1}${key.name}`),
  );
}

/** The columns that identify a row: the first unique key of which no column can be NULL. */
export function rowKey(table: TableDef): readonly string[] | null {
  const notNull = new Set(table.columns.filter((column) => column.notNull).map((column) => column.name));
  return uniqueKeys(table).find((key) => key.columns.every((column) => notNull.has(column)))?.columns ?? null;
}

/** Types of surrogate keys. */
export const isIdType = (type: string): boolean => /^(smallint|integer|bigint|uuid)$/.test(type);
