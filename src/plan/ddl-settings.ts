import type { Catalog, TableDef } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent, quoteLiteral } from '../core/names.js';
import { nameLiteral, type Statement } from './statement.js';

/**
 * How columns are stored and looked at by ANALYZE. Before the tables are distributed: Citus takes these to the shards
 * of a table then, and refuses them afterwards ("alter table command is currently unsupported", measured). `citus`: a
 * table that is distributed already is left as it is.
 */
export function settingStatements(catalog: Catalog, { citus }: { readonly citus: boolean }): Statement[] {
  return catalog.tables.flatMap((table) =>
    (table.settings ?? []).flatMap(({ column, storage, compression, statistics }) => [
      ...(storage === undefined ? [] : [setting(table, column, 'STORAGE', storage, 'attstorage', citus)]),
      ...(compression === undefined
        ? []
        : [setting(table, column, 'COMPRESSION', compression, 'attcompression', citus)]),
      ...(statistics === undefined
        ? []
        : [setting(table, column, 'STATISTICS', String(statistics), 'attstattarget', citus)]),
    ]),
  );
}

const LETTERS: Readonly<Record<string, string>> = {
  PLAIN: 'p',
  EXTERNAL: 'e',
  MAIN: 'm',
  EXTENDED: 'x',
  pglz: 'p',
  lz4: 'l',
};

function setting(
  table: TableDef,
  column: string,
  word: string,
  value: string,
  attribute: string,
  citus: boolean,
): Statement {
  const at = `to_regclass(${nameLiteral(table)})`;
  const has = `EXISTS (SELECT FROM pg_attribute WHERE attrelid = ${at} AND attname = ${quoteLiteral(column)} AND ${attribute} = ${quoteLiteral(LETTERS[value] ?? value)})`;
  const distributed = citus ? ` OR EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = ${at})` : '';
  return {
    sql: `ALTER TABLE ${qualified(table)} ALTER COLUMN ${quoteIdent(column)} SET ${word} ${value}`,
    about: `${word.toLowerCase()} of ${displayName(table)}.${quoteIdent(column)}`,
    kind: 'table',
    exists: `SELECT ${has}${distributed}`,
    table: displayName(table),
  };
}

/** After the indexes, of which it may name one. */
export function replicaIdentityStatements(catalog: Catalog): Statement[] {
  return catalog.tables.flatMap((table): Statement[] => {
    const { replicaIdentity: identity } = table;
    if (identity === undefined) return [];
    const at = `to_regclass(${nameLiteral(table)})`;
    const text = typeof identity === 'string' ? identity : `USING INDEX ${quoteIdent(identity.index)}`;
    const holds =
      typeof identity === 'string'
        ? `SELECT FROM pg_class WHERE oid = ${at} AND relreplident = ${quoteLiteral(identity === 'FULL' ? 'f' : 'n')}`
        : `SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = ${at} AND i.indisreplident AND c.relname = ${quoteLiteral(identity.index)}`;
    return [
      {
        sql: `ALTER TABLE ${qualified(table)} REPLICA IDENTITY ${text}`,
        about: `replica identity of ${displayName(table)}`,
        kind: 'key',
        exists: `SELECT EXISTS (${holds})`,
        table: displayName(table),
      },
    ];
  });
}
