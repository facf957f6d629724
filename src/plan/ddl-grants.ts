import type { Catalog, Grant } from '../core/catalog-types.js';
import { qualified, quoteList, quoteLiteral } from '../core/names.js';
import { nameLiteral, roleName, rolesMissing, type Statement } from './statement.js';

/** Privileges on tables, then those on schemas, sequences, views and functions. */
export function grantStatements(catalog: Catalog): Statement[] {
  return [
    ...catalog.tables.flatMap((table) =>
      table.grants.map((grant) => {
        const acl = grant.columns
          ? columnAcls(nameLiteral(table), grant.columns)
          : relationAcl(nameLiteral(table));
        return grantStatement(`TABLE ${qualified(table)}`, grant, acl);
      }),
    ),
    ...(catalog.grants ?? []).map((grant) => grantStatement(grant.on, grant, aclOf(grant.on))),
  ];
}

/** Rows of one `acl`; an object without one has its kind's default. */
const relationAcl = (literal: string): string =>
  `SELECT coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS acl FROM pg_class WHERE oid = to_regclass(${literal})`;

const columnAcls = (literal: string, columns: readonly string[]): string =>
  `SELECT a.attacl AS acl FROM unnest(ARRAY[${columns.map((one) => quoteLiteral(one).trim()).join(', ')}]) c (name) LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(${literal}) AND a.attname = c.name`;

/** `on` as GRANT names it. */
function aclOf(on: string): string {
  const [, kind, name] = /^(\w+) (.*)$/s.exec(on)!;
  if (kind === 'SCHEMA')
    return `SELECT coalesce(nspacl, acldefault('n', nspowner)) AS acl FROM pg_namespace WHERE oid = to_regnamespace(${quoteLiteral(name!)})`;
  if (kind === 'FUNCTION' || kind === 'PROCEDURE')
    return `SELECT coalesce(p.proacl, acldefault('f', p.proowner)) AS acl FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) = ${quoteLiteral(name!)}`;
  return relationAcl(quoteLiteral(name!));
}

function grantStatement(on: string, grant: Grant, acls: string): Statement {
  const columns = grant.columns ? ` (${quoteList(grant.columns)})` : '';
  const { grantee, privileges, grantable } = grant;
  const role = roleName(grantee);
  const oid =
    grantee === 'PUBLIC' ? '0' : `(SELECT oid FROM pg_roles WHERE rolname = ${quoteLiteral(grantee)})`;
  const held = (more: string): string =>
    `EXISTS (SELECT FROM aclexplode(o.acl) x WHERE x.grantee = ${oid}${more})`;
  const wanted = `unnest(ARRAY[${privileges.map(quoteLiteral).join(', ')}]) w (privilege)`;
  const option = grantable ? ' AND x.is_grantable' : '';
  const stands =
    privileges.length === 0
      ? `NOT EXISTS (SELECT FROM (${acls}) o WHERE ${held('')})`
      : `NOT EXISTS (SELECT FROM (${acls}) o, ${wanted} WHERE NOT ${held(` AND x.privilege_type = w.privilege${option}`)})`;
  return {
    sql:
      privileges.length === 0
        ? `REVOKE ALL ON ${on} FROM ${role}`
        : `GRANT ${privileges.map((one) => one + columns).join(', ')} ON ${on} TO ${role}${grantable ? ' WITH GRANT OPTION' : ''}`,
    about: `privileges of ${role} on ${on}`,
    kind: 'grant',
    exists: `SELECT ${rolesMissing([grantee])} OR EXISTS (${acls}) AND ${stands}`,
  };
}
