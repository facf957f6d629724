import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import {
  closeServers,
  createDatabase,
  findLocalPostgres,
  findPostgres,
  type Server,
  startCluster,
  startServer,
} from '../../src/demo/servers/index.js';
import { EMPTY, freeze } from './cluster-copy.js';
import { temporaryDirectory } from './temporary.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL that the shared servers are asked for at. */
    sharedServers: string;
    /** Whether the machine has Citus, or an external cluster is named. */
    citus: boolean;
  }
}

/** Where a shared server listens; what the test files get as JSON. */
export interface SharedAddress {
  host: string;
  port: number;
}

/**
 * One source server and one cluster for each of vitest's workers, so that files which run at the same time share no
 * server, started when the first file asks: a run of unit tests alone starts none. The files run in processes of
 * their own, so they ask over HTTP.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const external = process.env.TEST_TARGET_URL !== undefined;
  project.provide('citus', external || (findLocalPostgres()?.hasCitus ?? false));

  // For the servers and files of the test files, too: they run in processes that inherit it.
  process.env.TMPDIR = temporaryDirectory();
  const settings = {
    // Room for the connections of suites that keep several pools open.
    max_connections: 200,
    // Every dropped table, shard and index is looked for in all of them.
    shared_buffers: '32MB',
    max_wal_size: '512MB',
  };
  // Looked for every two seconds otherwise, in each database, by each node.
  const onCitus = { 'citus.distributed_deadlock_detection_factor': 10 };
  const address = ({ host, port }: Server): SharedAddress => ({ host, port });
  const start: Record<string, () => Promise<SharedAddress[]>> = {
    source: async () => {
      const install = await findPostgres();
      const server = await startServer({ install, settings, name: 'source' });
      await createDatabase(server, EMPTY);
      return [address(server)];
    },
    cluster: async () => {
      const install = await findPostgres();
      const { coordinator, workers } = await startCluster({
        install,
        settings: { ...settings, ...onCitus },
        database: EMPTY,
      });
      await freeze({ coordinator, workers }, EMPTY);
      return [coordinator, ...workers].map(address);
    },
  };
  const started = new Map<string, Promise<SharedAddress[]>>();
  const http = createServer(async (request, response) => {
    try {
      const path = request.url!;
      const servers = started.get(path) ?? start[path.split('/')[1]!]!();
      started.set(path, servers);
      response.end(JSON.stringify(await servers));
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  project.provide('sharedServers', `http://127.0.0.1:${(http.address() as AddressInfo).port}`);

  return async () => {
    http.close();
    http.closeAllConnections();
    await closeServers();
  };
}
