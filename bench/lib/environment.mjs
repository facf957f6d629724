import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedTables, tableStream } from '../../dist/demo/generator/generate.js';
import {
  closeServers,
  createClusterDatabase,
  createDatabase,
  dropClusterDatabase,
  findPostgres,
  startCluster,
  startServer,
  withSession,
} from '../../dist/demo/servers/index.js';
import { Migrate } from './migrate.mjs';

export const WORKERS = 2;
export const SHARDS = 32;
const TARGET = 'bench';

/** Beside fsync and full_page_writes on. Vacuum would come at a time of its own choosing. */
export const SETTINGS = { shared_buffers: '512MB', autovacuum: 'off', max_wal_size: '8GB' };

const file = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

/** A single node with data, and an empty cluster; everything is thrown away by `stop`. */
export class Environment {
  #sources = new Map();
  #tools = [];

  /** `rounds` is how often each candidate is measured; `say` tells a person what goes on. */
  static async start(say, { rounds }) {
    const install = await findPostgres();
    if (!install.hasCitus || !install.hasVector) {
      throw new Error('A PostgreSQL with the extensions citus and vector is needed, and was not found.');
    }
    const environment = new Environment();
    say(`Starting PostgreSQL ${install.version}: a single node, a coordinator and ${WORKERS} workers`);
    const options = { install, durable: true, settings: SETTINGS };
    environment.install = install;
    environment.say = say;
    environment.rounds = rounds;
    environment.source = await startServer({ ...options, name: 'source' });
    environment.cluster = await startCluster({
      ...options,
      workers: WORKERS,
      shardCount: SHARDS,
      database: TARGET,
    });
    return environment;
  }

  get nodes() {
    return [this.cluster.coordinator, ...this.cluster.workers];
  }

  /** Process ids of all servers, for the account of their CPU. */
  get postmasters() {
    return [this.source, ...this.nodes].map((server) => server.pid);
  }

  get psql() {
    return join(this.install.binDir, 'psql');
  }

  get target() {
    return this.cluster.url(TARGET);
  }

  /** A database of the single node with so many rows, made at the first call; returns its URL. */
  sourceWith(rows) {
    const name =
      Object.entries(rows)
        .map(([table, count]) => `${table}_${count}`)
        .join('_') || 'empty';
    if (!this.#sources.has(name)) this.#sources.set(name, this.#fill(name, rows));
    return this.#sources.get(name);
  }

  async #fill(name, { memory_entries = 0, events = 0 }) {
    this.say(`Filling a database: ${memory_entries} rows with vectors, ${events} narrow rows`);
    const url = await createDatabase(this.source, name);
    await withSession(url, async (session) => {
      await session.query("SET search_path = 'public'");
      await session.query(file('schema.sql'));
      if (memory_entries > 0) {
        const options = { rows: memory_entries, seed: 1 };
        const { table } = generatedTables(options).find((each) => each.table.name === 'memory_entries');
        await session.copyIn(
          `COPY memory_entries (${table.columns.join(', ')}) FROM STDIN (FORMAT binary)`,
          tableStream(table, 'vector(384)', options, 'binary'),
        );
      }
      if (events > 0) await session.query(file('events.sql').replace(':rows', String(events)));
      for (const table of ['memory_entries', 'events'])
        await session.query(`VACUUM (FREEZE, ANALYZE) ${table}`);
      await session.query('CHECKPOINT');
    });
    return url;
  }

  /** The command line with a plan from this source to the cluster. */
  async migrate(source) {
    const tool = new Migrate({ source, target: this.target, config: `shardCount: ${SHARDS}\n` });
    this.#tools.push(tool);
    await tool.run('plan');
    return tool;
  }

  /** The target as every candidate meets it: the planned tables, empty, without keys, everything on disk. */
  async emptyTarget(tool, { workers = WORKERS } = {}) {
    await dropClusterDatabase(this.cluster, TARGET);
    await createClusterDatabase(this.cluster, TARGET, { shardCount: SHARDS });
    if (workers < WORKERS) await this.#useWorkers(workers);
    await tool.run('schema', '--phase', 'before-data');
    await this.settle();
  }

  /** Tables that are made from now on have shards on the first so many workers alone. */
  async #useWorkers(count) {
    await withSession(this.target, async (session) => {
      for (const [index, worker] of this.cluster.workers.entries()) {
        await session.query(
          `SELECT citus_set_node_property('${worker.host}', ${worker.port}, 'shouldhaveshards', ${index < count})`,
        );
      }
    });
  }

  /** Nothing is left to be written by the time the clock starts. */
  async settle() {
    await Promise.all(
      [this.source, ...this.nodes].map((server) =>
        withSession(server.url(), (session) => session.query('CHECKPOINT')),
      ),
    );
  }

  /** Throws unless the target holds exactly so many rows. */
  async expectRows(rows) {
    await withSession(this.target, async (session) => {
      for (const [table, expected] of Object.entries(rows)) {
        const { count } = await session.one(`SELECT count(*) FROM public.${table}`);
        if (Number(count) !== expected) throw new Error(`${table} holds ${count} rows, not ${expected}`);
      }
    });
  }

  async stop() {
    for (const tool of this.#tools) tool.remove();
    await closeServers();
  }
}
