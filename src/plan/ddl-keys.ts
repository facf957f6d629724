import type { Catalog, ConstraintDef, IndexDef, Named, TableDef } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent } from '../core/names.js';
import {
  constraintExists,
  constraintValidated,
  indexInvalid,
  indexStands,
  type Statement,
} from './statement.js';

/**
 * Keys and indexes, after the data: an HNSW index costs four to five times as much when the load maintains it
 * (measured). Keys first, so that a duplicate is reported before hours of building: their indexes side by side, then
 * the constraints over them, which take a moment each.
 */
export function keyStatements(catalog: Catalog): Statement[] {
  const keys = catalog.tables.flatMap((table) =>
    table.constraints
      .filter((one) => one.kind === 'primary' || one.kind === 'unique' || one.kind === 'exclude')
      .map((one) => keyOf(table, one)),
  );
  const indexes = catalog.tables.flatMap((table) =>
    table.indexes.filter((one) => one.valid).map((one) => indexStatement(table, one)),
  );
  const checks = catalog.tables.flatMap((table) =>
    table.constraints
      .filter((one) => one.kind === 'check' && !one.validated)
      .map(
        (one): Statement => ({
          sql: `ALTER TABLE ${qualified(table)} ADD CONSTRAINT ${quoteIdent(one.name)} ${one.definition}`,
          about: `check ${quoteIdent(one.name)} of ${displayName(table)}`,
          kind: 'check',
          exists: constraintExists(table, one.name),
          table: displayName(table),
        }),
      ),
  );
  const statistics = (catalog.statistics ?? []).map(
    (one): Statement => ({
      sql: one.definition,
      about: `statistics ${displayName(one)}`,
      kind: 'statistics',
      exists: `SELECT EXISTS (SELECT FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE format('%I.%I', n.nspname, s.stxname) = format('%I.%I', ${literals(one)}))`,
      table: displayName(one.table),
    }),
  );
  return [
    ...keys.flatMap(({ index }) => index ?? []),
    ...keys.map(({ constraint }) => constraint),
    ...indexes,
    ...checks,
    ...statistics,
  ];
}

/** A constraint that stands on an index, and that index where it can be built first. */
interface Key {
  readonly index?: Statement;
  readonly constraint: Statement;
}

/**
 * CREATE UNIQUE INDEX keeps readers and other builds of the table going, ADD CONSTRAINT alone keeps everybody out
 * until its index stands. PostgreSQL has no USING INDEX for partitioned tables and exclusion constraints.
 */
function keyOf(table: TableDef, one: ConstraintDef): Key {
  const of = { kind: 'key', table: displayName(table) } as const;
  const constraint = {
    ...of,
    about: `key ${quoteIdent(one.name)} of ${displayName(table)}`,
    exists: constraintExists(table, one.name),
  };
  const add = `ALTER TABLE ${qualified(table)} ADD CONSTRAINT ${quoteIdent(one.name)}`;
  const parts = table.kind === 'table' ? uniqueParts(one.definition) : undefined;
  if (parts === undefined) {
    const sql = `${add} ${one.definition}`;
    return { constraint: { ...constraint, sql, parallelGroup: 'key constraints', reads: 'build' } };
  }
  const name = { schema: table.schema, name: one.name };
  return {
    index: {
      ...of,
      sql: `CREATE UNIQUE INDEX ${quoteIdent(one.name)} ON ${qualified(table)} USING btree ${parts.index}`,
      about: `index of key ${quoteIdent(one.name)} of ${displayName(table)}`,
      exists: `SELECT (${indexStands(name)}) OR (${constraint.exists})`,
      broken: indexInvalid(name),
      parallelGroup: 'keys',
      reads: 'build',
    },
    constraint: {
      ...constraint,
      sql: `${add} ${parts.kind} USING INDEX ${quoteIdent(one.name)}${parts.deferrable}`,
    },
  };
}

const LIST = String.raw`\((?:"(?:[^"]|"")*"|[^")])*\)`;
/** What pg_get_constraintdef prints of a primary or unique key, PostgreSQL 14 to 18. */
const UNIQUE = new RegExp(
  `^(PRIMARY KEY|UNIQUE)( NULLS NOT DISTINCT)? (${LIST})( INCLUDE ${LIST})?((?: DEFERRABLE)?(?: INITIALLY DEFERRED)?)$`,
);

