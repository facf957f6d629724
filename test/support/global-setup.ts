import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import {
  closeServers,
  findLocalPostgres,
  findPostgres,
  type Server,
  startCluster,
  startServer,
} from '../../src/demo/servers/index.js';
import { EMPTY, freeze } from './cluster-copy.js';

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

  // Room for the connections of suites that keep several pools open.
  const settings = { max_connections: 200 };
  const address = ({ host, port }: Server): SharedAddress => ({ host, port });
  const start: Record<string, () => Promise<SharedAddress[]>> = {
    source: async () => {
      const install = await findPostgres();
      return [address(await startServer({ install, settings, name: 'source' }))];
    },
    cluster: async () => {
      const install = await findPostgres();
      const { coordinator, workers } = await startCluster({ install, settings, database: EMPTY });
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
