import { MigrateError } from '../core/errors.js';
import { connect } from '../postgres/connect.js';
import { type Conninfo, describe } from '../postgres/conninfo.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { inspectServer, type ServerFacts } from './server.js';

/** A server that holds rows. A single node and a coordinator have group 0. */
export interface Node {
  readonly groupId: number;
  /** `host:port` as the cluster itself says. */
  readonly name: string;
  /** Where this program connects: the same, or what `nodeAddresses` maps it to. */
  readonly conninfo: Conninfo;
}

export interface OpenOptions {
  /** `source` or `target`: how messages name this side. */
  side: 'source' | 'target';
  runId: string;
  readOnly: boolean;
  nodeAddresses?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** One side of a migration: a single node, or the nodes of a Citus cluster behind their coordinator. */
export class Database {
  private constructor(
    readonly kind: 'single' | 'citus',
    readonly facts: ServerFacts,
    readonly nodes: readonly Node[],
    /** Session on the single node or coordinator for catalog reads and DDL; not for long work. */
    readonly session: Session,
    readonly options: OpenOptions,
  ) {}

  /** Opens and inspects; throws CONNECTION_REFUSED, VERSION_UNSUPPORTED, CITUS_MISSING, NOT_COORDINATOR, …. */
  static async open(conninfo: Conninfo, options: OpenOptions): Promise<Database> {
    const session = await connect(conninfo, {
      server: options.side,
      applicationName: applicationName(options),
      readOnly: options.readOnly,
      signal: options.signal,
    });
    try {
      const facts = await inspectServer(session);
      const nodes =
        facts.citus === null ? [single(conninfo)] : await clusterNodes(session, conninfo, options);
      if (facts.citus === null && facts.citusPreloaded && options.side === 'target') {
        throw new MigrateError('CITUS_MISSING', {
          message: `The server of ${describe(conninfo)} loads Citus, but this database has no Citus extension`,
        });
      }
      return new Database(facts.citus === null ? 'single' : 'citus', facts, nodes, session, options);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Single node or coordinator. */
  get head(): Node {
    return this.nodes[0]!;
  }

  node(groupId: number): Node {
    const node = this.nodes.find((each) => each.groupId === groupId);
    if (node === undefined)
      throw new MigrateError('NO_WORKERS', { message: `No active node has group ${groupId}` });
    return node;
  }

  /** A new session on one of the nodes. */
  async connect(node: Node = this.head): Promise<Session> {
    const server = this.kind === 'single' ? this.options.side : `${this.options.side} node ${node.name}`;
    try {
      const session = await connect(node.conninfo, {
        server,
        applicationName: applicationName(this.options),
        readOnly: this.options.readOnly,
        signal: this.options.signal,
      });
      // Citus hides shards from catalog reads: without this a shard would look as if it did not exist.
      if (this.kind === 'citus') await session.query('SET citus.override_table_visibility = off');
      return session;
    } catch (error) {
      if (error instanceof MigrateError && error.code === 'CONNECTION_REFUSED' && node.groupId !== 0) {
        throw new MigrateError('WORKER_UNREACHABLE', {
          message: `Worker ${node.name} cannot be reached at ${describe(node.conninfo)}`,
          hint: `Open the route to it, or set nodeAddresses: {"${node.name}": "host:port"} in the configuration.`,
          context: { node: node.name },
          cause: error,
        });
      }
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}

function applicationName(options: OpenOptions): string {
  return `migrate ${options.runId}`;
}

function single(conninfo: Conninfo): Node {
  const { host, port } = conninfo.hosts[0]!;
  return { groupId: 0, name: `${host}:${port}`, conninfo };
}

interface NodeRow {
  groupId: number;
  host: string;
  port: number;
  active: boolean;
}

function noWorkers(conninfo: Conninfo): MigrateError {
  return new MigrateError('NO_WORKERS', {
    message: `The cluster of ${describe(conninfo)} has no active worker`,
  });
}

/** The coordinator is reached as the user named it; workers as pg_dist_node or the configuration's map says. */
async function clusterNodes(session: Session, conninfo: Conninfo, options: OpenOptions): Promise<Node[]> {
  const rows = await session.query<NodeRow>(sql('citus/nodes'));
  // Without any node the extension was made, but no cluster: such a server is neither coordinator nor worker.
  if (rows.length === 0) throw noWorkers(conninfo);
  const { coordinator } = await session.one<{ coordinator: boolean }>(
    'SELECT citus_is_coordinator() AS coordinator',
  );
  if (!coordinator)
    throw new MigrateError('NOT_COORDINATOR', { message: `${describe(conninfo)} is a worker` });
  const workers = rows.filter((row) => row.groupId !== 0 && row.active);
  if (workers.length === 0) throw noWorkers(conninfo);
  return [
    single(conninfo),
    ...workers.map(({ groupId, host, port }) => {
      const name = `${host}:${port}`;
      const address = options.nodeAddresses?.[name] ?? name;
      const colon = address.lastIndexOf(':');
      const hosts = [{ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }];
      return { groupId, name, conninfo: { ...conninfo, hosts } };
    }),
  ];
}
