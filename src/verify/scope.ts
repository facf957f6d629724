import type { TableShards } from '../citus/shards.js';
import { quoteLiteral } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Session } from '../postgres/session.js';
import type { SideExpressions } from './side.js';

/** Which rows are compared, when not all. */
export interface RowScope {
  /** Values of the distribution column; empty: all rows. */
  readonly namespaces: readonly string[];
  /** Display names of the tables whose rows belong to tenants; default: all that are distributed. */
  readonly tenantTables?: ReadonlySet<string>;
  /** Percent of the rows, with at most two decimals; absent: all. */
  readonly sample?: number;
}

/** Steps in which a sample is cut: hundredths of a percent. */
const STEPS = 10_000;

/** The tables whose rows belong to tenants; all of them when no tenant is named. */
export function tablesInScope(
  tables: readonly TablePlan[],
  { namespaces, tenantTables }: RowScope,
): TablePlan[] {
  return tables.filter(
    ({ table, placement }) =>
      namespaces.length === 0 ||
      (placement.kind === 'distributed' && (tenantTables === undefined || tenantTables.has(table))),
  );
}

/**
 * The tables of tenants: those that are colocated with one whose distribution column has one of the names. A table
 * that is distributed by something else, its id as a rule, has rows of all tenants in all shards.
 */
export function tenantTablesOf(tables: readonly TablePlan[], columns: readonly string[]): Set<string> {
  const distributed = tables.flatMap(({ table, placement }) =>
    placement.kind === 'distributed'
      ? [{ table, column: placement.column, group: placement.colocateWith ?? table }]
      : [],
  );
  const groups = new Set(
    distributed.filter(({ column }) => columns.includes(column)).map((one) => one.group),
  );
  return new Set(distributed.filter(({ group }) => groups.has(group)).map(({ table }) => table));
}

/** What a reader of the result must know about rows that were left out. */
export function scopeNotes(tables: readonly TablePlan[], scope: RowScope): string[] {
  const left = tables.filter((table) => !tablesInScope([table], scope).includes(table));
  return [
    ...(scope.namespaces.length > 0
      ? [
          `Only rows of ${scope.namespaces.length === 1 ? 'one tenant' : `${scope.namespaces.length} tenants`} were compared, in the shards that hold them.`,
        ]
      : []),
    ...(left.length > 0
      ? [
          `Not compared, because their rows belong to no tenant: ${left.map(({ table }) => table).join(', ')}.`,
        ]
      : []),
    ...(scope.sample !== undefined
      ? [
          `This is a sample: ${scope.sample} % of the rows were compared, chosen by a hash of their keys; nothing is known of the others.`,
        ]
      : []),
  ];
}

function tenants(table: TablePlan, { namespaces }: RowScope): string {
  const type = table.placement.kind === 'distributed' ? table.placement.type : 'text';
  return `ARRAY[${namespaces.map(quoteLiteral).join(', ')}]::${type}[]`;
}

/** SQL: the row is one of those to compare. The same rows on both sides, because both hash the same bytes. */
export function scopeCondition(table: TablePlan, expressions: SideExpressions, scope: RowScope): string {
  const conditions: string[] = [];
  if (scope.namespaces.length > 0 && expressions.tenant !== null) {
    conditions.push(`${expressions.tenant} = ANY (${tenants(table, scope)})`);
  }
  if (scope.sample !== undefined) {
    // The upper bits: slices of the drill-down are cut by the lower ones.
    conditions.push(
      `((${expressions.keyHash} >> 32) & 2147483647) % ${STEPS} < ${Math.round((scope.sample * STEPS) / 100)}`,
    );
  }
  return conditions.length === 0 ? 'true' : conditions.join(' AND ');
}

/** The 1-based shards that hold the chosen tenants; undefined: all shards are read. */
export async function shardsInScope(
  session: Session,
  table: TablePlan,
  shards: TableShards,
  scope: RowScope,
): Promise<ReadonlySet<number> | undefined> {
  const { placement } = table;
  if (scope.namespaces.length === 0 || shards.kind !== 'distributed' || placement.kind !== 'distributed')
    return undefined;
  const rows = await session.query<{ hash: number }>(
    `SELECT ${placement.hashFunction}(n) AS hash FROM unnest(${tenants(table, scope)}) AS n`,
    'find the shards of the tenants',
  );
  return new Set(
    rows.map(
      ({ hash }) => shards.shards.findIndex(({ range }) => hash >= range!.min && hash <= range!.max) + 1,
    ),
  );
}