/** Undefined for what it does not know, such as a key WITHOUT OVERLAPS. */
function uniqueParts(definition: string): { kind: string; index: string; deferrable: string } | undefined {
  const [, kind, nulls = '', columns, include = '', deferrable = ''] = UNIQUE.exec(definition) ?? [];
  if (kind === undefined || / WITHOUT OVERLAPS\)$/.test(columns!)) return undefined;
  return { kind, index: `${columns}${include}${nulls}`, deferrable };
}

const literals = (name: Named): string =>
  [name.schema, name.name].map((part) => `'${part.replaceAll("'", "''")}'`).join(', ');

/** The same for tables (in parallel) and materialized views (in their order, without a group). */
export function indexStatement(
  relation: Named,
  index: IndexDef,
  parallelGroup: string | undefined = 'indexes',
): Statement {
  return {
    sql: `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${quoteIdent(index.name)} ON ${qualified(relation)} USING ${quoteIdent(index.method)} (${index.tail}`,
    about: `index ${quoteIdent(index.name)} of ${displayName(relation)}`,
    kind: 'index',
    exists: indexStands({ schema: relation.schema, name: index.name }),
    broken: indexInvalid({ schema: relation.schema, name: index.name }),
    reads: 'build',
    ...(parallelGroup ? { parallelGroup } : {}),
    table: displayName(relation),
  };
}

const foreignKeys = (catalog: Catalog): { table: TableDef; one: ConstraintDef; references: Named }[] =>
  catalog.tables.flatMap((table) =>
    table.constraints.flatMap((one) =>
      one.foreign === undefined ? [] : [{ table, one, references: one.foreign.references }],
    ),
  );

function addForeignKey(table: TableDef, one: ConstraintDef, suffix = ''): Statement {
  return {
    sql: `ALTER TABLE ${qualified(table)} ADD CONSTRAINT ${quoteIdent(one.name)} ${one.definition}${suffix}`,
    about: `foreign key ${quoteIdent(one.name)} of ${displayName(table)}`,
    kind: 'foreign key',
    exists: constraintExists(table, one.name),
    table: displayName(table),
  };
}

/** Statements in rounds: those of one round touch different tables, so that they can run side by side. */
class Rounds {
  readonly #rounds: { statements: Statement[]; tables: Set<string> }[] = [];

  add(statement: Statement, touched: readonly Named[]): void {
    const names = touched.map(qualified);
    let place = this.#rounds.findIndex(({ tables }) => !names.some((name) => tables.has(name)));
    if (place < 0) place = this.#rounds.push({ statements: [], tables: new Set() }) - 1;
    const round = this.#rounds[place]!;
    for (const name of names) round.tables.add(name);
    round.statements.push({ ...statement, parallelGroup: `foreign keys ${place + 1}`, reads: 'check' });
  }

  get statements(): Statement[] {
    return this.#rounds.flatMap((round) => round.statements);
  }
}

/**
 * On a cluster a foreign key is added and checked by one statement: VALIDATE makes the coordinator join the tables by
 * itself before the shards do, which takes the time twice and is refused for keys of type varchar (measured, Citus
 * 13.2: "complex joins are only supported when all distributed tables are co-located"). Those of one round touch
 * different tables, so that they do not wait for, or dead-lock with, each other.
 */
export function citusForeignKeyStatements(catalog: Catalog): Statement[] {
  const rounds = new Rounds();
  for (const { table, one, references } of foreignKeys(catalog))
    rounds.add(addForeignKey(table, one), [table, references]);
  return rounds.statements;
}

/**
 * On a plain PostgreSQL foreign keys are added without a look at the rows, which takes a moment under a lock that
 * keeps writers out, and then checked under locks that let everybody work (measured: ShareUpdateExclusive on the
 * table, RowShare on the one that it refers to): keys that lead to one table are checked at the same time.
 * PostgreSQL has no NOT VALID for partitioned tables.
 */
export function foreignKeyStatements(catalog: Catalog): Statement[] {
  const added: Statement[] = [];
  const rounds = new Rounds();
  for (const { table, one } of foreignKeys(catalog)) {
    const later = table.kind === 'table' && !one.definition.endsWith(NOT_VALID);
    const statement = addForeignKey(table, one, later ? NOT_VALID : '');
    added.push(table.kind === 'table' ? statement : { ...statement, reads: 'check' });
    if (!later) continue;
    const check = {
      sql: `ALTER TABLE ${qualified(table)} VALIDATE CONSTRAINT ${quoteIdent(one.name)}`,
      about: `check of ${statement.about}`,
      kind: 'foreign key',
      exists: constraintValidated(table, one.name),
      table: displayName(table),
    } as const;
    rounds.add(check, [table]);
  }
  return [...added, ...rounds.statements];
}

const NOT_VALID = ' NOT VALID';
