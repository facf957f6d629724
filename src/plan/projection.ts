import type { Named } from '../core/catalog-types.js';
import { qualified, quoteIdent } from '../core/names.js';
import type { ColumnPlan, TablePlan } from '../core/plan-types.js';

/** Which way rows flow: into the cluster, or back into a single node of the original shape. */
export type Direction = 'forward' | 'reverse';

/** Alias of the table itself in every statement that this module builds. */
export const ROW = 't';

const VECTOR = /^(?:.*\.)?"?(?:vector|halfvec|ruvector)"?(?:\(\d+\))?$/;
const FLOAT_ARRAY = /^(?:real|double precision)\[\]$/;

/** The columns that travel in a direction: what was added for the cluster does not go back. */
export function columnsOf(table: TablePlan, direction: Direction): readonly ColumnPlan[] {
  return direction === 'forward' ? table.columns : table.columns.filter((column) => column.origin === 'own');
}

/** `FROM ONLY part AS t` with the joins that reach the distribution column on the source. */
export function fromClause(table: TablePlan, part: Named, direction: Direction): string {
  const from = `FROM ONLY ${qualified(part)} AS ${ROW}`;
  return direction === 'reverse' ? from : from + sourceJoins(table);
}

/** The joins, behind the table itself as `t`, that reach the distribution column on the source. */
export function sourceJoins(table: TablePlan): string {
  if (table.placement.kind !== 'distributed') return '';
  let previous = ROW;
  const joins = table.placement.via.map((step, index) => {
    const alias = `via${index + 1}`;
    const on = step.columns
      .map(
        (column, at) =>
          `${alias}.${quoteIdent(step.referencedColumns[at]!)} = ${previous}.${quoteIdent(column)}`,
      )
      .join(' AND ');
    previous = alias;
    return ` LEFT JOIN ${step.only ? 'ONLY ' : ''}${qualified(step.references)} AS ${alias} ON ${on}`;
  });
  return joins.join('');
}

/** The column as it lies on the side that is read, without a cast. */
export function plainColumn(table: TablePlan, column: ColumnPlan, side: 'source' | 'target'): string {
  if (column.origin === 'own' || side === 'target' || table.placement.kind !== 'distributed') {
    return `${ROW}.${quoteIdent(column.name)}`;
  }
  // The added column has the name of the one it is reached from, which the last table of the path holds.
  return `via${table.placement.via.length}.${quoteIdent(column.name)}`;
}

/** Two types that hold one vector each, as an extension's type or as an array: their texts differ in brackets. */
export const areVectors = (from: string, to: string): boolean =>
  [from, to].every((type) => VECTOR.test(type) || FLOAT_ARRAY.test(type));

/** True when the two types write their values differently, so that only text can carry one into the other. */
export function needsText(from: string, to: string): boolean {
  return from !== to && (VECTOR.test(from) || VECTOR.test(to));
}

/** `expression` of type `from` as a value that a column of type `to` takes in COPY. */
export function castExpression(expression: string, from: string, to: string): string {
  if (from === to) return expression;
  if (VECTOR.test(from) && VECTOR.test(to)) return `${expression}::text`;
  if (VECTOR.test(from) && FLOAT_ARRAY.test(to)) return `translate(${expression}::text, '[]', '{}')`;
  if (FLOAT_ARRAY.test(from) && VECTOR.test(to)) return `translate(${expression}::text, '{}', '[]')`;
  return `${expression}::${to}`;
}

/** The SELECT list that reads `table` for the other side, in the order of `columnsOf`. */
export function selectList(table: TablePlan, direction: Direction): string {
  return columnsOf(table, direction)
    .map((column) =>
      direction === 'forward'
        ? castExpression(plainColumn(table, column, 'source'), column.sourceType, column.targetType)
        : castExpression(plainColumn(table, column, 'target'), column.targetType, column.sourceType),
    )
    .join(', ');
}
