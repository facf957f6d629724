import type { Database } from '../citus/database.js';
import { qualified, quoteLiteral } from '../core/names.js';
import type { ColumnPlan, TablePlan } from '../core/plan-types.js';
import type { Queryable } from '../core/queryable.js';
import { castExpression, plainColumn } from '../plan/projection.js';
import { sql } from '../postgres/sql-files.js';
import { sqlState } from '../postgres/sqlstate.js';
import { type ColumnType, canonical, canonicalForm, castBack, recordHash } from './canonical.js';

/** SQLSTATE cannot_coerce. */
const CANNOT_CAST = '42846';

interface TypeRow extends ColumnType {
  schema: string;
  name: string;
  column: string;
}

/** Qualified table → column → type. */
export type TypeMap = ReadonlyMap<string, ReadonlyMap<string, ColumnType>>;

export async function readTypes(
  database: Database,
  tables: readonly { schema: string; name: string }[],
): Promise<TypeMap> {
  const types = new Map<string, Map<string, ColumnType>>();
  if (tables.length === 0) return types;
  const names = tables
    .map((table) => `(${quoteLiteral(table.schema)}, ${quoteLiteral(table.name)})`)
    .join(', ');
  for (const row of await database.session.query<TypeRow>(
    sql('verify/types', { tables: names }),
    'read the types',
  )) {
    const columns = types.get(qualified(row)) ?? new Map<string, ColumnType>();
    types.set(qualified(row), columns.set(row.column, row));
  }
  return types;
}

/** The SQL by which one side evaluates a table's rows for comparison. */
export interface SideExpressions {
  /** Digest of a whole row. */
  readonly hash: string;
  /** Digest of the key columns. */
  readonly keyHash: string;
  /** Key columns as text, in the order of `keyColumns`. */
  readonly key: readonly string[];
  /** Digest of each travelling column, in the order of `table.columns`. */
  readonly columnHashes: readonly string[];
  /** PostgreSQL hash of the distribution column; null where rows are not distributed. */
  readonly route: string | null;
  /** The distribution column as the target's type; null where rows are not distributed. */
  readonly tenant: string | null;
  /** Text of each travelling column, as the target's type reads it. */
  readonly texts: readonly string[];
  /** Each travelling column so that its binary form is the same on both sides exactly when the value is. */
  readonly canonical: readonly string[];
}

/** Where a column's type is looked up: an added column has it from the table that the path ends at. */
function home(table: TablePlan, column: ColumnPlan, side: 'source' | 'target'): string {
  const { placement } = table;
  if (column.origin === 'own' || side === 'target' || placement.kind !== 'distributed')
    return qualified(table);
  return qualified(placement.via.at(-1)!.references);
}

/** The columns of the table that are missing on one of the sides. */
export function missingColumns(table: TablePlan, types: { source: TypeMap; target: TypeMap }): string[] {
  return table.columns.flatMap((column) =>
    (['source', 'target'] as const)
      .filter((side) => types[side].get(home(table, column, side))?.has(column.name) !== true)
      .map((side) => `${table.table}.${column.name} on the ${side}`),
  );
}

function typesOf(table: TablePlan, column: ColumnPlan, types: { source: TypeMap; target: TypeMap }) {
  const of = (side: 'source' | 'target') => types[side].get(home(table, column, side))!.get(column.name)!;
  return { source: of('source'), target: of('target') };
}

/**
 * Why values of a table cannot be compared: the source cannot cast a mapped type back, so nobody sees what a value
 * has lost. Undefined where they can.
 */
export async function incomparable(
  source: Queryable,
  table: TablePlan,
  types: { source: TypeMap; target: TypeMap },
): Promise<string | undefined> {
  for (const column of table.columns) {
    const back = castBack(column, typesOf(table, column, types));
    if (back === undefined) continue;
    try {
      await source.query(`SELECT NULL::${column.targetType}::${back}`);
    } catch (error) {
      if (sqlState(error) !== CANNOT_CAST) throw error;
      return `${column.name} cannot be compared: there is no cast from ${column.targetType} back to ${back}, so what a value has lost cannot be seen; only rows were counted`;
    }
  }
  return undefined;
}

/** Expressions of `side`; types of both sides must be known (`missingColumns` is empty). */
export function expressionsOf(
  table: TablePlan,
  side: 'source' | 'target',
  types: { source: TypeMap; target: TypeMap },
): SideExpressions {
  const canonicalColumn = (column: ColumnPlan): string => {
    const pair = typesOf(table, column, types);
    const form = canonicalForm(column, pair.source, pair.target);
    return canonical(plainColumn(table, column, side), column, form, side, pair);
  };
  const values = table.columns.map(canonicalColumn);
  const keys = (table.key ?? []).map((name) => table.columns.find((column) => column.name === name)!);
  const asTarget = (column: ColumnPlan): string => {
    const value = plainColumn(table, column, side);
    return side === 'source' ? castExpression(value, column.sourceType, column.targetType) : value;
  };
  const { placement } = table;
  const distribution =
    placement.kind === 'distributed'
      ? table.columns.find((column) => column.name === placement.column)
      : undefined;
  const hash = recordHash(values);
  return {
    hash,
    keyHash: keys.length > 0 ? recordHash(keys.map(canonicalColumn)) : hash,
    key: keys.map((column) => `(${asTarget(column)})::text`),
    columnHashes: values.map((value) => recordHash([value])),
    tenant: distribution === undefined ? null : asTarget(distribution),
    texts: table.columns.map((column) => `(${asTarget(column)})::text`),
    canonical: values,
    route:
      placement.kind === 'distributed' && distribution !== undefined
        ? `${placement.hashFunction}(${asTarget(distribution)})`
        : null,
  };
}
