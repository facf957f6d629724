import type { Database } from '../citus/database.js';
import type { SessionPool } from '../citus/pool.js';
import type { TableShards } from '../citus/shards.js';
import { MigrateError } from '../core/errors.js';

/** A worker that captures changes. */
export interface Member {
  readonly groupId: number;
  /** `host:port`. */
  readonly node: string;
  /** The last pass found no shard there, and brought back all that was logged. */
  readonly idle: boolean;
  /** The cluster no longer knows it. */
  readonly gone: boolean;
}

/** Throws when the cluster has other nodes than when this run began, or has lost one whose log was not brought back. */
export function requireMembers(
  target: Database,
  members: readonly Member[],
  active: readonly number[],
): void {
  const lost = members.filter(({ gone, idle }) => gone && !idle).map(({ node }) => node);
  if (lost.length > 0) throw left(lost);
  const known = new Set(target.nodes.map(({ groupId }) => groupId));
  if (active.some((group) => !known.has(group))) {
    throw new MigrateError('SHARDS_MOVED', {
      message: 'A node has joined the cluster since this run began',
      hint: 'Run `migrate shim install --reverse` again, which captures there too; then repeat the command.',
      retry: 'never',
    });
  }
  const absent = members.filter(({ groupId, gone }) => !gone && !active.includes(groupId));
  if (absent.length > 0) {
    throw new MigrateError('SHARDS_MOVED', {
      message: `A node that captures changes is not active: ${absent.map(({ node }) => node).join(', ')}`,
      hint: 'Activate it (citus_activate_node), or move its shards away, let a pass go by and remove it; then repeat the command.',
      retry: 'never',
    });
  }
  if (target.nodes.some(({ groupId }) => groupId !== 0 && !active.includes(groupId))) {
    throw new MigrateError('SHARDS_MOVED', {
      message: 'A node has left the cluster since this run began',
      hint: 'Repeat the command: it reads the list of nodes again.',
      retry: 'never',
    });
  }
}

function left(nodes: readonly string[]): MigrateError {
  return new MigrateError('CAPTURE_LOST', {
    message: `Nodes have left the cluster before all that was captured there had been brought back: ${nodes.join(', ')}`,
    hint: 'Compare both sides and mend the single node, or load it anew (migrate copy --reverse --truncate); then `migrate shim remove --reverse` and install again. Another time move the shards away, let a pass go by, and remove the node then.',
    context: { nodes },
  });
}

/** Keeps the record of which nodes may leave: false before a pass reads what lies there, true behind its last word. */
export class Members {
  constructor(
    private readonly target: Database,
    private readonly pool: SessionPool,
    private readonly members: readonly Member[],
    private readonly shards: ReadonlyMap<string, TableShards>,
  ) {}

  get #busy(): ReadonlySet<number> {
    const tables = [...this.shards.values()].filter(({ kind }) => kind === 'distributed');
    return new Set(
      tables.flatMap(({ shards }) => shards.flatMap(({ nodes }) => nodes.map((one) => one.groupId))),
    );
  }

  async before(): Promise<void> {
    const busy = this.#busy;
    await this.#mark(
      this.members.filter(({ groupId, idle }) => idle && busy.has(groupId)),
      false,
    );
  }

  async after(): Promise<void> {
    const busy = this.#busy;
    await this.#mark(
      this.members.filter(({ groupId, idle }) => !idle && !busy.has(groupId)),
      true,
    );
  }

  async #mark(members: readonly Member[], idle: boolean): Promise<void> {
    if (members.length === 0) return;
    const groups = members.map(({ groupId }) => groupId).join(', ');
    await this.pool.use(this.target.head, (session) =>
      session.query(
        `UPDATE citus_migrate.member SET idle = ${idle} WHERE group_id IN (${groups})`,
        'note which nodes may leave',
      ),
    );
  }
}
