import type pg from 'pg';
import { connectTo, type FreshCluster } from './databases.js';

/** One copy of a shard. */
export interface PlacedShard {
  readonly shardId: string;
  readonly groupId: number;
  readonly relation: string;
  /** Its worker: as this program reaches it, and as the cluster names it. */
  readonly url: string;
  readonly node: string;
}

const clients = new Map<string, Promise<pg.Client>>();

/** A client of a worker that sees shards; one for each. */
export function workerClient(url: string): Promise<pg.Client> {
  const known = clients.get(url);
  if (known !== undefined) return known;
  const opened = connectTo(url).then(async (client) => {
    await client.query('SET citus.override_table_visibility = off');
    return client;
  });
  clients.set(url, opened);
  return opened;
}

/** Every copy of every shard of a table on the workers, by shard and node. */
export async function shardsOf(cluster: FreshCluster, table: string): Promise<PlacedShard[]> {
  const { rows } = await cluster.client.query(
    `SELECT s.shardid::text AS "shardId", n.groupid AS "groupId", n.nodename || ':' || n.nodeport AS node,
            n.nodeport::int AS port, shard_name(s.logicalrelid, s.shardid) AS relation
     FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid)
     WHERE s.logicalrelid = $1::regclass AND n.groupid > 0 ORDER BY s.shardid, n.groupid`,
    [table],
  );
  return rows.map(({ port, ...shard }) => ({
    ...shard,
    url: cluster.workerUrls.find((url) => Number(new URL(url).port) === port)!,
  }));
}

/** Works on one copy of a shard where it lies, as somebody who does not ask the coordinator. */
export async function withShard<T>(
  shard: PlacedShard,
  work: (client: pg.Client, relation: string) => Promise<T>,
): Promise<T> {
  return work(await workerClient(shard.url), shard.relation);
}
