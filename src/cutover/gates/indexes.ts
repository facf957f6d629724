import type { Database } from '../../citus/database.js';
import type { Catalog, Named } from '../../core/catalog-types.js';
import { formatCount, plural } from '../../core/format.js';
import { displayName, qualified } from '../../core/names.js';
import { targetCatalog } from '../../plan/target-catalog.js';
import { sql } from '../../postgres/sql-files.js';
import { type Finding, fails, type GateCheck, holds, some } from './gate.js';

export interface IndexRow {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly valid: boolean;
}

/** One placement of a shard that has not the indexes of its table. */
export interface ShardGap {
  readonly table: string;
  readonly shardId: string;
  readonly node: string;
  /** null: it could not be asked. */
  readonly found: number | null;
  readonly wanted: number;
}

export interface IndexFacts {
  readonly planned: Pick<Catalog, 'tables'>;
  readonly there: readonly IndexRow[];
  readonly gaps: readonly ShardGap[];
  /** Tables whose shards were looked at. */
  readonly sharded: number;
}

const keyOf = (table: Named, name: string): string => `${name} of ${displayName(table)}`;

/** Names of what PostgreSQL keeps an index for. */
function plannedIndexes({ tables }: IndexFacts['planned']): string[] {
  return tables.flatMap((table) => [
    ...table.indexes.map(({ name }) => keyOf(table, name)),
    ...table.constraints
      .filter(({ kind }) => kind === 'primary' || kind === 'unique' || kind === 'exclude')
      .map(({ name }) => keyOf(table, name)),
  ]);
}

export function assessIndexes({ planned, there, gaps, sharded }: IndexFacts): Finding {
  const name = (row: IndexRow): string => keyOf({ schema: row.schema, name: row.table }, row.name);
  const known = new Set(there.filter(({ valid }) => valid).map(name));
  const wanted = plannedIndexes(planned);
  const missing = wanted.filter((one) => !known.has(one));
  const parts = [
    ...(missing.length > 0 ? [`missing or not finished: ${some(missing)}`] : []),
    ...(gaps.length > 0
      ? [
          `on shards: ${some(gaps.map(({ table, shardId, node, found, wanted: all }) => `${table}, shard ${shardId} on ${node}: ${found ?? 'not known'} of ${all}`))}`,
        ]
      : []),
  ];
  if (parts.length > 0)
    return fails(
      parts.join('; '),
      'Run `migrate copy --phase after-data`, which makes what is missing; an index that is missing on one shard alone is made by dropping and creating it on the coordinator.',
    );
  return holds(
    `${plural(wanted.length, 'planned index')} there and finished, also on every shard of ${formatCount(sharded)} tables`,
  );
}

async function readGaps({ session }: Database, tables: readonly Named[]): Promise<ShardGap[]> {
  const gaps: ShardGap[] = [];
  for (const table of tables) {
    type Row = Omit<ShardGap, 'table'>;
    const statement = sql('cutover/shard-indexes', { relation: qualified(table) });
    const rows = await session.query<Row>(statement, `look at the indexes of ${displayName(table)}`);
    gaps.push(...rows.map((row) => ({ table: displayName(table), ...row })));
  }
  return gaps;
}

export const indexes: GateCheck = {
  gate: 'indexes',
  title: 'every planned index is there, on every shard',
  directions: ['forward'],
  async check({ target, plan }) {
    const there = await target.session.query<IndexRow>(sql('cutover/indexes'), 'look at the indexes');
    const planned = targetCatalog(plan);
    const names = new Set(planned.tables.map(qualified));
    const sharded =
      target.kind === 'single'
        ? []
        : await target.session.query<Named>(sql('cutover/sharded'), 'read the distributed tables');
    const ours = sharded.filter((table) => names.has(qualified(table)));
    return assessIndexes({ planned, there, gaps: await readGaps(target, ours), sharded: ours.length });
  },
};
