import type { ConstraintDef } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent } from '../core/names.js';
import type { ColumnPlan, Plan, TablePlan } from '../core/plan-types.js';
import { isLossless } from '../plan/lossless.js';
import { areVectors, castExpression } from '../plan/projection.js';
import type { Kept } from './way-back-kept.js';

/** One way in which rows of a table may not fit the source. */
export interface Check {
  readonly columns: readonly string[];
  readonly reason: string;
  /** SQL over the table as `t`: true of rows that do not fit. */
  readonly condition: string;
  /** In front of the statement. */
  readonly given?: string;
}

const BOUNDS: Readonly<Record<string, readonly [min: string, max: string]>> = {
  smallint: ['-32768', '32767'],
  integer: ['-2147483648', '2147483647'],
};
const INTEGERS = new Set(['smallint', 'integer', 'bigint']);

const column = (name: string): string => `t.${quoteIdent(name)}`;

/** The key of a row `t` as text. */
export function keyText({ key }: TablePlan): string {
  const columns = (key ?? []).map((name) => `${column(name)}::text`);
  return columns.length === 0 ? `''` : columns.join(` || ', ' || `);
}

/** Length that a type allows, as `character varying(20)` says it. */
const lengthOf = (type: string): number | undefined => {
  const match = /^(?:character varying|character|varchar)\((\d+)\)$/.exec(type);
  return match === null ? undefined : Number(match[1]);
};

function valueCheck({ name, sourceType, targetType }: ColumnPlan): Check {
  const value = column(name);
  const bounds = BOUNDS[sourceType];
  const type = `${sourceType}, its type on the source`;
  if (bounds !== undefined && INTEGERS.has(targetType)) {
    const condition = `(${value} < ${bounds[0]} OR ${value} > ${bounds[1]})`;
    return { columns: [name], reason: `do not fit ${type}`, condition };
  }
  const length = lengthOf(sourceType);
  if (length !== undefined) {
    const condition = `length(${value}::text) > ${length}`;
    return { columns: [name], reason: `are longer than ${type}`, condition };
  }
  const there = castExpression(castExpression(value, targetType, sourceType), sourceType, targetType);
  // As a pass compares them: 200 is not 200.00.
  const condition = `(${there})::text IS DISTINCT FROM ${value}::text`;
  return { columns: [name], reason: `cannot be told by ${type}`, condition };
}

/** Columns whose type on the target holds values that the source's does not. */
export const valueChecks = ({ columns }: TablePlan): Check[] =>
  columns
    .filter(
      ({ origin, sourceType, targetType }) =>
        origin === 'own' &&
        sourceType !== targetType &&
        !isLossless(targetType, sourceType) &&
        !areVectors(sourceType, targetType),
    )
    .map(valueCheck);

/** The condition of `CHECK (…)`, as pg_get_constraintdef prints it. */
const conditionOf = (definition: string): string | undefined => /^CHECK (\(.*\))/s.exec(definition)?.[1];

function foreignCheck(table: TablePlan, { name, columns, foreign }: ConstraintDef): Check {
  const { references, columns: others, match } = foreign!;
  const pairs = columns.map((one, at) => `r.${quoteIdent(others[at]!)} = ${column(one)}`);
  const filled = columns.map((one) => `${column(one)} IS NOT NULL`).join(match === 'FULL' ? ' OR ' : ' AND ');
  return {
    columns,
    reason: `refer to rows of ${displayName(references)} that are not there (${name}, which ${table.table} has on the source)`,
    // Citus joins tables that do not lie beside each other only with rows that it has gathered before.
    given: `WITH r AS MATERIALIZED (SELECT ${others.map(quoteIdent).join(', ')} FROM ${qualified(references)}) `,
    condition: `(${filled}) AND NOT EXISTS (SELECT FROM r WHERE ${pairs.join(' AND ')})`,
  };
}

/** Rules of the source about single rows, and foreign keys, that the target does not keep. */
export function ruleChecks(table: TablePlan, { catalog, foreignKeys }: Plan, kept: Kept): Check[] {
  const definition = catalog.tables.find((one) => qualified(one) === qualified(table))!;
  const nulls = definition.columns
    .filter(({ name, notNull }) => notNull && !kept.has(table, 'not null', name))
    .map(({ name }) => ({
      columns: [name],
      reason: 'are NULL, which the source does not allow',
      condition: `${column(name)} IS NULL`,
    }));
  const fates = new Map(foreignKeys.map((one) => [`${one.table}.${one.constraint}`, one.fate]));
  const rules = definition.constraints.flatMap((rule): Check[] => {
    if (!rule.validated) return [];
    if (rule.kind === 'foreign') {
      const planned = fates.get(`${table.table}.${rule.name}`) !== 'dropped';
      return planned && kept.has(table, 'foreign', rule.name) ? [] : [foreignCheck(table, rule)];
    }
    const condition = rule.kind === 'check' ? conditionOf(rule.definition) : undefined;
    if (condition === undefined || kept.has(table, 'check', rule.definition)) return [];
    const reason = `break the check ${rule.name} of the source`;
    return [{ columns: rule.columns, reason, condition: `NOT ${condition}` }];
  });
  return [...nulls, ...rules];
}
