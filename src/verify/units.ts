import type { Node } from '../citus/database.js';
import type { TableShards } from '../citus/shards.js';
import { qualified } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { cutExtent, type PageRange, tidRange } from '../export/chunks.js';
import type { Extent } from '../export/extents.js';
import { fromClause, ROW } from '../plan/projection.js';
import type { SideExpressions } from './side.js';

/**
 * A table that is not sharded is read in so many queries, and none of them less than so many bytes on disk: enough of
 * them to keep jobs busy, and a number that does not grow with the table, so that neither do the answers.
 */
const UNITS = 32;
const MIN_UNIT_BYTES = 8 * 1024 * 1024;

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
  /** Changes when the part is rewritten and its rows come to lie in other pages; absent where pages do not matter. */
  readonly filenode?: string;
  /** Tables that are joined to reach the distribution column. */
  readonly joined: number;
  /** The pages that it reads; absent: all. */
  readonly pages?: PageRange;
}

/** SQL for the 1-based shard that a row belongs to: the target's own ranges, read and not computed. */
export function homeOf(shards: TableShards, expressions: SideExpressions): string {
  if (shards.kind !== 'distributed' || expressions.route === null) return '1';
  const mins = shards.shards.map((shard) => shard.range!.min);
  return `width_bucket(${expressions.route}, '{${mins.join(',')}}'::int[])`;
}

/** How one side evaluates one table. */
export interface TableSide {
  readonly table: TablePlan;
  readonly home: string;
  readonly expressions: SideExpressions;
  /** SQL: the row is one of those to compare. */
  readonly scope: string;
}

/**
 * Units of tables as they lie on a single node: ranges of pages, whatever the other side's shards are; or whole
 * parts when `cut` is `whole`.
 */
export function singleUnits(
  side: 'source' | 'target',
  { table, home, expressions, scope }: TableSide,
  extents: readonly Extent[],
  cut: 'pages' | 'whole',
): Unit[] {
  // On the source an added column is reached by joins; on a plain target it is there.
  const direction = side === 'source' ? 'forward' : 'reverse';
  const bytes = extents.reduce((sum, extent) => sum + extent.bytes, 0);
  return extents.flatMap((extent) => {
    const unit = {
      table,
      node: extent.node,
      from: fromClause(table, extent.relation, direction),
      condition: scope,
      bucket: home,
      home,
      expressions,
      filenode: extent.filenode,
      joined:
        direction === 'forward' && table.placement.kind === 'distributed' ? table.placement.via.length : 0,
    };
    if (cut === 'whole') return [unit];
    return cutExtent(extent, Math.max(MIN_UNIT_BYTES, bytes / UNITS)).map((pages): Unit => {
      const { first, last } = tidRange(pages);
      return {
        ...unit,
        pages,
        condition: `${ROW}.ctid >= '${first}' AND ${ROW}.ctid < '${last}' AND ${scope}`,
      };
    });
  });
}

/** A unit per placement of every shard, each read on the node where it lies. */
export function shardUnits({ table, home, expressions, scope }: TableSide, shards: TableShards): Unit[] {
  return shards.shards.flatMap((shard, index) =>
    shard.nodes.map((node) => ({
      table,
      node,
      shard: index + 1,
      from: `FROM ${qualified(shard.relation)} AS ${ROW}`,
      condition: scope,
      bucket: String(index + 1),
      home,
      expressions,
      joined: 0,
    })),
  );
}
