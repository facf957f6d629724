import type {
  ColumnDef,
  ConstraintDef,
  FunctionDef,
  Grant,
  IndexDef,
  Named,
  SequenceDef,
  TypeDef,
} from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { byName, byText, compareText, sorted } from './order.js';

/** A row of a catalog query: text, booleans, and JSON already parsed. */
export type Raw = Record<string, unknown>;

const optional = <K extends string>(row: Raw, keys: readonly K[]): { [P in K]?: string } =>
  Object.fromEntries(keys.filter((key) => typeof row[key] === 'string').map((key) => [key, row[key]])) as {
    [P in K]?: string;
  };

export function toType(row: Raw): TypeDef {
  const name = { schema: String(row.schema), name: String(row.name) };
  switch (row.kind) {
    case 'enum':
      return { ...name, kind: 'enum', labels: (row.labels ?? []) as string[] };
    case 'domain':
      return {
        ...name,
        kind: 'domain',
        baseType: String(row.baseType),
        notNull: row.notNull === true,
        ...optional(row, ['default', 'collation']),
        checks: (row.checks ?? []) as { name: string; definition: string }[],
      };
    case 'range':
      return {
        ...name,
        kind: 'range',
        subtype: String(row.subtype),
        options: (row.options ?? []) as string[],
      };
    case 'collation':
      return {
        ...name,
        kind: 'collation',
        provider: row.provider as 'icu' | 'libc' | 'builtin',
        locale: String(row.locale),
        deterministic: row.deterministic === true,
      };
    default:
      return {
        ...name,
        kind: 'composite',
        attributes: (row.attributes ?? []) as { name: string; type: string }[],
      };
  }
}

export function toFunction(row: Raw): FunctionDef {
  const usedBy = (row.usedBy ?? []) as NonNullable<FunctionDef['usedBy']>;
  return {
    schema: String(row.schema),
    name: String(row.name),
    arguments: String(row.arguments),
    definition: String(row.definition),
    usedBy: sorted(
      usedBy.map(({ kind, schema, name }) => ({ kind, schema, name })),
      byText((one) => `${one.kind} ${one.schema} ${one.name}`),
    ),
    needsRelations: row.reads !== null,
    ...(row.reads === null ? {} : { reads: sorted(row.reads as Named[], byName<Named>) }),
  };
}

export function toSequence(row: Raw): SequenceDef {
  const { dataType, start, increment, min, max, cache } = row as Record<string, string>;
  return {
    schema: String(row.schema),
    name: String(row.name),
    dataType: dataType!,
    start: start!,
    increment: increment!,
    min: min!,
    max: max!,
    cache: cache!,
    cycle: row.cycle === true,
    ...(row.ownedBy ? { ownedBy: row.ownedBy as NonNullable<SequenceDef['ownedBy']> } : {}),
  };
}

export function toColumn(row: Raw): ColumnDef {
  return {
    name: String(row.name),
    type: String(row.type),
    notNull: row.notNull === true,
    ...optional(row, ['default', 'generated', 'collation', 'hashFunction', 'extension']),
    ...(row.identity ? { identity: row.identity as 'always' | 'by default' } : {}),
    deterministic: row.deterministic === true,
    binary: row.binary === true,
  };
}

export function toConstraint(row: Raw): ConstraintDef {
  return {
    name: String(row.name),
    kind: row.kind as ConstraintDef['kind'],
    columns: row.columns as string[],
    definition: String(row.definition),
    validated: row.validated === true,
    ...(row.foreign ? { foreign: row.foreign as NonNullable<ConstraintDef['foreign']> } : {}),
  };
}

/** Throws INTERNAL when PostgreSQL prints an index in a form that is not known. */
export function toIndex(row: Raw): IndexDef {
  const definition = String(row.definition);
  const prefix = String(row.prefix);
  if (!definition.startsWith(prefix)) {
    throw new MigrateError('INTERNAL', {
      message: `The definition of index ${String(row.name)} has an unknown form.`,
    });
  }
  return {
    name: String(row.name),
    unique: row.unique === true,
    method: String(row.method),
    columns: row.columns as (string | null)[],
    tail: definition.slice(prefix.length),
    valid: row.valid === true,
  };
}

export function toGrant(row: Raw): Grant {
  const privileges = (row.privileges as (string | null)[]).filter((one) => one !== null);
  return {
    grantee: String(row.grantee),
    privileges: sorted(privileges, compareText),
    ...(row.columns ? { columns: row.columns as string[] } : {}),
    ...(row.grantable ? { grantable: true } : {}),
  };
}
