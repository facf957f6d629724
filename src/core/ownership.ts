import { hashBytes } from './hash.js';
import { displayName } from './names.js';
import type { Plan, TablePlan } from './plan-types.js';

/** A side of the migration, as an owner of writes. */
export type Side = 'source' | 'target';

/** Namespaces move in this many parts: one for each per cent of a share. */
export const BUCKETS = 100;

/** The unit of every write that belongs to no namespace: reference and local tables, and those distributed otherwise. */
export const COMMON = '*';

/** Begins the unit of one namespace that is moved by its name and no longer with its bucket. */
const NAMED = 'n:';

/** Who takes the writes of one unit, as one side (or one node of it) has it in its table. */
export interface OwnershipRow {
  /** `b00`…`b99`, `n:<namespace>` or `*`. */
  readonly unit: string;
  readonly owner: Side;
  /** Number of the move that made it so; 0: never moved. A named unit with 0 is only held; its bucket decides. */
  readonly epoch: number;
  /** Until then nobody may write, in ms since the epoch; Infinity: until the head has decided; null: not blocked. */
  readonly blockedUntil: number | null;
}

const encoder = new TextEncoder();

/**
 * Bucket of a namespace, 0 to 99, over the text of its value: what `bucketSql` computes on a server. The hash is the
 * one that routes rows, taken as an unsigned number as it lies around zero.
 */
export function bucketOf(namespace: string): number {
  const bytes = encoder.encode(namespace);
  return (hashBytes(bytes, 0, bytes.length) + 2 ** 31) % BUCKETS;
}

/** The same of an SQL expression, as an int; NULL of NULL. */
export const bucketSql = (expression: string): string =>
  `((pg_catalog.hashtext((${expression})::text COLLATE "C")::bigint + 2147483648) % ${BUCKETS})::int`;

export const bucketUnit = (bucket: number): string => `b${String(bucket).padStart(2, '0')}`;

export const namedUnit = (namespace: string): string => `${NAMED}${namespace}`;

/** The namespace of a named unit; undefined for another. */
export const namespaceOf = (unit: string): string | undefined =>
  unit.startsWith(NAMED) ? unit.slice(NAMED.length) : undefined;

/** Every unit that there always is. */
export const ALL_UNITS: readonly string[] = [
  ...Array.from({ length: BUCKETS }, (_, bucket) => bucketUnit(bucket)),
  COMMON,
];

/**
 * Units of a share in per cent, a whole number from 0 to 100. Those of a smaller share are among those of a larger
 * one; only the whole share has the common unit.
 */
export function unitsOfShare(share: number): readonly string[] {
  if (!Number.isInteger(share) || share < 0 || share > BUCKETS) {
    throw new RangeError(`A share is a whole number from 0 to ${BUCKETS}, not ${share}`);
  }
  return share === BUCKETS ? ALL_UNITS : ALL_UNITS.slice(0, share);
}

/** Number of the advisory lock that writers of a unit share: 0 to 99, 100 for the common unit. A named unit has its bucket's. */
export function lockOf(unit: string): number {
  if (unit === COMMON) return BUCKETS;
  const namespace = namespaceOf(unit);
  return namespace === undefined ? Number(unit.slice(1)) : bucketOf(namespace);
}

/** Number of the lock that is shared by writers of whom nobody knows the unit; every move takes it, too. */
export const ANY_LOCK = BUCKETS + 1;

/** The lock of writers whose namespaces are those of other rows, by foreign key: moves wait for them, twice. */
export const VIA_LOCK = BUCKETS + 2;

/** The rows by unit that tell where writes of a namespace (null: of none) belong, on one side. */
export function ruling(
  rows: ReadonlyMap<string, OwnershipRow>,
  namespace: string | null,
): OwnershipRow | undefined {
  if (namespace === null) return rows.get(COMMON);
  const named = rows.get(namedUnit(namespace));
  return named !== undefined && named.epoch > 0 ? named : rows.get(bucketUnit(bucketOf(namespace)));
}

/** The owner of a unit by what both sides say: the later move counts. */
export function laterOf(
  one: OwnershipRow | undefined,
  other: OwnershipRow | undefined,
): OwnershipRow | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.epoch > one.epoch ? other : one;
}

/**
 * Units that have to move so that `target` owns this share: by their rows on the source. Named units stay as they are,
 * but for the whole share and for none.
 */
export function unitsToMove(
  rows: readonly OwnershipRow[],
  share: number,
): { readonly toTarget: readonly string[]; readonly toSource: readonly string[] } {
  const wanted = new Set(unitsOfShare(share));
  const decided = rows.filter(({ unit, epoch }) => namespaceOf(unit) === undefined || epoch > 0);
  const belongs = ({ unit, owner }: OwnershipRow): Side => {
    if (namespaceOf(unit) === undefined) return wanted.has(unit) ? 'target' : 'source';
    if (share === BUCKETS) return 'target';
    return share === 0 ? 'source' : owner;
  };
  const moving = (to: Side): string[] =>
    decided.filter((row) => row.owner !== to && belongs(row) === to).map(({ unit }) => unit);
  return { toTarget: moving('target'), toSource: moving('source') };
}

/**
 * Name of the column that is the namespace: the distribution column of most tables, the first by name among equals;
 * undefined when no table is distributed.
 */
export function namespaceColumn({ tables, catalog }: Pick<Plan, 'tables' | 'catalog'>): string | undefined {
  const partitions = new Set(catalog.tables.filter(({ partitionOf }) => partitionOf).map(displayName));
  const counts = new Map<string, number>();
  for (const { table, placement } of tables) {
    if (placement.kind !== 'distributed' || partitions.has(table)) continue;
    counts.set(placement.column, (counts.get(placement.column) ?? 0) + 1);
  }
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0];
}

/** Whether each row of the table belongs to a namespace; those of all other tables belong to the common unit. */
export const isNamespaced = ({ placement }: TablePlan, column: string | undefined): boolean =>
  placement.kind === 'distributed' && placement.column === column;

/** SQLSTATE of a write that a guard refuses because the other side owns its unit. */
export const NOT_OWNED_STATE = 'CM001';

/** SQLSTATE of a write that a guard refuses because its unit is moving at the moment. */
export const BLOCKED_STATE = 'CM002';
