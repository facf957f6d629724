import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect } from 'vitest';
import {
  type Cluster,
  createDatabase,
  findPostgres,
  type Server,
  startCluster,
  startServer,
} from '../../src/demo/servers/index.js';
import { Clients, type ClientUrls, COMMON } from './clients.js';
import { freshFolder, runJson } from './migrate.js';
import type { MoveOptions } from './moves.js';
import { OwnershipProbe } from './ownership-probe.js';
import { type Proxy as Link, startProxy } from './proxy.js';

/** Buckets 85, 18, 51, 6, 92, 34 in some order: each share moves some of them. */
export const NAMESPACES = ['ns0', 'ns1', 'ns2', 'ns3', 'ns4', 'ns5'];

const SCHEMA = `
  CREATE TABLE doc (id bigserial PRIMARY KEY, namespace text NOT NULL, key text NOT NULL, note text);
  CREATE INDEX ON doc (namespace, key);
  CREATE TABLE setting (id int PRIMARY KEY, scope text NOT NULL, key text NOT NULL, note text);
  INSERT INTO doc (namespace, key, note) SELECT 'ns' || g % 6, 'old-' || g, 'old' FROM generate_series(1, 60) g;
`;

/** What is there of one prefix, once behind each other: `namespace/key` → notes, and every row as a line. */
export interface Rows {
  readonly notes: ReadonlyMap<string, readonly string[]>;
  readonly lines: readonly string[];
}

export async function rowsOf(url: string, prefix: string): Promise<Rows> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; note: string; line: string }>(
      `SELECT namespace || '/' || key AS name, note, concat_ws(' ', 'doc', id, namespace, key, note) AS line
       FROM doc WHERE key LIKE $1 UNION ALL
       SELECT scope || '/' || key, note, concat_ws(' ', 'setting', id, scope, key, note)
       FROM setting WHERE key LIKE $1`,
      [`${prefix}-%`],
    );
    const notes = new Map<string, string[]>();
    for (const { name, note } of rows) notes.set(name, [...(notes.get(name) ?? []), note]);
    return { notes, lines: rows.map(({ line }) => line).sort() };
  } finally {
    await client.end();
  }
}

/** Servers of its own with a migration that is ready to move, clients that write, and links that can be cut. */
export class FaultBench {
  private constructor(
    readonly single: Server,
    readonly cluster: Cluster,
    readonly sourceUrl: string,
    readonly folder: string,
    readonly proxies: { readonly source: Link; readonly target: readonly Link[] },
    readonly clients: Clients,
    readonly probe: OwnershipProbe,
  ) {}

  static async open(): Promise<FaultBench> {
    const install = await findPostgres();
    const settings = { max_connections: 200 };
    const [single, cluster] = await Promise.all([
      startServer({ install, settings, name: 'source' }),
      // What a crash leaves prepared is settled soon: a minute by default.
      startCluster({ install, settings: { ...settings, 'citus.recover_2pc_interval': '1s' }, shardCount: 4 }),
    ]);
    const sourceUrl = await createDatabase(single, 'app');
    await on(sourceUrl, SCHEMA);
    const folder = freshFolder();
    const target = [cluster.coordinator, ...cluster.workers];
    const proxies = {
      source: await startProxy(single),
      target: await Promise.all(target.map((server) => startProxy(server))),
    };
    const addresses = cluster.workers.map(
      ({ host, port }, index) => `  "${host}:${port}": "${proxies.target[index + 1]!.address}"`,
    );
    writeFileSync(join(folder, 'proxied.yaml'), `nodeAddresses:\n${addresses.join('\n')}\n`);
    const urls: ClientUrls = { source: sourceUrl, target: target.map((server) => server.url('app')) };
    const names = [...NAMESPACES, COMMON];
    const bench = new FaultBench(
      ...[single, cluster, sourceUrl, folder, proxies],
      ...([new Clients(urls, names), new OwnershipProbe(urls, names)] as const),
    );
    for (const line of ['plan', 'shim install', 'copy']) await bench.migrate(line);
    const kinds = await on(
      bench.targetUrl,
      'SELECT table_name::text AS name, citus_table_type AS kind FROM citus_tables',
    );
    expect(kinds).toContainEqual({ name: 'setting', kind: 'reference' });
    return bench;
  }

  get targetUrl(): string {
    return this.cluster.url();
  }

  /** Where a move is sent; `proxied`: over links that can be cut. */
  aim(proxied: boolean): Pick<MoveOptions, 'source' | 'target' | 'folder' | 'config'> {
    const { folder } = this;
    if (!proxied) return { folder, source: this.sourceUrl, target: this.targetUrl };
    const behind = ({ address }: Link): string => `postgresql://postgres@${address}/app`;
    const { source, target } = this.proxies;
    return { folder, source: behind(source), target: behind(target[0]!), config: 'proxied.yaml' };
  }

  async migrate(line: string): Promise<void> {
    const sides = ['--source', this.sourceUrl, '--target', this.targetUrl];
    const said = await runJson([...line.split(' '), ...sides], { cwd: this.folder });
    expect({ line, exit: said.exit, error: said.error }).toEqual({ line, exit: 0, error: undefined });
  }

  /** Transactions that a crash has left prepared are decided, each by the node that has begun it. */
  async settled(): Promise<void> {
    const urls = [this.targetUrl, ...this.cluster.workers.map((worker) => worker.url('app'))];
    await expect
      .poll(
        async () => {
          const left = await Promise.all(
            urls.map(async (url) => {
              await on(url, 'SELECT recover_prepared_transactions()');
              const [row] = await on(url, 'SELECT count(*)::int AS left FROM pg_prepared_xacts');
              return row!.left as number;
            }),
          );
          return Math.max(...left);
        },
        { timeout: 30_000 },
      )
      .toBe(0);
  }

  /** Behind the last pass: every acknowledged write is on both sides once, and both have the same rows. */
  async expectKept(prefix: string): Promise<number> {
    await this.settled();
    await this.migrate('sync --until-drained');
    const [source, target] = [await rowsOf(this.sourceUrl, prefix), await rowsOf(this.targetUrl, prefix)];
    expect({ prefix, source: this.clients.misses(source.notes) }).toEqual({ prefix, source: [] });
    expect({ prefix, target: this.clients.misses(target.notes) }).toEqual({ prefix, target: [] });
    expect(target.lines).toEqual(source.lines);
    return source.lines.length;
  }

  /** Every server that was stopped is started again. */
  async resume(): Promise<void> {
    const stopped = [this.single, this.cluster.coordinator, ...this.cluster.workers].filter(
      ({ pid }) => pid === undefined,
    );
    if (stopped.length === 0) return;
    await Promise.all(stopped.map((server) => server.resume()));
    this.clients.serversBack();
  }

  /** Nobody writes or asks, and every server is there. */
  async quiet(): Promise<void> {
    await this.resume();
    await this.clients.stop().catch(() => {});
    await this.probe.stop().catch(() => {});
    this.probe.twice.length = 0;
  }

  async close(): Promise<void> {
    await Promise.all([this.clients.close(), this.probe.close()]);
    await Promise.all([this.cluster.stop(), this.single.stop()]);
  }
}

/** One statement on a connection of its own. */
export async function on(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query(text);
    return (Array.isArray(result) ? result.at(-1) : result).rows;
  } finally {
    await client.end();
  }
}
