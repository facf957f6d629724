import type { Catalog, Comment, FunctionDef, TableDef, ViewDef } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent, quoteLiteral } from '../core/names.js';
import { indexStatement } from './ddl-keys.js';
import { functionKey, functionStatement, mentions } from './ddl-types.js';
import { topological } from './order.js';
import { nameLiteral, relationExists, roleName, rolesMissing, type Statement } from './statement.js';

export function triggerStatements(catalog: Catalog): Statement[] {
  return catalog.tables.flatMap((table) =>
    table.triggers.flatMap((trigger): Statement[] => {
      const about = `trigger ${quoteIdent(trigger.name)} of ${displayName(table)}`;
      const found = `pg_trigger WHERE tgrelid = to_regclass(${nameLiteral(table)}) AND tgname = ${quoteLiteral(trigger.name)}`;
      const create: Statement = {
        sql: trigger.definition,
        about,
        kind: 'trigger',
        exists: `SELECT EXISTS (SELECT FROM ${found})`,
        table: displayName(table),
      };
      if (trigger.enabled === undefined) return [create];
      return [
        create,
        {
          sql: `ALTER TABLE ${qualified(table)} ${trigger.enabled} TRIGGER ${quoteIdent(trigger.name)}`,
          about,
          kind: 'trigger',
          exists: `SELECT EXISTS (SELECT FROM ${found} AND tgenabled <> 'O')`,
          table: displayName(table),
        },
      ];
    }),
  );
}

type Part = ViewDef | FunctionDef;

/** Views, and functions over tables and views, each after what it reads. Materialized views are filled at once. */
export function viewStatements(catalog: Catalog): Statement[] {
  const parts: Part[] = [
    ...[...catalog.views].sort((left, right) => left.order - right.order),
    ...catalog.functions.filter((one) => one.needsRelations),
  ];
  const key = (part: Part): string => ('materialized' in part ? qualified(part) : functionKey(part));
  const needs = (part: Part): string[] =>
    parts
      .filter((other) => other !== part)
      .filter((other) =>
        'materialized' in part && 'materialized' in other
          ? (part.reads ?? []).some((read) => qualified(read) === qualified(other))
          : mentions(part.definition, other),
      )
      .map(key);
  return topological(parts, key, needs).flatMap((part) =>
    'materialized' in part ? viewSql(part) : [functionStatement(part)],
  );
}

function viewSql(view: ViewDef): Statement[] {
  const name = qualified(view);
  const about = `${view.materialized ? 'materialized view' : 'view'} ${displayName(view)}`;
  const options = (view.options ?? []).length > 0 ? ` WITH (${view.options!.join(', ')})` : '';
  const definition = view.definition.trim().replace(/;$/, '');
  const exists = relationExists(view);
  if (!view.materialized)
    return [{ sql: `CREATE VIEW ${name}${options} AS ${definition}`, about, kind: 'view', exists }];
  return [
    {
      sql: `CREATE MATERIALIZED VIEW ${name}${options} AS ${definition} WITH NO DATA`,
      about,
      kind: 'view',
      exists,
    },
    {
      sql: `REFRESH MATERIALIZED VIEW ${name}`,
      about: `rows of ${about}`,
      kind: 'refresh',
      exists: `SELECT coalesce((SELECT relispopulated FROM pg_class WHERE oid = to_regclass(${nameLiteral(view)})), false)`,
    },
    ...view.indexes.map((index) => indexStatement(view, index, '')),
  ];
}

/** Policies, and then FORCE: until then the owner's COPY is not subject to them. */
export function policyStatements(catalog: Catalog): Statement[] {
  return catalog.tables.flatMap((table) => [
    ...table.policies.map((policy) => policyStatement(table, policy)),
    ...force(table),
  ]);
}

function policyStatement(table: TableDef, policy: TableDef['policies'][number]): Statement {
  return {
    sql: [
      `CREATE POLICY ${quoteIdent(policy.name)} ON ${qualified(table)}`,
      `AS ${policy.permissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${policy.command}`,
      `TO ${policy.roles.map(roleName).join(', ')}`,
      policy.using === undefined ? '' : `USING (${policy.using})`,
      policy.check === undefined ? '' : `WITH CHECK (${policy.check})`,
    ]
      .filter(Boolean)
      .join(' '),
    about: `policy ${quoteIdent(policy.name)} of ${displayName(table)}`,
    kind: 'security',
    exists: `SELECT ${rolesMissing(policy.roles)} OR EXISTS (SELECT FROM pg_policy WHERE polrelid = to_regclass(${nameLiteral(table)}) AND polname = ${quoteLiteral(policy.name)})`,
    table: displayName(table),
  };
}

function force(table: TableDef): Statement[] {
  if (!table.rowSecurity.forced) return [];
  return [
    {
      sql: `ALTER TABLE ${qualified(table)} FORCE ROW LEVEL SECURITY`,
      about: `row-level security of ${displayName(table)} for its owner`,
      kind: 'security',
      exists: `SELECT coalesce((SELECT relforcerowsecurity FROM pg_class WHERE oid = to_regclass(${nameLiteral(table)})), false)`,
      table: displayName(table),
    },
  ];
}

const COMMENT_ON: Readonly<Record<string, string>> = {
  'table column': 'COLUMN',
  'view column': 'COLUMN',
  'materialized view column': 'COLUMN',
  'table constraint': 'CONSTRAINT',
};

export function commentStatements(catalog: Catalog): Statement[] {
  return (catalog.comments ?? []).map((comment) => ({
    sql: `COMMENT ON ${COMMENT_ON[comment.type] ?? comment.type.toUpperCase()} ${comment.identity} IS ${quoteLiteral(comment.text).trim()}`,
    about: `comment on ${comment.type} ${comment.identity}`,
    kind: 'comment',
    exists: commentExists(comment),
  }));
}

function commentExists({ type, names, args, text }: Comment): string {
  const array = (values: readonly string[]): string =>
    `ARRAY[${values.map((one) => quoteLiteral(one).trim()).join(', ')}]::text[]`;
  return (
    `SELECT EXISTS (SELECT FROM pg_get_object_address(${quoteLiteral(type)}, ${array(names)}, ${array(args)}) a ` +
    `JOIN pg_description d ON (d.classoid, d.objoid, d.objsubid) = (a.classid, a.objid, a.objsubid) ` +
    `WHERE d.description = ${quoteLiteral(text).trim()})`
  );
}
