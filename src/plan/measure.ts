import type { Catalog } from '../core/catalog-types.js';
import { throwIfAborted } from '../core/errors.js';
import { qualified, quoteIdent } from '../core/names.js';
import type { Placement, TablePlan } from '../core/plan-types.js';
import type { Queryable } from '../core/queryable.js';
import { sql } from '../postgres/sql-files.js';
import type { ForeignKeyPlans } from './foreign-keys.js';
import { keySource } from './key-source.js';
import type { TableSize } from './placement.js';
import type { KeyReport } from './report.js';

type Distributed = Extract<Placement, { kind: 'distributed' }>;

/** Smaller tables are counted: an estimate of them is cheap to beat and decides whether one is a look-up. */
const COUNT_BELOW = 16 * 1024 * 1024;

export interface MeasuredSize extends TableSize {
  readonly exact: boolean;
}

/** Rows and bytes of every table, by qualified name; large tables by the planner's estimate. */
export async function measureSizes(
  source: Queryable,
  catalog: Catalog,
  signal: AbortSignal,
): Promise<Map<string, MeasuredSize>> {
  const known = new Map(catalog.tables.map((table) => [qualified(table), table]));
  const sizes = new Map<string, MeasuredSize>();
  interface Row {
    schema: string;
    name: string;
    partitioned: boolean;
    bytes: string;
    rows: string;
  }
  for (const row of await source.query<Row>(sql('plan/sizes'))) {
    throwIfAborted(signal);
    if (!known.has(qualified(row))) continue;
    const bytes = Number(row.bytes);
    const estimate = Number(row.rows);
    if (row.partitioned) sizes.set(qualified(row), { rows: 0, bytes: 0, exact: true });
    else if (estimate >= 0 && bytes >= COUNT_BELOW)
      sizes.set(qualified(row), { rows: estimate, bytes, exact: false });
    else {
      const counted = await source.query<{ rows: string }>(
        `SELECT count(*)::text AS rows FROM ONLY ${qualified(row)}`,
      );
      sizes.set(qualified(row), { rows: Number(counted[0]!.rows), bytes, exact: true });
    }
  }
  return sizes;
}

/** Lower bounds of the n even hash ranges that Citus creates: steps of floor(2^32 / n), the last takes the rest. */
export function evenBounds(shardCount: number): number[] {
  const step = Math.floor(2 ** 32 / shardCount);
  return Array.from({ length: shardCount }, (_, index) => -(2 ** 31) + index * step);
}

/** Keys, NULLs and the rows of every future shard, in one pass over the source's table. */
export async function measureKeys(
  source: Queryable,
  table: TablePlan,
  placement: Distributed,
  catalog: Catalog,
  bounds: readonly number[],
): Promise<KeyReport & { readonly rows: number }> {
  interface Row {
    rows: string;
    nulls: string;
    keys: string;
    largest: { key: string; rows: number }[];
    shards: { bucket: number; rows: number }[];
  }
  const variables = {
    ...keySource(table, placement, catalog),
    hash: placement.hashFunction,
    bounds: `'{${bounds.join(',')}}'::int[]`,
  };
  const row = (await source.query<Row>(sql('plan/key-statistics', variables)))[0]!;
  const rows = Number(row.rows);
  const shardRows = bounds.map(() => 0);
  for (const { bucket, rows: inShard } of row.shards) shardRows[bucket - 1] = Number(inShard);
  const mean = rows / bounds.length;
  return {
    rows,
    count: Number(row.keys),
    nulls: Number(row.nulls),
    largest: row.largest.map((one) => ({
      key: one.key,
      rows: Number(one.rows),
      ofMean: Number(one.rows) / mean,
    })),
    shardRows,
  };
}

/** Rows that refer through the foreign key to a parent with another value in the distribution column. */
export async function countCrossings(
  source: Queryable,
  { table, constraint }: ForeignKeyPlans['toCheck'][number],
  placements: ReadonlyMap<string, Placement>,
  catalog: Catalog,
): Promise<number> {
  const parent = constraint.foreign.references;
  const child = keySource(table, placements.get(qualified(table)) as Distributed, catalog);
  const other = keySource(parent, placements.get(qualified(parent)) as Distributed, catalog);
  const list = (columns: readonly string[]): string =>
    columns.map((column, place) => `t0.${quoteIdent(column)} AS c${place}`).join(', ');
  const rows = await source.query<{ rows: string }>(
    sql('plan/key-crossings', {
      child_key: child.key,
      child_columns: list(constraint.columns),
      child_from: child.from,
      parent_key: other.key,
      parent_columns: list(constraint.foreign.columns),
      parent_from: other.from,
      pairs: constraint.columns.map((_, place) => `c.c${place} = p.c${place}`).join(' AND '),
    }),
  );
  return Number(rows[0]!.rows);
}
