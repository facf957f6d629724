import type { Catalog, FunctionDef, SequenceDef, TypeDef } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent, quoteLiteral } from '../core/names.js';
import { topological } from './order.js';
import { nameLiteral, relationExists, type Statement } from './statement.js';

export function extensionStatements(catalog: Catalog): Statement[] {
  return catalog.extensions.map(({ name, schema }) => ({
    sql: `CREATE EXTENSION IF NOT EXISTS ${quoteIdent(name)} SCHEMA ${quoteIdent(schema)}`,
    about: `extension ${quoteIdent(name)}`,
    kind: 'extension',
    exists: `SELECT EXISTS (SELECT FROM pg_extension WHERE extname = ${quoteLiteral(name)})`,
  }));
}

export function schemaStatements(catalog: Catalog): Statement[] {
  return catalog.schemas.map((name) => ({
    sql: `CREATE SCHEMA IF NOT EXISTS ${quoteIdent(name)}`,
    about: `schema ${quoteIdent(name)}`,
    kind: 'schema',
    exists: `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = ${quoteLiteral(name)})`,
  }));
}

type Part = { readonly type: TypeDef } | { readonly function: FunctionDef };

/** Types, and the functions that stand without tables, each after what it mentions. */
export function typeStatements(catalog: Catalog): Statement[] {
  const parts: Part[] = [
    ...catalog.types.map((type) => ({ type })),
    ...catalog.functions.filter((one) => !one.needsRelations).map((one) => ({ function: one })),
  ];
  const key = (part: Part): string => ('type' in part ? qualified(part.type) : functionKey(part.function));
  return topological(parts, key, (part) =>
    parts.filter((other) => other !== part && needs(part, other)).map(key),
  ).flatMap((part) => ('type' in part ? typeSql(part.type) : [functionStatement(part.function)]));
}

export const functionKey = (one: FunctionDef): string => `${qualified(one)}(${one.arguments})`;

/** PostgreSQL records what types need; what the body of a function mentions has to be read from its text. */
function needs(part: Part, other: Part): boolean {
  if ('function' in other && 'type' in part) {
    return (other.function.usedBy ?? []).some(
      (user) => user.kind === 'type' && qualified(user) === qualified(part.type),
    );
  }
  if ('function' in part)
    return mentions(part.function.definition, 'type' in other ? other.type : other.function);
  return 'type' in other && namesIt(typeText(part.type), qualified(other.type));
}

/** Every text of a type that can name another type. */
function typeText(type: TypeDef): string {
  switch (type.kind) {
    case 'domain':
      return [type.baseType, type.collation, type.default, ...type.checks.map((one) => one.definition)].join(
        ' ',
      );
    case 'composite':
      return type.attributes.map((one) => one.type).join(' ');
    case 'range':
      return [type.subtype, ...type.options].join(' ');
    default:
      return '';
  }
}

/** The text names it as PostgreSQL prints it, or, in the body of a function, without its schema. */
export function mentions(text: string, name: { schema: string; name: string }): boolean {
  return namesIt(text, qualified(name)) || namesIt(text, quoteIdent(name.name));
}

const namesIt = (text: string, name: string): boolean =>
  new RegExp(`(?<![\\w"])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w"])`).test(text);

function typeSql(type: TypeDef): Statement[] {
  const name = qualified(type);
  const about = `type ${displayName(type)}`;
  const exists = `SELECT to_regtype(${nameLiteral(type)}) IS NOT NULL`;
  switch (type.kind) {
    case 'enum':
      return [
        {
          sql: `CREATE TYPE ${name} AS ENUM (${type.labels.map(literal).join(', ')})`,
          about,
          kind: 'type',
          exists,
        },
      ];
    case 'composite': {
      const attributes = type.attributes.map((one) => `${quoteIdent(one.name)} ${one.type}`);
      return [{ sql: `CREATE TYPE ${name} AS (${attributes.join(', ')})`, about, kind: 'type', exists }];
    }
    case 'range': {
      const options = [`subtype = ${type.subtype}`, ...type.options];
      return [{ sql: `CREATE TYPE ${name} AS RANGE (${options.join(', ')})`, about, kind: 'type', exists }];
    }
    case 'collation': {
      const options = [`provider = ${type.provider}`, `locale = ${quoteLiteral(type.locale)}`];
      if (!type.deterministic) options.push('deterministic = false');
      return [
        {
          sql: `CREATE COLLATION ${name} (${options.join(', ')})`,
          about: `collation ${displayName(type)}`,
          kind: 'type',
          exists: `SELECT to_regcollation(${nameLiteral(type)}) IS NOT NULL`,
        },
      ];
    }
    case 'domain':
      return domainSql(type, about, exists);
  }
}

