import { MigrateError } from '../core/errors.js';
import { writtenPlace } from '../core/places.js';
import { connect } from '../postgres/connect.js';
import { type Conninfo, describe } from '../postgres/conninfo.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { Connector, type ConnectorOptions, type Node, poolStatement } from './connector.js';
import { inspectServer, type ServerFacts } from './server.js';

export type { Node } from './connector.js';

export interface OpenOptions extends ConnectorOptions {
  nodeAddresses?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** One side of a migration: a single node, or the nodes of a Citus cluster behind their coordinator. */
export class Database {
  private constructor(
    private opener: Connector,
    readonly facts: ServerFacts,
    /** Session on the single node or coordinator for catalog reads and DDL; not for long work. */
    readonly session: Session,
    readonly options: OpenOptions,
  ) {}

  /** Opens and inspects; throws CONNECTION_REFUSED, VERSION_UNSUPPORTED, CITUS_MISSING, NOT_COORDINATOR, …. */
  static async open(conninfo: Conninfo, options: OpenOptions): Promise<Database> {
    const session = await connect(conninfo, {
      server: options.side,
      applicationName: `migrate ${options.runId}`,
      readOnly: options.readOnly,
      signal: options.signal,
    });
    // Catalog reads may wait for whoever changes a table: a stop must not.
    if (options.signal !== undefined) session.cancelOn(options.signal);
    try {
      const facts = await inspectServer(session);
      const here = reached(conninfo, session);
      const nodes = facts.citus === null ? [single(here)] : await clusterNodes(session, here, options);
      if (facts.citus === null && facts.citusPreloaded && options.side === 'target') {
        throw new MigrateError('CITUS_MISSING', {
          message: `The server of ${describe(conninfo)} loads Citus, but this database has no Citus extension`,
        });
      }
      const kind = facts.citus === null ? 'single' : 'citus';
      const { side, runId, readOnly } = options;
      const connector = new Connector(kind, nodes, facts.superuser, { side, runId, readOnly });
      return new Database(connector, facts, session, options);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  get connector(): Connector {
    return this.opener;
  }

  /** From now on a statement on the coordinator opens at most `size` connections to one worker. */
  async limitPool(size: number): Promise<void> {
    const { kind, nodes, superuser, options } = this.opener;
    this.opener = new Connector(kind, nodes, superuser, { ...options, poolSize: size });
    await this.session.query(poolStatement(size));
  }

  get kind(): 'single' | 'citus' {
    return this.connector.kind;
  }

  get nodes(): readonly Node[] {
    return this.connector.nodes;
  }

  /** For messages: which side it is, where its server is reached, and the database's name. */
  get place(): string {
    return writtenPlace(this.options.side, `${this.head.name}/${this.facts.database}`);
  }

  /** Single node or coordinator. */
  get head(): Node {
    return this.connector.head;
  }

  node(groupId: number): Node {
    return this.connector.node(groupId);
  }

  /** A new session on one of the nodes; with `stallMs` it is given up when the server owes an answer for so long. */
  connect(node?: Node, stallMs?: number): Promise<Session> {
    const { kind, nodes, superuser, options } = this.opener;
    const opener =
      stallMs === undefined ? this.opener : new Connector(kind, nodes, superuser, { ...options, stallMs });
    return opener.connect(node, this.options.signal);
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}

/**
 * The conninfo with the one host that answered. Further connections go there and nowhere else: another host of the
 * list has other snapshots, and perhaps not the latest rows.
 */
function reached(conninfo: Conninfo, { address }: Session): Conninfo {
  const hosts = conninfo.hosts.filter(
    (each) => (each.address ?? each.host) === address.host && each.port === address.port,
  );
  return { ...conninfo, hosts: hosts.slice(0, 1) };
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
      // What is asked of the coordinator's hosts is not asked of workers.
      return { groupId, name, conninfo: { ...conninfo, hosts, targetSessionAttrs: 'any' as const } };
    }),
  ];
}
