import type { Cut } from '../citus/cut.js';
import type { Node } from '../citus/database.js';
import type { SessionPool } from '../citus/pool.js';
import type { TableShards } from '../citus/shards.js';
import type { Named } from '../core/catalog-types.js';
import { qualified } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { cutExtent, tidRange } from '../export/chunks.js';
import { readExtents } from '../export/extents.js';
import { fromClause, ROW } from '../plan/projection.js';
import type { SideExpressions } from './side.js';

/** Bytes on disk that one digest query reads of a table that is not sharded: enough queries to keep jobs busy. */
const UNIT_BYTES = 64 * 1024 * 1024;

/** One query's worth of rows of one table on one node, and how the query says where a row lies and belongs. */
export interface Unit {
  readonly table: TablePlan;
  readonly node: Node;
  /** 1-based shard in which the rows lie; undefined on a side without shards, where they lie where they belong. */
  readonly shard?: number;
  readonly from: string;
  readonly condition: string;
  /** SQL: 1-based shard in which the row lies. */
  readonly bucket: string;
  /** SQL: 1-based shard in which it belongs. */
  readonly home: string;
  readonly expressions: SideExpressions;
}

/** SQL for the 1-based shard that a row belongs to: the target's own ranges, read and not computed. */
export function homeOf(shards: TableShards, expressions: SideExpressions): string {
  if (shards.kind !== 'distributed' || expressions.route === null) return '1';
  const mins = shards.shards.map((shard) => shard.range!.min);
  return `width_bucket(${expressions.route}, '{${mins.join(',')}}'::int[])`;
}

/** Units of tables as they lie on a single node: ranges of pages, whatever the other side's shards are. */
export async function singleUnits(
  cut: Cut,
  pool: SessionPool,
  tables: readonly TablePlan[],
  homes: ReadonlyMap<string, { home: string; expressions: SideExpressions }>,
): Promise<Unit[]> {
  const extents = await readExtents(cut.database, pool, tables);
  // On the source an added column is reached by joins; on a plain target it is there.
  const direction = cut.database.options.side === 'source' ? 'forward' : 'reverse';
  return tables.flatMap((table) =>
    (extents.get(table.table) ?? []).flatMap((extent) =>
      cutExtent(extent, UNIT_BYTES).map((range): Unit => {
        const { first, last } = tidRange(range);
        const { home, expressions } = homes.get(table.table)!;
        return {
          table,
          node: extent.node,
          from: fromClause(table, extent.relation, direction),
          condition: `${ROW}.ctid >= '${first}' AND ${ROW}.ctid < '${last}'`,
          bucket: home,
          home,
          expressions,
        };
      }),
    ),
  );
}

/** A unit per placement of every shard, each read on the node where it lies. */
export function shardUnits(
  table: TablePlan,
  shards: TableShards,
  home: string,
  expressions: SideExpressions,
): Unit[] {
  return shards.shards.flatMap((shard, index) =>
    shard.nodes.map((node) => ({
      table,
      node,
      shard: index + 1,
      from: `FROM ${qualifiedAs(shard.relation)}`,
      condition: 'true',
      bucket: String(index + 1),
      home,
      expressions,
    })),
  );
}

function qualifiedAs(relation: Named): string {
  return `${qualified(relation)} AS ${ROW}`;
}
