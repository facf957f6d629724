import type { Named } from '../core/catalog-types.js';
import { qualified, quoteIdent, quoteLiteral } from '../core/names.js';

export type StatementKind =
  | 'extension'
  | 'schema'
  | 'type'
  | 'function'
  | 'sequence'
  | 'table'
  | 'distribution'
  | 'security'
  | 'key'
  | 'index'
  | 'check'
  | 'statistics'
  | 'foreign key'
  | 'trigger'
  | 'view'
  /** Fills a materialized view from the rows that are there: stale as soon as others come. */
  | 'refresh'
  | 'grant'
  | 'comment'
  | 'owner';

/** One step of a schema. Steps run in order, except neighbours of one `parallelGroup`, which may run at once. */
export interface Statement {
  /** Runs with `search_path = pg_catalog`; a function has a SET before it. */
  readonly sql: string;
  /** What it makes, for people: `table memory_entries`. */
  readonly about: string;
  readonly kind: StatementKind;
  /** Returns one row with one boolean: there is nothing left to do. */
  readonly exists?: string;
  readonly parallelGroup?: string;
  /** It reads every row of its table: an index is built, a foreign key checked. */
  readonly reads?: 'build' | 'check';
  /** Returns one row with one boolean: something of that name is there, but is of no use. */
  readonly broken?: string;
  /** Display name of the table that it changes. */
  readonly table?: string;
}

export interface Ddl {
  readonly beforeData: readonly Statement[];
  readonly afterData: readonly Statement[];
}

/** `'public.t'` for to_regclass() and the like. */
export const nameLiteral = (name: Named): string => quoteLiteral(qualified(name));

/** A relation of that name exists. */
export const relationExists = (name: Named): string => `SELECT to_regclass(${nameLiteral(name)}) IS NOT NULL`;

/** An index of that name exists and is used by queries. */
export const indexStands = (name: Named): string =>
  `SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(${nameLiteral(name)}) AND indisvalid)`;

/** An index of that name exists, and nobody finished it: a CREATE INDEX CONCURRENTLY that was broken off. */
export const indexInvalid = (name: Named): string =>
  `SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(${nameLiteral(name)}) AND NOT indisvalid)`;

export const constraintExists = (table: Named, name: string): string =>
  `SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass(${nameLiteral(table)}) AND conname = ${quoteLiteral(name)})`;

export const constraintValidated = (table: Named, name: string): string =>
  `SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass(${nameLiteral(table)}) AND conname = ${quoteLiteral(name)} AND convalidated)`;

/** A condition: one of the roles is not there, so what needs it is left out (the plan has a finding for it). */
export function rolesMissing(roles: readonly string[]): string {
  const named = roles.filter((role) => role !== 'PUBLIC');
  if (named.length === 0) return 'false';
  const list = named.map(quoteLiteral).join(', ');
  return `(SELECT count(*) FROM pg_roles WHERE rolname IN (${list})) < ${new Set(named).size}`;
}

export const roleName = (role: string): string => (role === 'PUBLIC' ? 'PUBLIC' : quoteIdent(role));
