import { quoteIdent } from '../core/names.js';
import type { ColumnPlan } from '../core/plan-types.js';
import { castExpression, needsText } from '../plan/projection.js';

/** What a column is made of on one side: sql/verify/types.sql. */
export interface ColumnType {
  /** Schema and pg_type.typname of the type below any domain. */
  readonly baseSchema: string;
  readonly base: string;
  readonly domain: boolean;
  /** pg_type.typtype of the base: b, c, e, r or m. */
  readonly kind: string;
  readonly isArray: boolean;
  /** Qualified name of the send function, or null. */
  readonly send: string | null;
  /** OIDs inside the binary form are the same on every server. */
  readonly builtin: boolean;
  readonly deterministic: boolean;
}

/**
 * How two sides write a value so that equal bytes mean equal values: `exact` as it is, `send` through the type's
 * send function, `text` under pinned settings, `floats` as the numbers inside a vector or array.
 */
export type CanonicalForm = 'exact' | 'send' | 'text' | 'floats';

/**
 * Types whose own extended hash tells any two different values apart, so that the value can stand in the record as
 * it is. Others go in as the bytes of their send function: their hash calls 1.0 and 1.00, or 1 mon and 30 days, or
 * -0 and 0 equal (measured: docs/decisions.md, "The digest of a row").
 */
const EXACT = new Set([
  'text',
  'varchar',
  'int2',
  'int4',
  'int8',
  'bool',
  'uuid',
  'date',
  'timestamp',
  'timestamptz',
  'bytea',
]);

/** Composites and arrays of own types: their binary form holds OIDs that differ from server to server. */
function sendsOids(type: ColumnType): boolean {
  return type.kind === 'c' || type.kind === 'e' || (type.isArray && !type.builtin);
}

export function canonicalForm(column: ColumnPlan, source: ColumnType, target: ColumnType): CanonicalForm {
  if (needsText(column.sourceType, column.targetType)) return 'floats';
  const alike = source.base === target.base;
  if (sendsOids(source) || sendsOids(target) || source.send === null || target.send === null) return 'text';
  if (!alike && !(source.builtin && target.builtin)) return 'text';
  return EXACT.has(target.base) && source.deterministic && target.deterministic ? 'exact' : 'send';
}

/** The value of a column as the target's type; domains as their base type, whose functions need no search path. */
function asTarget(
  expression: string,
  column: ColumnPlan,
  side: 'source' | 'target',
  here: ColumnType,
): string {
  const value =
    side === 'source' ? castExpression(expression, column.sourceType, column.targetType) : expression;
  // The type's internal name takes no default length, as `character` and `bit` would.
  return here.domain ? `(${value})::${quoteIdent(here.baseSchema)}.${quoteIdent(here.base)}` : value;
}

/** SQL that evaluates to the same bytes on two sides exactly when their values are the same. */
export function canonical(
  expression: string,
  column: ColumnPlan,
  form: CanonicalForm,
  side: 'source' | 'target',
  types: { readonly source: ColumnType; readonly target: ColumnType },
): string {
  if (form === 'floats') return `textsend(translate((${expression})::text, '[]{}', ''))`;
  const here = types[side];
  const value = asTarget(expression, column, side, here);
  if (form === 'exact') return value;
  if (form === 'text') return `textsend((${value})::text)`;
  // A cast has given the source's value the target's built-in type already, whose function has the same name here.
  const send = here.base === types.target.base ? here.send : types.target.send;
  return `${send}(${value})`;
}

/** The 64-bit hash of a record: PostgreSQL's hash_record_extended with seed 0. */
export function recordHash(values: readonly string[]): string {
  return `hash_record_extended(ROW(${values.length > 0 ? values.join(', ') : '0'}), 0)`;
}
