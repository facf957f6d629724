import { displayName, quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** A captured table or one of its partitions. */
export interface RelationShape {
  /** Qualified name of the table that it is, or is a partition of. */
  readonly root: string;
  readonly schema: string;
  readonly name: string;
  readonly isRoot: boolean;
  /** Column → type as format_type prints it. */
  readonly columns: Readonly<Record<string, string>>;
  /** Primary keys and unique constraints → definition. */
  readonly keys: Readonly<Record<string, string>>;
  /** Triggers of the shim → pg_trigger.tgenabled; `A`: fires whatever the writer's settings. */
  readonly triggers: Readonly<Record<string, string>>;
  /** Takes part in plain inheritance: its statements touch rows of other tables. */
  readonly inherits: boolean;
  /** A subscription writes it, and the workers of subscriptions fire no statement triggers. */
  readonly subscribed: boolean;
}

export const TRIGGERS = [
  'citus_migrate_insert',
  'citus_migrate_update',
  'citus_migrate_delete',
  'citus_migrate_truncate',
] as const;

/** Tables (by qualified name) with their partitions as they are now. A table that is gone has no row. */
export function readShapes(session: Session, tables: readonly string[]): Promise<RelationShape[]> {
  if (tables.length === 0) return Promise.resolve([]);
  return session.query<RelationShape>(
    sql('dualwrite/shape', { tables: tables.map(quoteLiteral).join(', ') }),
    'read the captured tables',
  );
}

function changedEntries(
  what: string,
  table: string,
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names.flatMap((name) => {
    if (now[name] === undefined) return [`${what} ${table}.${name} is gone`];
    if (before[name] === undefined) return [`${what} ${table}.${name} is new`];
    return before[name] === now[name]
      ? []
      : [`${what} ${table}.${name} was ${before[name]} and is ${now[name]}`];
  });
}

/** What has changed on captured tables since the shim was installed, one sentence each. */
export function changedShapes(before: readonly RelationShape[], now: readonly RelationShape[]): string[] {
  const known = new Map(now.map((shape) => [displayName(shape), shape]));
  const changes = before.flatMap((shape) => {
    const name = displayName(shape);
    const other = known.get(name);
    known.delete(name);
    if (other === undefined) return [`${shape.isRoot ? 'table' : 'partition'} ${name} is gone`];
    return [
      ...changedEntries('column', name, shape.columns, other.columns),
      ...changedEntries('key', name, shape.keys, other.keys),
    ];
  });
  return [...changes, ...[...known.keys()].map((name) => `partition ${name} is new`)];
}

/** Triggers of the shim that are missing, or were switched off (perhaps only for a while), one sentence each. */
export function brokenTriggers(shapes: readonly RelationShape[]): string[] {
  return shapes.flatMap((shape) =>
    TRIGGERS.filter((trigger) => shape.triggers[trigger] !== 'A').map((trigger) =>
      shape.triggers[trigger] === undefined
        ? `${displayName(shape)} has no trigger ${trigger}`
        : `trigger ${trigger} of ${displayName(shape)} was switched off for a time`,
    ),
  );
}
