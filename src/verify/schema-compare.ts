import type { Catalog, ColumnDef, Grant, IndexDef, TableDef } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent } from '../core/names.js';
import type { SchemaResult } from '../core/verification.js';

export interface SchemaComparison {
  /** As planned (or, on the way back, the original). */
  readonly expected: Catalog;
  readonly actual: Catalog;
  /** Qualified names of the tables to compare, partitions included. */
  readonly scope: ReadonlySet<string>;
  /** Privileges on schemas, sequences, views and functions, too. */
  readonly objects: boolean;
  /** Roles of the compared side. What needs another one was left out when the schema was made. */
  readonly roles: ReadonlySet<string>;
  /** Tables whose expressions may be printed with other casts: columns have other types there. */
  readonly recast: ReadonlySet<string>;
}

/** A part of a table: what it is called, and its whole definition as text. */
interface Part {
  readonly kind: string;
  readonly name: string;
  readonly definition: string;
}

/** Words for the summary of a kind, in the order in which they are told. */
export const PLURALS: Readonly<Record<string, string>> = {
  table: 'tables',
  column: 'columns',
  check: 'checks',
  key: 'keys',
  'foreign key': 'foreign keys',
  index: 'indexes',
  trigger: 'triggers',
  'row-level security': 'row-level security',
  policy: 'policies',
  privilege: 'privileges',
};

/**
 * What differs between two catalogs, one result each, and one per kind of which nothing differs. An index beyond the
 * plan is no difference unless it is unique or invalid: it refuses no row.
 */
export function compareSchema(comparison: SchemaComparison): SchemaResult[] {
  const { expected, actual, scope, roles, recast, objects } = comparison;
  const counts = new Map<string, number>();
  const differing: SchemaResult[] = [];
  const actualTables = new Map(actual.tables.map((table) => [qualified(table), table]));
  const tell = (kind: string, object: string, detail: string): void => {
    differing.push({ kind, object, verdict: 'mismatch', detail });
  };
  for (const table of expected.tables.filter((one) => scope.has(qualified(one)))) {
    const other = actualTables.get(qualified(table));
    counts.set('table', (counts.get('table') ?? 0) + 1);
    if (other === undefined) {
      tell('table', `table ${displayName(table)}`, 'is missing');
      continue;
    }
    const same = sameText(recast.has(qualified(table)));
    const planned = partsOf(table, roles, other.owner);
    for (const { kind } of planned) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    for (const { kind, name, detail } of differences(planned, partsOf(other, roles, other.owner), same))
      tell(kind, objectOf(kind, name, displayName(table)), detail);
  }
  if (objects) {
    const held = new Set(flatten(actual.grants ?? []).map((one) => one.text));
    for (const { grantee, text } of flatten(expected.grants ?? [])) {
      if (!exists(grantee, roles)) continue;
      counts.set('privilege', (counts.get('privilege') ?? 0) + 1);
      if (!held.has(text)) tell('privilege', `privilege ${text}`, 'is missing');
    }
  }
  return [...differing, ...summaries(counts, differing)];
}

function summaries(counts: ReadonlyMap<string, number>, differing: readonly SchemaResult[]): SchemaResult[] {
  const wrong = new Set(differing.map((one) => one.kind));
  return Object.entries(PLURALS)
    .filter(([kind]) => !wrong.has(kind))
    .map(([kind, plural]) => ({
      kind,
      object: plural,
      verdict: 'match',
      detail: `${counts.get(kind) ?? 0} as planned`,
    }));
}

export function objectOf(kind: string, name: string, table: string): string {
  if (kind === 'row-level security') return `row-level security of ${table}`;
  if (kind === 'privilege') return `privilege ${name} on ${table}`;
  return `${kind === 'key' ? 'key' : kind} ${quoteIdent(name)} of ${table}`;
}

/** Differences of parts, by kind and name. */
export function differences(
  planned: readonly Part[],
  found: readonly Part[],
  same: (left: string, right: string) => boolean,
): { kind: string; name: string; detail: string }[] {
  const at = ({ kind, name }: Part): string => `${kind} ${name}`;
  const rest = new Map(found.map((part) => [at(part), part]));
  const result: { kind: string; name: string; detail: string }[] = [];
  for (const part of planned) {
    const other = rest.get(at(part));
    rest.delete(at(part));
    const { kind, name } = part;
    if (other === undefined) result.push({ kind, name, detail: 'is missing' });
    else if (!same(part.definition, other.definition))
      result.push({ kind, name, detail: `is ${other.definition}, planned ${part.definition}` });
  }
  for (const part of rest.values()) {
    if (part.kind === 'index' && !/^(UNIQUE|PRIMARY)| INVALID$/.test(part.definition)) continue;
    result.push({ kind: part.kind, name: part.name, detail: 'is not in the plan' });
  }
  return result;
}

