import type { Connector, Node } from '../citus/connector.js';
import type { SessionPool } from '../citus/pool.js';
import type { Shard } from '../citus/shards.js';
import { BINARY_HEADER, BINARY_TRAILER } from '../core/copy-binary.js';
import type { HashRange } from '../core/destinations.js';
import { MigrateError } from '../core/errors.js';
import { qualified, quoteList } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import type { ShardRows } from '../core/shard-buffers.js';
import { addLaneRow } from '../ledger/rows.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { LoadChunk } from './lane.js';

/** How long the fence may wait for a shard move before the attempt is given up and made again. */
const FENCE_TIMEOUT = '10s';

export interface NodeLaneScope {
  readonly table: TablePlan;
  readonly columns: readonly string[];
  /** Shards that rows may come for. */
  readonly shards: readonly Shard[];
  /** Hashes that this lane brings. */
  readonly ranges: readonly HashRange[];
}

async function* framed(format: 'binary' | 'text', rows: readonly ShardRows[]): AsyncGenerator<Buffer> {
  if (format === 'binary') yield BINARY_HEADER;
  for (const { bytes } of rows) yield bytes;
  if (format === 'binary') yield BINARY_TRAILER;
}

/** One chunk's transaction on one node: shard after shard by COPY, then the ledger row, then COMMIT. */
export class NodeLane {
  #open = true;
  #rows = 0;

  private constructor(
    private readonly pool: SessionPool,
    private readonly node: Node,
    private readonly session: Session,
    private readonly scope: NodeLaneScope,
  ) {}

  /** Begins behind the fence. Throws SHARDS_MOVED when a shard of the scope is not on this node any more. */
  static async open(
    pool: SessionPool,
    writer: Connector,
    node: Node,
    scope: NodeLaneScope,
  ): Promise<NodeLane> {
    const session = await pool.borrow(node);
    const lane = new NodeLane(pool, node, session, scope);
    try {
      await session.query(`BEGIN; SET LOCAL lock_timeout = '${FENCE_TIMEOUT}'`);
      if (writer.superuser) await session.query('SET LOCAL session_replication_role = replica');
      const { placements } = await session.one<{ placements: number }>(
        sql('load/fence', { shards: scope.shards.map((shard) => shard.shardId).join(', ') }),
        'hold the shards in place',
      );
      if (placements !== scope.shards.length) {
        throw new MigrateError('SHARDS_MOVED', {
          message: `Shards of ${scope.table.table} have moved away from ${node.name}`,
          context: { table: scope.table.table, node: node.name },
        });
      }
      await session.query('SET LOCAL lock_timeout = 0');
      return lane;
    } catch (error) {
      await lane.end();
      throw error;
    }
  }

  /** Copies rows, sorted by shard. */
  async write(batch: readonly { readonly shard: Shard; readonly rows: ShardRows }[]): Promise<void> {
    const { table, columns } = this.scope;
    for (let at = 0; at < batch.length; ) {
      const { shard } = batch[at]!;
      const rows: ShardRows[] = [];
      for (; at < batch.length && batch[at]!.shard === shard; at += 1) rows.push(batch[at]!.rows);
      const sent = rows.reduce((sum, each) => sum + each.rows, 0);
      const arrived = await this.session.copyIn(
        `COPY ${qualified(shard.relation)} (${quoteList(columns)}) FROM STDIN (FORMAT ${table.format})`,
        framed(table.format, rows),
        `load into shard ${shard.shardId} of ${table.table}`,
      );
      if (arrived !== sent) {
        throw new MigrateError('ROWS_DIFFER', {
          message: `${sent} rows were sent to shard ${shard.shardId} of ${table.table}, but ${arrived} arrived`,
        });
      }
      if (shard.nodes[0] === this.node) this.#rows += sent;
    }
  }

  async record(
    loadId: string,
    { chunk, source, attempt }: { chunk: LoadChunk; source: unknown; attempt: string },
  ): Promise<void> {
    await addLaneRow(this.session, loadId, {
      table: chunk.table.table,
      chunk: chunk.chunk,
      rows: this.#rows,
      ranges: this.scope.ranges,
      source,
      attempt,
    });
  }

  async commit(): Promise<void> {
    await this.session.query('COMMIT', 'commit');
    this.#open = false;
    this.pool.giveBack(this.node, this.session);
  }

  /** Rolls back what was not committed. */
  async end(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    // Closing rolls back, whatever state the session is in.
    await this.session.close();
  }
}
