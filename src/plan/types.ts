import type { Catalog, ColumnDef, Named, TableDef } from '../core/catalog-types.js';
import { qualified } from '../core/names.js';

const ALIASES: Readonly<Record<string, string>> = {
  bool: 'boolean',
  char: 'character',
  decimal: 'numeric',
  float: 'double precision',
  float4: 'real',
  float8: 'double precision',
  int: 'integer',
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  varchar: 'character varying',
};

/** The types whose values a sequence gives out as they are. */
export const INTEGER_TYPES: ReadonlySet<string> = new Set(['smallint', 'integer', 'bigint']);

/** A type's name without modifier and array brackets, the modifier `(384)` and the brackets `[]`. */
export interface TypeParts {
  readonly base: string;
  readonly modifier: string;
  readonly array: string;
}

export function typeParts(type: string): TypeParts {
  const array = /(\[\])*$/.exec(type)![0];
  const element = type.slice(0, type.length - array.length);
  // The modifier of a timestamp stands inside its name: "timestamp(3) without time zone".
  const match = /^((?:"(?:[^"]|"")*"|[^"(])*)(\([^)]*\))?(.*)$/.exec(element)!;
  const base = `${match[1]!.trim()}${match[3]!}`.trim();
  return { base: ALIASES[base.toLowerCase()] ?? base, modifier: match[2] ?? '', array };
}

/** `varchar(255)` → `character varying(255)`, as format_type prints it; what it does not know stays. */
export function canonicalType(type: string): string {
  const { base, modifier, array } = typeParts(type.trim().replace(/^(public|pg_catalog)\./, ''));
  const zoned = /^(time|timestamp)( with(?:out)? time zone)$/.exec(base);
  return zoned ? `${zoned[1]}${modifier}${zoned[2]}${array}` : `${base}${modifier}${array}`;
}

/** A vector of some kind: what similarity searches run over, and never a natural key. */
export function isVectorLike(type: string): boolean {
  const { base, array } = typeParts(canonicalType(type));
  return (
    /(^|\.)(ru)?(vector|halfvec|sparsevec|bitvec)$/.test(base) ||
    (array !== '' && /^(real|double precision)$/.test(base))
  );
}

export interface TypeRules {
  /** Canonical source type → target type as the target's format_type prints it. */
  readonly types: ReadonlyMap<string, string>;
  /** Column, as `columnKey` names it, → target type; goes before `types`. */
  readonly columns: ReadonlyMap<string, string>;
  readonly widenSerial: boolean;
}

/** Types that take a length or dimension, and here have none of their own. */
const TAKES_MODIFIER =
  /^(?:character(?: varying)?|numeric|bit(?: varying)?|(?:.*\.)?(?:ru|sparse|half)?vec(?:tor)?)$/;

/** The type that `type` is mapped to: by its whole name, else by its base name, keeping modifier and array. */
export function mapType(type: string, rules: TypeRules): string {
  const canonical = canonicalType(type);
  const exact = rules.types.get(canonical);
  if (exact !== undefined) return exact;
  const { base, modifier, array } = typeParts(canonical);
  const whole = array === '' ? undefined : rules.types.get(`${base}${modifier}`);
  if (whole !== undefined) return `${whole}${array}`;
  const byBase = rules.types.get(base);
  if (byBase === undefined) return type;
  const kept = TAKES_MODIFIER.test(byBase) ? modifier : '';
  return `${byBase}${kept}${array}`;
}

/** The target type of every column, keyed by `columnKey`. */
export type ColumnTypes = ReadonlyMap<string, string>;

export const columnKey = (table: Named, column: string): string => `${qualified(table)}.${column}`;

const SMALL = new Set(['integer', 'smallint']);

/** Integer columns whose values a sequence makes: serial by an owned sequence's default, or identity. */
export function serialColumns(table: TableDef, catalog: Catalog): ColumnDef[] {
  const owned = new Set(
    catalog.sequences
      .filter((one) => one.ownedBy && qualified(one.ownedBy) === qualified(table))
      .map((one) => one.ownedBy!.column),
  );
  return table.columns.filter(
    (column) =>
      SMALL.has(column.type) &&
      (column.identity !== undefined || owned.has(column.name) || usesNextval(column)),
  );
}

const usesNextval = (column: ColumnDef): boolean => /\bnextval\(/.test(column.default ?? '');

/**
 * Mapped and widened types. A widened id takes the columns that refer to it along, and partitions follow their
 * root, so that every id fits wherever it is stored.
 */
export function planColumnTypes(catalog: Catalog, rules: TypeRules): ColumnTypes {
  const types = new Map<string, string>();
  for (const table of catalog.tables) {
    for (const { name, type } of table.columns) {
      const key = columnKey(table, name);
      types.set(key, rules.columns.get(key) ?? mapType(type, rules));
    }
  }
  if (!rules.widenSerial) return types;
  const open = catalog.tables.flatMap((table) =>
    serialColumns(table, catalog).map((column) => columnKey(table, column.name)),
  );
  const followers = referringColumns(catalog);
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (!SMALL.has(types.get(key) ?? '')) continue;
    types.set(key, 'bigint');
    open.push(...(followers.get(key) ?? []));
  }
  return types;
}

/** Column → the columns whose values come from it: of foreign keys, and of partitions (both directions). */
function referringColumns(catalog: Catalog): Map<string, string[]> {
  const result = new Map<string, string[]>();
  const add = (from: string, to: string): void => {
    result.set(from, [...(result.get(from) ?? []), to]);
  };
  for (const table of catalog.tables) {
    for (const { foreign, columns } of table.constraints) {
      if (!foreign) continue;
      columns.forEach((column, place) => {
        add(columnKey(foreign.references, foreign.columns[place]!), columnKey(table, column));
      });
    }
    for (const column of table.partitionOf ? table.columns : []) {
      add(columnKey(table.partitionOf!, column.name), columnKey(table, column.name));
      add(columnKey(table, column.name), columnKey(table.partitionOf!, column.name));
    }
  }
  return result;
}
