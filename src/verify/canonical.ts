import { quoteIdent } from '../core/names.js';
import type { ColumnPlan } from '../core/plan-types.js';
import { isLossless } from '../plan/lossless.js';
import { areVectors, castExpression, needsText } from '../plan/projection.js';
import { typeParts } from '../plan/types.js';

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

/**
 * Composites, arrays of own types, own ranges, and the names of a server's objects (regclass and its kin, alone and
 * in arrays): their binary form holds OIDs that differ from server to server.
 */
function sendsOids({ kind, isArray, builtin, baseSchema, base }: ColumnType): boolean {
  const holdsOthers = isArray || kind === 'r' || kind === 'm';
  const names = baseSchema === 'pg_catalog' && /^_?reg/.test(base);
  return kind === 'c' || kind === 'e' || (holdsOthers && !builtin) || names;
}

export function canonicalForm(column: ColumnPlan, source: ColumnType, target: ColumnType): CanonicalForm {
  const { sourceType, targetType } = column;
  if (needsText(sourceType, targetType) && areVectors(sourceType, targetType)) return 'floats';
  const alike = source.base === target.base;
  if (sendsOids(source) || sendsOids(target) || source.send === null || target.send === null) return 'text';
  if (!alike && !(source.builtin && target.builtin)) return 'text';
  const exact = EXACT.has(target.base) && source.deterministic && target.deterministic;
  return exact && isLossless(sourceType, targetType) ? 'exact' : 'send';
}

interface Types {
  readonly source: ColumnType;
  readonly target: ColumnType;
}

/** `value` as its base type where it is of a domain, whose functions would need a search path. */
function withoutDomain(value: string, { domain, baseSchema, base }: ColumnType): string {
  // The type's internal name takes no default length, as `character` and `bit` would.
  return domain ? `(${value})::${quoteIdent(baseSchema)}.${quoteIdent(base)}` : value;
}

/** Types whose text is their value: what any other type reads from it, it writes again, or something was lost. */
const TEXTS = new Set(['text', 'varchar', 'bpchar', 'name', 'citext']);
const INTEGERS = new Set(['int2', 'int4', 'int8']);
const FLOATS = new Set(['float4', 'float8']);

const bytes = (value: string, form: CanonicalForm, send: string | null): string =>
  form === 'text' || send === null ? `textsend((${value})::text)` : `${send}(${value})`;

/**
 * The type to which a column's value has to be cast back to see what it lost; undefined where nothing can be lost, or
 * where texts tell. Such a cast may not exist.
 */
export function castBack(column: ColumnPlan, { source, target }: Types): string | undefined {
  const { sourceType, targetType } = column;
  if (isLossless(sourceType, targetType) || areVectors(sourceType, targetType)) return undefined;
  if (TEXTS.has(source.base) || TEXTS.has(target.base)) return undefined;
  if (source.base === 'numeric') return 'numeric';
  return source.domain ? `${quoteIdent(source.baseSchema)}.${quoteIdent(source.base)}` : sourceType;
}

/** SQL: the source's value is the same after the way to the target's type and back. Never true for NULL. */
function survives(value: string, column: ColumnPlan, types: Types): string {
  const { source, target } = types;
  const cast = `(${castExpression(value, column.sourceType, column.targetType)})`;
  const back = castBack(column, types);
  // A cast back from a text that was cut may raise; a comparison of texts cannot.
  if (back === undefined) {
    // Without a length, blanks at the end are part of the value; the cast to text takes them off.
    const own = column.sourceType === 'bpchar' ? `bpcharsend(${value})` : `textsend((${value})::text)`;
    return `${own} = textsend(${cast}::text)`;
  }
  if (INTEGERS.has(source.base) && FLOATS.has(target.base)) {
    // 2^63 - 1 becomes 2^63, which no bigint is.
    return `CASE WHEN ${cast} < 9223372036854775808::float8 THEN ${cast}::bigint = ${value} ELSE false END`;
  }
  // With a scale of its own a numeric reads the same as the number it is; cast back to it, it could overflow.
  if (source.base === 'numeric' && typeParts(column.sourceType).modifier !== '') {
    return `${cast}::numeric = ${value}`;
  }
  const form = sendsOids(source) ? 'text' : 'send';
  return `${bytes(withoutDomain(value, source), form, source.send)} = ${bytes(`${cast}::${back}`, form, source.send)}`;
}

/**
 * SQL that evaluates to the same bytes on two sides exactly when their values are the same: where a type mapping may
 * lose something, when the target has what the source's value becomes and that leads back to the source's value.
 */
export function canonical(
  expression: string,
  column: ColumnPlan,
  form: CanonicalForm,
  side: 'source' | 'target',
  types: Types,
): string {
  if (form === 'floats') return `textsend(translate((${expression})::text, '[]{}', ''))`;
  const { sourceType, targetType } = column;
  const here = types[side];
  const value = withoutDomain(
    side === 'source' ? castExpression(expression, sourceType, targetType) : expression,
    sourceType === targetType ? here : types.target,
  );
  if (form === 'exact') return value;
  // A cast has given the source's value the target's built-in type already, whose function has the same name here.
  const sent = bytes(value, form, here.base === types.target.base ? here.send : types.target.send);
  if (isLossless(sourceType, targetType)) return sent;
  const kept = `'\\x00'::bytea || ${sent}`;
  if (side === 'target') return kept;
  const lost = `'\\x01'::bytea || textsend((${expression})::text)`;
  return `CASE WHEN ${survives(expression, column, types)} THEN ${kept} ELSE ${lost} END`;
}

/** The 64-bit hash of a record: PostgreSQL's hash_record_extended with seed 0. */
export function recordHash(values: readonly string[]): string {
  return `hash_record_extended(ROW(${values.length > 0 ? values.join(', ') : '0'}), 0)`;
}
