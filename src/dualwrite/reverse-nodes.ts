import type { Database, Node } from '../citus/database.js';
import type { Session } from '../postgres/session.js';

/** What keeps DDL of this session on the node that it is said on. */
const OWN_NODE = 'SET citus.enable_ddl_propagation = off';

/** A session on every node of a cluster, whose DDL stays where it is run; of a single node the one. */
export class NodeSessions {
  private constructor(readonly all: readonly { readonly node: Node; readonly session: Session }[]) {}

  static async open(database: Database): Promise<NodeSessions> {
    const opened = await Promise.allSettled(
      database.nodes.map(async (node) => {
        const session = await database.connect(node);
        if (database.kind === 'citus') await session.query(OWN_NODE);
        return { node, session };
      }),
    );
    const all = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = opened.find((one) => one.status === 'rejected');
    if (failed === undefined) return new NodeSessions(all);
    await Promise.all(all.map(({ session }) => session.close()));
    throw failed.reason;
  }

  /** The workers before the coordinator: what the coordinator knows is on all of them. */
  get workersFirst(): readonly { readonly node: Node; readonly session: Session }[] {
    return [...this.all.slice(1), ...this.all.slice(0, 1)];
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map(({ session }) => session.close()));
  }
}
