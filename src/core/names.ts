import type { Named } from './catalog-types.js';

/**
 * Words that PostgreSQL does not take as a bare column or table name in every place: `pg_get_keywords()` of
 * PostgreSQL 18, categories R, T and C. A word too many only adds quotes.
 */
const KEYWORDS = new Set(
  `all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case
  cast char character check coalesce collate collation column concurrently constraint create cross current_catalog
  current_date current_role current_schema current_time current_timestamp current_user dec decimal default
  deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full grant
  greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull join
  json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize
  json_table json_value lateral leading least left like limit localtime localtimestamp merge_action national
  natural nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay
  placing position precision primary real references returning right row select session_user setof similar
  smallint some substring symmetric system_user table tablesample then time timestamp to trailing treat trim true
  union unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement
  xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`.split(/\s+/),
);

/** An SQL identifier, quoted where PostgreSQL would read the bare word as something else. */
export function quoteIdent(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !KEYWORDS.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** An SQL string literal that means the same whatever standard_conforming_strings says. */
export function quoteLiteral(value: string): string {
  const quoted = `'${value.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return value.includes('\\') ? ` E${quoted}` : quoted;
}

/** `schema.name`, quoted: what statements use. */
export function qualified(relation: Named): string {
  return `${quoteIdent(relation.schema)}.${quoteIdent(relation.name)}`;
}

/** What people read and type: without the schema `public`, quoted only where needed. */
export function displayName(relation: Named): string {
  return relation.schema === 'public' ? quoteIdent(relation.name) : qualified(relation);
}

/** A column list for SQL. */
export function quoteList(names: readonly string[]): string {
  return names.map(quoteIdent).join(', ');
}

/** The same in parentheses, as COPY takes it after a table's name; of no columns it takes no list, not an empty one. */
export function copyColumns(names: readonly string[]): string {
  return names.length === 0 ? '' : ` (${quoteList(names)})`;
}

/**
 * The relation that a person means by `name`, `schema.name` or `"Mixed".name`; without a schema: public. Unquoted
 * parts keep their case, as table names in configuration files are written as they are.
 */
export function parseName(text: string): Named {
  const parts = [...text.trim().matchAll(/"((?:[^"]|"")*)"|([^."]+)/g)].map((match) =>
    match[1] === undefined ? match[2]! : match[1].replaceAll('""', '"'),
  );
  return parts.length > 1
    ? { schema: parts[0]!, name: parts.slice(1).join('.') }
    : { schema: 'public', name: parts[0] ?? '' };
}
