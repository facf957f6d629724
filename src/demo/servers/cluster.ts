import { MigrateError } from '../../core/errors.js';
import { quoteIdent } from '../../core/names.js';
import type { Session } from '../../postgres/session.js';
import {
  createVectorExtensions,
  dropDatabase,
  onServer,
  type ServerAddress,
  withSession,
} from './databases.js';
import { type Server, type StartOptions, startServer } from './server.js';

export interface ClusterOptions extends Omit<StartOptions, 'name' | 'dataTemplate'> {
  /** Default 2. */
  workers?: number;
  /** Database with the extension on every node; default `app`. */
  database?: string;
  /** Default of `create_distributed_table` in that database; Citus's own is 32. */
  shardCount?: number;
  replicationFactor?: number;
}

/** A Citus coordinator with its workers. */
export interface Cluster {
  readonly coordinator: Server;
  readonly workers: readonly Server[];
  /** The coordinator's URL of a database (default: the one made at the start). */
  url(database?: string): string;
  stop(): Promise<void>;
}

/** The nodes of a cluster, also of one that was not started here. */
export interface ClusterAddress {
  readonly coordinator: ServerAddress;
  readonly workers: readonly ServerAddress[];
}

/** What a database of a cluster is made with. */
export type ClusterDatabase = Pick<ClusterOptions, 'shardCount' | 'replicationFactor' | 'signal'>;

/** Starts a coordinator and its workers on free ports. Throws SERVER_NOT_STARTED, or NO_SERVER without Citus. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { install, workers: count = 2, database = 'app' } = options;
  if (!install.hasCitus) {
    throw new MigrateError('NO_SERVER', {
      message: `PostgreSQL ${install.version} in ${install.binDir} has no Citus extension.`,
      hint: 'Install Citus for this PostgreSQL.',
    });
  }
  const names = ['coordinator', ...Array.from({ length: count }, (_, index) => `worker${index + 1}`)];
  const started = await Promise.allSettled(
    names.map((name) => startServer({ ...options, name, citus: true })),
  );
  const servers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const failed = started.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    const [coordinator, ...workers] = servers as [Server, ...Server[]];
    const cluster = { coordinator, workers, stop, url: (name = database) => coordinator.url(name) };
    await createClusterDatabase(cluster, database, options);
    return cluster;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Makes a database on every node, with the extension and, where installed, the vector types, and joins the nodes. */
export async function createClusterDatabase(
  cluster: ClusterAddress,
  database: string,
  { shardCount, replicationFactor, signal }: ClusterDatabase = {},
): Promise<string> {
  const { coordinator, workers } = cluster;
  const extend = async (node: ServerAddress) => {
    await onServer(node, `CREATE DATABASE ${quoteIdent(database)}`, signal);
    await withSession(node.url(database), (session) => session.query('CREATE EXTENSION citus'), signal);
  };
  await Promise.all([coordinator, ...workers].map(extend));
  const join = async (session: Session) => {
    const address = ({ host, port }: ServerAddress) => `'${host}', ${port}`;
    await session.query(`SELECT pg_catalog.citus_set_coordinator_host(${address(coordinator)})`);
    for (const worker of workers) await session.query(`SELECT pg_catalog.citus_add_node(${address(worker)})`);
    // Once the nodes have joined, an extension and a database's settings reach them by themselves.
    await createVectorExtensions(session);
    for (const [name, value] of [
      ['shard_count', shardCount],
      ['shard_replication_factor', replicationFactor],
    ] as const) {
      if (value !== undefined)
        await session.query(`ALTER DATABASE ${quoteIdent(database)} SET citus.${name} = ${value}`);
    }
  };
  await withSession(coordinator.url(database), join, signal);
  return coordinator.url(database);
}

/** Removes a database from every node. */
export async function dropClusterDatabase(cluster: ClusterAddress, database: string): Promise<void> {
  await Promise.all([cluster.coordinator, ...cluster.workers].map((node) => dropDatabase(node, database)));
}