/** Triggers of this program's own. */
const CAPTURE = / EXECUTE FUNCTION citus_migrate\./;

function partsOf(table: TableDef, roles: ReadonlySet<string>, owner: string): Part[] {
  const { rowSecurity } = table;
  return [
    ...table.columns.map((column) => ({ kind: 'column', name: column.name, definition: columnText(column) })),
    ...table.constraints.map((one) => ({
      kind: one.kind === 'check' ? 'check' : one.kind === 'foreign' ? 'foreign key' : 'key',
      name: one.name,
      definition: one.definition,
    })),
    ...table.indexes.map((index) => ({ kind: 'index', name: index.name, definition: indexText(index) })),
    ...table.triggers
      .filter((one) => !CAPTURE.test(one.definition))
      .map((one) => ({
        kind: 'trigger',
        name: one.name,
        definition: `${one.definition}${one.enabled === undefined ? '' : ` (${one.enabled})`}`,
      })),
    {
      kind: 'row-level security',
      name: '',
      definition: `${rowSecurity.enabled ? 'enabled' : 'off'}${rowSecurity.forced ? ', forced' : ''}`,
    },
    ...table.policies
      .filter((policy) => policy.roles.every((role) => exists(role, roles)))
      .map((policy) => ({
        kind: 'policy',
        name: policy.name,
        definition: [
          `${policy.permissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${policy.command} TO ${policy.roles.join(', ')}`,
          policy.using === undefined ? '' : `USING (${policy.using})`,
          policy.check === undefined ? '' : `WITH CHECK (${policy.check})`,
        ]
          .filter(Boolean)
          .join(' '),
      })),
    // The owner has every privilege, and the catalog does not list it.
    ...flatten(table.grants)
      .filter(({ grantee }) => grantee !== owner && exists(grantee, roles))
      .map(({ text }) => ({ kind: 'privilege', name: text, definition: '' })),
  ];
}

const exists = (role: string, roles: ReadonlySet<string>): boolean => role === 'PUBLIC' || roles.has(role);

export function columnText(column: ColumnDef): string {
  return [
    column.type,
    column.collation === undefined ? '' : `COLLATE ${column.collation}`,
    column.notNull ? 'NOT NULL' : '',
    column.default === undefined ? '' : `DEFAULT ${column.default}`,
    column.identity === undefined ? '' : `GENERATED ${column.identity.toUpperCase()} AS IDENTITY`,
    column.generated === undefined ? '' : `GENERATED ALWAYS AS (${column.generated})`,
  ]
    .filter(Boolean)
    .join(' ');
}

const indexText = (index: IndexDef): string =>
  `${index.unique ? 'UNIQUE ' : ''}${index.method} (${index.tail}${index.valid ? '' : ' INVALID'}`;

/** One text per grantee, privilege and column. */
function flatten(grants: readonly (Grant & { readonly on?: string })[]): { grantee: string; text: string }[] {
  return grants.flatMap(({ grantee, privileges, columns, grantable, on }) =>
    privileges.flatMap((privilege) =>
      (columns ?? [undefined]).map((column) => ({
        grantee,
        text: `${privilege}${column === undefined ? '' : ` (${quoteIdent(column)})`}${on === undefined ? '' : ` on ${on}`} of ${grantee}${grantable ? ' with grant option' : ''}`,
      })),
    ),
  );
}

/**
 * Texts that say the same: names may be quoted without need. `recast`: casts and parentheses are not looked at, as
 * PostgreSQL prints the same expression with others over another type.
 */
export function sameText(recast: boolean): (left: string, right: string) => boolean {
  const plain = (text: string): string => {
    const bare = text.replace(/"([a-z_][a-z0-9_]*)"/g, '$1').replace(/\s+/g, ' ');
    if (!recast) return bare;
    return bare
      .replace(
        /::(?:"[^"]+"|[a-z_][\w.]*(?: (?:precision|varying|with(?:out)? time zone))*)(?:\(\d+(?:,\d+)?\))?(?:\[\])*/g,
        '',
      )
      .replace(/[()]/g, '');
  };
  return (left, right) => plain(left) === plain(right);
}
