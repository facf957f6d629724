import type { Database, Node } from '../citus/database.js';
import type { SessionPool } from '../citus/pool.js';
import { readShards, type Shard, shardsOf } from '../citus/shards.js';
import type { Named } from '../core/catalog-types.js';
import { qualified } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { sql } from '../postgres/sql-files.js';

/** A table as it lies on one node: a plain table, a partition, or one shard of either. */
export interface Extent {
  readonly node: Node;
  readonly relation: Named;
  /** Heap pages at the time of reading, after the snapshot was taken. */
  readonly pages: number;
  /** Heap and TOAST together. */
  readonly bytes: number;
  /** The planner's estimate; 0 before the first ANALYZE. */
  readonly rows: number;
  /** Changes when the table is rewritten (VACUUM FULL, CLUSTER, TRUNCATE, …). */
  readonly filenode: string;
}

interface LeafRow {
  schema: string;
  name: string;
  leafSchema: string;
  leafName: string;
}

/** The tables that hold rows, per qualified name of the user's table: itself, or the leaves of its partitions. */
export async function readLeaves(database: Database): Promise<Map<string, Named[]>> {
  const rows = await database.session.query<LeafRow>(sql('citus/leaves'), 'read the partitions');
  const leaves = new Map<string, Named[]>();
  for (const row of rows) {
    const table = qualified(row);
    leaves.set(table, [...(leaves.get(table) ?? []), { schema: row.leafSchema, name: row.leafName }]);
  }
  return leaves;
}

/** Every part of `tables`, with its size; a part that holds no page is left out. */
export async function readExtents(
  database: Database,
  pool: SessionPool,
  tables: readonly TablePlan[],
): Promise<Map<string, Extent[]>> {
  const shards = await readShards(database.session, database.connector);
  const leaves = await readLeaves(database);
  const extents = new Map<string, Extent[]>();
  for (const table of tables) {
    const parts = (leaves.get(qualified(table)) ?? [table]).flatMap(
      (leaf) => shardsOf(shards, leaf, database.head).shards,
    );
    const sized = await measureAll(pool, parts);
    extents.set(
      table.table,
      sized.filter((extent) => extent.pages > 0),
    );
  }
  return extents;
}

/** One after the other on each node: a table may have a thousand shards, and a node has few connections. */
async function measureAll(pool: SessionPool, parts: readonly Shard[]): Promise<Extent[]> {
  const sized = new Map<Shard, Extent>();
  const nodes = new Set(parts.map((part) => part.nodes[0]!));
  await Promise.all(
    [...nodes].map(async (node) => {
      for (const part of parts) if (part.nodes[0] === node) sized.set(part, await measure(pool, part));
    }),
  );
  return parts.map((part) => sized.get(part)!);
}

async function measure(pool: SessionPool, shard: Shard): Promise<Extent> {
  const node = shard.nodes[0]!;
  return pool.use(node, async (session) => {
    const size = await session.one<{ pages: number; bytes: number; rows: number; filenode: string }>(
      sql('citus/relation-size', { relation: qualified(shard.relation) }),
      `measure ${qualified(shard.relation)}`,
    );
    return { node, relation: shard.relation, ...size };
  });
}
