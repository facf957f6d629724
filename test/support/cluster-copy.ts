import { quoteIdent, quoteLiteral } from '../../src/core/names.js';
import { type ClusterAddress, type ServerAddress, withSession } from '../../src/demo/servers/index.js';

/** Database of shared servers that copies are made of: extensions, on a cluster the workers joined, and no table. */
export const EMPTY = 'empty';

const on = (server: ServerAddress, statement: string) =>
  withSession(server.url(), (session) => session.query(statement));

async function everywhere({ coordinator, workers }: ClusterAddress, statement: string): Promise<void> {
  await Promise.all([coordinator, ...workers].map((node) => on(node, statement)));
}

const copying = (from: string, name: string) =>
  `CREATE DATABASE ${quoteIdent(name)} TEMPLATE ${quoteIdent(from)}`;

/** Copies a database of one server, which nobody uses. */
export async function copyDatabase(server: ServerAddress, from: string, name: string): Promise<void> {
  await on(server, copying(from, name));
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
  await everywhere(cluster, copying(frozen, name));
}
