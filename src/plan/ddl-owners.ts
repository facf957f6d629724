import type { Catalog } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent, quoteLiteral } from '../core/names.js';
import { nameLiteral, type Statement } from './statement.js';

/**
 * Owners, schemas first: a role that owns the schema may own what is in it. A role that is missing, or that this
 * login cannot hand an object to, leaves the object with who created it.
 */
export function ownerStatements(catalog: Catalog): Statement[] {
  const others = (catalog.owners ?? []).map(
    ({ on, object, owner }): Statement => ({
      sql: `ALTER ${on} OWNER TO ${quoteIdent(owner)}`,
      about: `owner of ${on.replace(/^[A-Z]+(?: VIEW)?/, (kind) => kind.toLowerCase())}`,
      kind: 'owner',
      exists: stands(ownerOf(on), owner, on.startsWith('SCHEMA ') ? undefined : object.schema),
    }),
  );
  const tables = catalog.tables.map(
    (table): Statement => ({
      sql: `ALTER TABLE ${qualified(table)} OWNER TO ${quoteIdent(table.owner)}`,
      about: `owner of ${displayName(table)}`,
      kind: 'owner',
      exists: stands(relationOwner(nameLiteral(table)), table.owner, table.schema),
      table: displayName(table),
    }),
  );
  const ofSchemas = (one: Statement): boolean => one.sql.startsWith('ALTER SCHEMA ');
  return [...others.filter(ofSchemas), ...tables, ...others.filter((one) => !ofSchemas(one))];
}

/** True unless the object exists with another owner, and this login may give it to the role. */
function stands(owner: string, role: string, schema: string | undefined): string {
  // The new owner needs CREATE on the schema, and who hands over a schema CREATE on the database.
  const may =
    schema === undefined
      ? `has_database_privilege(current_database(), 'CREATE')`
      : `has_schema_privilege(r.oid, to_regnamespace(${quoteLiteral(quoteIdent(schema))}), 'CREATE')`;
  const superuser = '(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)';
  return `SELECT NOT EXISTS (SELECT FROM pg_roles r, (${owner}) o (owner) WHERE r.rolname = ${quoteLiteral(role)} AND o.owner <> r.oid AND pg_has_role(r.oid, 'MEMBER') AND (${superuser} OR ${may}))`;
}

const relationOwner = (literal: string): string =>
  `SELECT relowner FROM pg_class WHERE oid = to_regclass(${literal})`;

function ownerOf(on: string): string {
  const [, kind, name] = /^([A-Z]+(?: VIEW)?) (.*)$/s.exec(on)!;
  const literal = quoteLiteral(name!);
  switch (kind) {
    case 'SCHEMA':
      return `SELECT nspowner FROM pg_namespace WHERE oid = to_regnamespace(${literal})`;
    case 'TYPE':
    case 'DOMAIN':
      return `SELECT typowner FROM pg_type WHERE oid = to_regtype(${literal})`;
    case 'COLLATION':
      return `SELECT collowner FROM pg_collation WHERE oid = to_regcollation(${literal})`;
    case 'FUNCTION':
    case 'PROCEDURE':
      return `SELECT p.proowner FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) = ${literal}`;
    default:
      return relationOwner(literal);
  }
}
