import pg from 'pg';
import { findPostgres, type Server, startServer } from '../../src/demo/servers/index.js';

/** Starts a server and makes it a worker of the cluster in the database of the coordinator's URL. */
export async function joinNode(coordinatorUrl: string, name = 'joined'): Promise<Server> {
  const server = await startServer({ install: await findPostgres(), name, citus: true });
  try {
    const database = new URL(coordinatorUrl).pathname.slice(1);
    await run(server.url(), `CREATE DATABASE ${database}`);
    await run(server.url(database), 'CREATE EXTENSION citus');
    await run(coordinatorUrl, `SELECT citus_add_node('${server.host}', ${server.port})`);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function run(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
