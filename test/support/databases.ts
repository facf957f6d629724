import pg from 'pg';
import { describe, inject, test } from 'vitest';
import {
  type ClusterAddress,
  createClusterDatabase,
  createDatabase,
  dropClusterDatabase,
  dropDatabase,
  type ServerAddress,
  withSession,
} from '../../src/demo/servers/index.js';
import { atFileEnd } from './clean-up.js';
import { copyClusterDatabase, copyDatabase, EMPTY, freeze } from './cluster-copy.js';
import type { SharedAddress } from './global-setup.js';

/** A database of its own for one test, removed when the test file ends. */
export interface FreshDatabase {
  readonly url: string;
  /** Connected to it as a superuser, with the server's default settings. Closed when the test file ends. */
  readonly client: pg.Client;
}

export interface FreshCluster extends FreshDatabase {
  /** URL of the same database on each worker. */
  readonly workerUrls: readonly string[];
}

let count = 0;
/** Unique among the files of a run, which share the servers. */
const freshName = (): string => `test_${process.pid}_${Date.now().toString(36)}_${++count}`;

/** An empty database on the shared single node, or on the server of TEST_SOURCE_URL. With `vector` where it exists. */
export async function freshSource(): Promise<FreshDatabase> {
  const name = freshName();
  const server = await sourceServer();
  atFileEnd('remove', () => dropDatabase(server, name));
  if (process.env.TEST_SOURCE_URL === undefined) await copyDatabase(server, EMPTY, name);
  else await createDatabase(server, name);
  return { url: server.url(name), client: await connectTo(server.url(name)) };
}

/** An empty database of the shared cluster (or TEST_TARGET_URL's): Citus on every node, the workers added. */
export async function freshCluster({ shardCount = 8, replicationFactor = 1 } = {}): Promise<FreshCluster> {
  const name = freshName();
  const cluster = await clusterServers();
  atFileEnd('remove', () => dropClusterDatabase(cluster, name));
  if (process.env.TEST_TARGET_URL === undefined) await copyClusterDatabase(cluster, EMPTY, name);
  else await createClusterDatabase(cluster, name);
  const url = cluster.coordinator.url(name);
  await withSession(url, async (session) => {
    // A database's settings are not copied with it; set here they reach all nodes.
    await session.query(`ALTER DATABASE ${name} SET citus.shard_count = ${shardCount}`);
    await session.query(`ALTER DATABASE ${name} SET citus.shard_replication_factor = ${replicationFactor}`);
  });
  return { url, client: await connectTo(url), workerUrls: cluster.workers.map((worker) => worker.url(name)) };
}

/**
 * Copies of a source and a cluster as they are at the first call. The originals are closed for good: a state that many
 * tests begin with is made once.
 */
export async function freshCopies(
  original: { readonly source: FreshDatabase; readonly target: FreshCluster },
  { shardCount = 8 } = {},
): Promise<{ source: FreshDatabase; target: FreshCluster }> {
  const [name, server, cluster] = [freshName(), await sourceServer(), await clusterServers()];
  const nameOf = ({ url }: FreshDatabase): string => new URL(url).pathname.slice(1);
  atFileEnd('remove', () => dropDatabase(server, name));
  atFileEnd('remove', () => dropClusterDatabase(cluster, name));
  const { source, target } = original;
  await Promise.all([source.client.end(), target.client.end()]);
  await Promise.all([
    freeze({ coordinator: server, workers: [] }, nameOf(source)).then(() =>
      copyDatabase(server, nameOf(source), name),
    ),
    freeze(cluster, nameOf(target)).then(() => copyClusterDatabase(cluster, nameOf(target), name)),
  ]);
  const [here, there] = [server.url(name), cluster.coordinator.url(name)];
  await withSession(there, (session) =>
    session.query(`ALTER DATABASE ${name} SET citus.shard_count = ${shardCount}`),
  );
  return {
    source: { url: here, client: await connectTo(here) },
    target: {
      url: there,
      client: await connectTo(there),
      workerUrls: cluster.workers.map((worker) => worker.url(name)),
    },
  };
}

/** A client that is closed when the test file ends. */
export async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // A server that a test stops takes its clients along.
  client.on('error', () => {});
  await client.connect();
  atFileEnd('close', () => client.end());
  return client;
}

/**
 * A suite on real Citus. Where none is installed its tests count as skipped; with MIGRATE_TEST_REQUIRE_CITUS=1 that
 * is a failure.
 */
export function describeCitus(name: string, suite: () => void): void {
  if (!inject('citus') && process.env.MIGRATE_TEST_REQUIRE_CITUS === '1') {
    test(`${name}: Citus is installed`, () => {
      throw new Error('MIGRATE_TEST_REQUIRE_CITUS is set, and no PostgreSQL with Citus was found');
    });
    return;
  }
  describe.skipIf(!inject('citus'))(name, suite);
}

async function sourceServer(): Promise<ServerAddress> {
  const external = process.env.TEST_SOURCE_URL;
  return external ? externalServer(external) : shared((await ask('source'))[0]!);
}

async function clusterServers(): Promise<ClusterAddress> {
  const external = process.env.TEST_TARGET_URL;
  if (external) return externalCluster(external);
  const [coordinator, ...workers] = (await ask('cluster')).map(shared);
  return { coordinator: coordinator!, workers };
}

async function ask(what: 'source' | 'cluster'): Promise<SharedAddress[]> {
  const response = await fetch(`${inject('sharedServers')}/${what}/${process.env.VITEST_POOL_ID}`);
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as SharedAddress[];
}

function shared({ host, port }: SharedAddress): ServerAddress {
  return { host, port, url: (database = 'postgres') => `postgresql://postgres@${host}:${port}/${database}` };
}

function externalServer(given: string, at: Partial<SharedAddress> = {}): ServerAddress {
  const base = new URL(given);
  base.hostname = at.host ?? base.hostname;
  base.port = String(at.port ?? (base.port || 5432));
  const url = (database?: string) =>
    Object.assign(new URL(base), database ? { pathname: `/${database}` } : {}).href;
  return { host: base.hostname, port: Number(base.port), url };
}

/** The workers are those of the named database; they are reached as the coordinator reaches them. */
async function externalCluster(given: string): Promise<ClusterAddress> {
  const client = await connectTo(given);
  const { rows } = await client.query<{ host: string; port: number; coordinator: boolean }>(
    `SELECT nodename AS host, nodeport AS port, groupid = 0 AS coordinator FROM pg_dist_node
     WHERE noderole = 'primary' AND isactive ORDER BY groupid`,
  );
  const coordinator = rows.find((node) => node.coordinator);
  return {
    coordinator: {
      ...externalServer(given),
      ...(coordinator && { host: coordinator.host, port: coordinator.port }),
    },
    workers: rows.filter((node) => !node.coordinator).map((node) => externalServer(given, node)),
  };
}
