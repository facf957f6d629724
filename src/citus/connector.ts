import { MigrateError } from '../core/errors.js';
import { connect } from '../postgres/connect.js';
import { type Conninfo, describe } from '../postgres/conninfo.js';
import type { Session } from '../postgres/session.js';

/** A server that holds rows. A single node and a coordinator have group 0. */
export interface Node {
  readonly groupId: number;
  /** `host:port` as the cluster itself says. */
  readonly name: string;
  /** Where this program connects: the same, or what `nodeAddresses` maps it to. */
  readonly conninfo: Conninfo;
}

export interface ConnectorOptions {
  /** How messages name this side. */
  readonly side: 'source' | 'target';
  readonly runId: string;
  readonly readOnly: boolean;
  /** Connections to one worker that a statement on the coordinator may open; absent: as many as the cluster says. */
  readonly poolSize?: number;
  /** A connection on which nothing moves for this long, while the server owes an answer, is given up; absent: never. */
  readonly stallMs?: number;
}

/** COPY, DDL and queries keep to it, however many shards there are. */
export const poolStatement = (size: number): string => `SET citus.max_adaptive_executor_pool_size = ${size}`;

/** Opens sessions on the nodes of one side. Holds no connection itself, so a thread can have its own. */
export class Connector {
  constructor(
    readonly kind: 'single' | 'citus',
    readonly nodes: readonly Node[],
    /** The role may silence triggers and foreign keys while rows come in. */
    readonly superuser: boolean,
    readonly options: ConnectorOptions,
  ) {}

  /** Single node or coordinator. */
  get head(): Node {
    return this.nodes[0]!;
  }

  node(groupId: number): Node {
    const node = this.nodes.find((each) => each.groupId === groupId);
    if (node === undefined) {
      // This list was read when the run began.
      throw new MigrateError('SHARDS_MOVED', {
        message: `Shards lie on a node that this run does not know (group ${groupId})`,
        hint: 'Repeat the command: it reads the list of nodes again. The node has to be active.',
        retry: 'never',
      });
    }
    return node;
  }

  /** A new session on one of the nodes. Throws WORKER_UNREACHABLE for a worker that does not answer. */
  async connect(node: Node = this.head, signal?: AbortSignal): Promise<Session> {
    const { side, runId, readOnly, stallMs, poolSize } = this.options;
    try {
      const session = await connect(node.conninfo, {
        server: this.kind === 'single' ? side : `${side} node ${node.name}`,
        applicationName: `migrate ${runId}`,
        readOnly,
        ...(stallMs === undefined ? {} : { stallMs }),
        ...(signal === undefined ? {} : { signal }),
      });
      // Citus hides shards from catalog reads: without this a shard would look as if it did not exist.
      if (this.kind === 'citus') await session.query('SET citus.override_table_visibility = off');
      if (poolSize !== undefined && node.groupId === 0) await session.query(poolStatement(poolSize));
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
}