function domainSql(type: Extract<TypeDef, { kind: 'domain' }>, about: string, exists: string): Statement[] {
  const checks = type.checks.map((one) => ({ ...one, late: one.definition.endsWith(' NOT VALID') }));
  const clauses = [
    `CREATE DOMAIN ${qualified(type)} AS ${type.baseType}`,
    type.collation === undefined ? '' : `COLLATE ${type.collation}`,
    type.default === undefined ? '' : `DEFAULT ${type.default}`,
    type.notNull ? 'NOT NULL' : '',
    ...checks.filter((one) => !one.late).map((one) => `CONSTRAINT ${quoteIdent(one.name)} ${one.definition}`),
  ];
  return [
    { sql: clauses.filter(Boolean).join(' '), about, kind: 'type', exists },
    ...checks
      .filter((one) => one.late)
      .map(
        (one): Statement => ({
          sql: `ALTER DOMAIN ${qualified(type)} ADD CONSTRAINT ${quoteIdent(one.name)} ${one.definition}`,
          about,
          kind: 'type',
          exists: `SELECT EXISTS (SELECT FROM pg_constraint WHERE contypid = to_regtype(${nameLiteral(type)}) AND conname = ${quoteLiteral(one.name)})`,
        }),
      ),
  ];
}

/** quoteLiteral may begin with a space, which only matters to readers. */
const literal = (value: string): string => quoteLiteral(value).trim();

/** Bodies are not checked: they may name what comes later. */
export function functionStatement(one: FunctionDef): Statement {
  return {
    sql: `SET check_function_bodies = off;\n${one.definition.trim()}`,
    about: `function ${displayName(one)}`,
    kind: 'function',
    exists:
      `SELECT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace ` +
      `WHERE n.nspname = ${quoteLiteral(one.schema)} AND p.proname = ${quoteLiteral(one.name)} ` +
      `AND pg_get_function_identity_arguments(p.oid) = ${quoteLiteral(one.arguments)})`,
  };
}

/** All sequences but those of identity columns, which come with their table. */
export function sequenceStatements(catalog: Catalog): Statement[] {
  return catalog.sequences
    .filter((one) => one.ownedBy?.kind !== 'identity')
    .map((one) => ({
      sql: `CREATE SEQUENCE ${qualified(one)} AS ${one.dataType} ${sequenceOptions(one)}`,
      about: `sequence ${displayName(one)}`,
      kind: 'sequence',
      exists: relationExists(one),
    }));
}

export function sequenceOptions(one: SequenceDef): string {
  return (
    `START WITH ${one.start} INCREMENT BY ${one.increment} MINVALUE ${one.min} MAXVALUE ${one.max} ` +
    `CACHE ${one.cache}${one.cycle ? ' CYCLE' : ''}`
  );
}

/** After the tables: a sequence goes when its column does. */
export function ownershipStatements(catalog: Catalog): Statement[] {
  return catalog.sequences.flatMap((one) =>
    one.ownedBy?.kind === 'serial'
      ? [
          {
            sql: `ALTER SEQUENCE ${qualified(one)} OWNED BY ${qualified(one.ownedBy)}.${quoteIdent(one.ownedBy.column)}`,
            about: `owner of sequence ${displayName(one)}`,
            kind: 'sequence' as const,
            exists: `SELECT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = to_regclass(${nameLiteral(one)}) AND deptype = 'a')`,
          },
        ]
      : [],
  );
}
