import type { Catalog } from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { quoteIdent, quoteLiteral } from '../core/names.js';
import type { Queryable } from '../core/queryable.js';
import { findTable, type PlanConfig } from './options.js';
import { canonicalType, columnKey, type TypeRules, typeParts } from './types.js';

/**
 * The configuration's types as servers print them, those that are not built in with their schema: where the target
 * has them, else where the source has them, else public. Throws CONFIG_INVALID for what cannot be a type's name.
 */
export async function resolveTypes(
  config: PlanConfig,
  catalog: Catalog,
  source: Queryable,
  target: Queryable | undefined,
): Promise<Pick<TypeRules, 'types' | 'columns'>> {
  const types = new Map<string, string>();
  for (const [from, to] of Object.entries(config.types ?? {})) {
    types.set(canonicalType(from), await resolve(to, `types.${from}`, source, target));
  }
  const columns = new Map<string, string>();
  for (const [name, choice] of Object.entries(config.tables ?? {})) {
    const table = findTable(catalog, name)!;
    for (const [column, to] of Object.entries(choice.types ?? {})) {
      columns.set(
        columnKey(table, column),
        await resolve(to, `tables.${name}.types.${column}`, source, target),
      );
    }
  }
  return { types, columns };
}

async function resolve(
  type: string,
  where: string,
  source: Queryable,
  target: Queryable | undefined,
): Promise<string> {
  const canonical = canonicalType(type);
  const { base } = typeParts(canonical);
  if (/^\w+\.\w+$/.test(base)) return canonical;
  if (!/^\w+( \w+)*$/.test(base)) {
    throw new MigrateError('CONFIG_INVALID', { message: `${where}: ${type} is not the name of a type.` });
  }
  for (const server of target ? [target, source] : [source]) {
    const schema = await schemaOf(base, server);
    if (schema === 'pg_catalog') return canonical;
    if (schema !== undefined) return `${quoteIdent(schema)}.${canonical}`;
  }
  return `public.${canonical}`;
}

async function schemaOf(base: string, server: Queryable): Promise<string | undefined> {
  const rows = await server.query<{ schema: string }>(
    `SELECT n.nspname AS schema FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     WHERE t.typname = ${quoteLiteral(base)} OR (n.nspname = 'pg_catalog' AND pg_catalog.format_type(t.oid, NULL) = ${quoteLiteral(base)})
     ORDER BY n.nspname = 'pg_catalog' DESC, n.nspname = 'public' DESC, n.nspname LIMIT 1`,
  );
  return rows[0]?.schema;
}
