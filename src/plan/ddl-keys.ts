import type { Catalog, IndexDef, Named } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent } from '../core/names.js';
import { constraintExists, relationExists, type Statement } from './statement.js';

/**
 * Keys and indexes, after the data: an HNSW index costs four to five times as much when the load maintains it
 * (measured). Keys first, so that a duplicate is reported before hours of building.
 */
export function keyStatements(catalog: Catalog): Statement[] {
  const keys = catalog.tables.flatMap((table) =>
    table.constraints
      .filter((one) => one.kind === 'primary' || one.kind === 'unique' || one.kind === 'exclude')
      .map(
        (one): Statement => ({
          sql: `ALTER TABLE ${qualified(table)} ADD CONSTRAINT ${quoteIdent(one.name)} ${one.definition}`,
          about: `key ${quoteIdent(one.name)} of ${displayName(table)}`,
          kind: 'key',
          exists: constraintExists(table, one.name),
          parallelGroup: 'keys',
          table: displayName(table),
        }),
      ),
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
  return [...keys, ...indexes, ...checks, ...statistics];
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
    exists: relationExists({ schema: relation.schema, name: index.name }),
    ...(parallelGroup ? { parallelGroup } : {}),
    table: displayName(relation),
  };
}

/**
 * Foreign keys in rounds: those of one round touch different tables, so that they can be checked at the same time
 * without waiting for, or dead-locking with, each other.
 */
export function foreignKeyStatements(catalog: Catalog): Statement[] {
  const rounds: { statements: Statement[]; tables: Set<string> }[] = [];
  for (const table of catalog.tables) {
    for (const one of table.constraints) {
      if (!one.foreign) continue;
      const touched = [qualified(table), qualified(one.foreign.references)];
      let round = rounds.find(({ tables }) => !touched.some((name) => tables.has(name)));
      if (!round) {
        round = { statements: [], tables: new Set() };
        rounds.push(round);
      }
      for (const name of touched) round.tables.add(name);
      round.statements.push({
        sql: `ALTER TABLE ${qualified(table)} ADD CONSTRAINT ${quoteIdent(one.name)} ${one.definition}`,
        about: `foreign key ${quoteIdent(one.name)} of ${displayName(table)}`,
        kind: 'foreign key',
        exists: constraintExists(table, one.name),
        parallelGroup: `foreign keys ${rounds.indexOf(round) + 1}`,
        table: displayName(table),
      });
    }
  }
  return rounds.flatMap((round) => round.statements);
}
