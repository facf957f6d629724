import type { Named } from '../core/catalog-types.js';
import { qualified } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { Connector, Node } from './connector.js';

/** A part of a table that lies on one node as a table of its own. A plain table is one shard without a range. */
export interface Shard {
  /** Citus's shard id; `0` for a table that Citus does not shard. */
  readonly shardId: string;
  /** Hash range, inclusive; null where the table has a single shard. */
  readonly range: { readonly min: number; readonly max: number } | null;
  readonly nodes: readonly Node[];
  /** The shard as a table on its node; partitions of a partitioned table are reached through it. */
  readonly relation: Named;
}

export interface TableShards {
  readonly table: Named;
  readonly kind: 'distributed' | 'reference' | 'local';
  /** Distribution column, when distributed. */
  readonly column?: string;
  /** In the order of their ranges. */
  readonly shards: readonly Shard[];
}

interface PlacementRow {
  schema: string;
  name: string;
  method: 'h' | 'n';
  /** Kept on every node. */
  copies: boolean;
  shardId: string;
  shardName: string;
  min: number | null;
  max: number | null;
  groupId: number;
  column: string | null;
}

/** Where every table of the database lies now. Tables that Citus does not know are absent. */
export async function readShards(session: Session, connector: Connector): Promise<Map<string, TableShards>> {
  const tables = new Map<string, TableShards>();
  if (connector.kind === 'single') return tables;
  const rows = await session.query<PlacementRow>(sql('citus/placement'), 'read the shard map');
  for (const row of rows) {
    const table = { schema: row.schema, name: row.name };
    const entry = tables.get(qualified(table)) ?? {
      table,
      kind:
        row.method === 'h'
          ? ('distributed' as const)
          : row.copies
            ? ('reference' as const)
            : ('local' as const),
      ...(row.column === null ? {} : { column: row.column }),
      shards: [] as Shard[],
    };
    tables.set(qualified(table), entry);
    const shards = entry.shards as Shard[];
    const node = connector.node(row.groupId);
    const last = shards.at(-1);
    if (last?.shardId === row.shardId) {
      shards[shards.length - 1] = { ...last, nodes: [...last.nodes, node] };
    } else {
      shards.push({
        shardId: row.shardId,
        range: row.min === null || row.max === null ? null : { min: row.min, max: row.max },
        nodes: [node],
        relation: { schema: row.schema, name: row.shardName },
      });
    }
  }
  return tables;
}

/** The shards of one table; a table that Citus does not know is one shard on the single node or coordinator. */
export function shardsOf(map: ReadonlyMap<string, TableShards>, table: Named, head: Node): TableShards {
  return (
    map.get(qualified(table)) ?? {
      table,
      kind: 'local',
      shards: [{ shardId: '0', range: null, nodes: [head], relation: table }],
    }
  );
}
