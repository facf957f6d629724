import { qualified } from '../core/names.js';
import type { Queryable } from '../core/queryable.js';
import { sql } from '../postgres/sql-files.js';

/** What a plan has to know of its target. */
export interface TargetFacts {
  readonly citus: boolean;
  readonly maxConnections: number;
  /** citus.shard_count: shards of a new table. */
  readonly shardCount?: number;
  /** citus.shard_replication_factor: copies of every shard of a new table; 1 for a plain PostgreSQL. */
  readonly replicationFactor: number;
  readonly available: ReadonlySet<string>;
  /** Installed extensions and their schemas. */
  readonly extensions: ReadonlyMap<string, string>;
  readonly roles: ReadonlySet<string>;
  /** Those of `roles` to whom this login cannot give an object. */
  readonly strangers: ReadonlySet<string>;
  /** Sorted lower bounds of the shards of tables that exist, by qualified name. */
  readonly shards: ReadonlyMap<string, readonly number[]>;
}

interface FactsRow {
  maxConnections: number;
  shardCount: number | null;
  replicationFactor: number | null;
  citus: boolean;
  available: string[] | null;
  extensions: { name: string; schema: string }[] | null;
  roles: string[];
  strangers: string[] | null;
}

export async function readTargetFacts(target: Queryable): Promise<TargetFacts> {
  const row = (await target.query<FactsRow>(sql('plan/target-facts')))[0]!;
  const shards = row.citus
    ? await target.query<{ schema: string; name: string; bounds: number[] }>(sql('plan/target-shards'))
    : [];
  return {
    citus: row.citus,
    maxConnections: row.maxConnections,
    ...(row.shardCount === null ? {} : { shardCount: row.shardCount }),
    replicationFactor: row.citus ? (row.replicationFactor ?? 1) : 1,
    available: new Set(row.available ?? []),
    extensions: new Map((row.extensions ?? []).map((one) => [one.name, one.schema])),
    roles: new Set(row.roles),
    strangers: new Set(row.strangers ?? []),
    shards: new Map(shards.map((one) => [qualified(one), one.bounds])),
  };
}
