import { quoteIdent, quoteLiteral } from '../../src/core/names.js';
import { type ClusterAddress, withSession } from '../../src/demo/servers/index.js';

/** Database of a shared cluster that copies are made of: Citus on every node, the workers joined, no table. */
export const EMPTY = 'empty';

async function everywhere({ coordinator, workers }: ClusterAddress, statement: string): Promise<void> {
  const one = (url: string) => withSession(url, (session) => session.query(statement));
  await Promise.all([coordinator, ...workers].map((node) => one(node.url())));
}

/**
 * Ends all sessions of a database and lets in no other (Citus's maintenance daemon would come back), for PostgreSQL
 * copies only a database that nobody uses.
 */
export async function freeze(cluster: ClusterAddress, database: string): Promise<void> {
  await everywhere(cluster, `ALTER DATABASE ${quoteIdent(database)} ALLOW_CONNECTIONS false`);
  await everywhere(
    cluster,
    `SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = ${quoteLiteral(database)}`,
  );
}

/**
 * Copies a frozen database on every node. Nodes, shards and placements are rows of that database, and nodes reach
 * each other in the database of the same name: the copy is a cluster of its own. It takes 0.15 s; an extension on
 * every node and their joining take 1.1 s.
 */
export async function copyClusterDatabase(
  cluster: ClusterAddress,
  frozen: string,
  name: string,
): Promise<void> {
  await everywhere(cluster, `CREATE DATABASE ${quoteIdent(name)} TEMPLATE ${quoteIdent(frozen)}`);
}
