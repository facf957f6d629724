import { APPLYING } from '../citus/applying.js';
import type { Connector, Node } from '../citus/connector.js';
import type { SessionPool } from '../citus/pool.js';
import type { Shard } from '../citus/shards.js';
import { MigrateError } from '../core/errors.js';
import { qualified, quoteList } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import type { ShardRows } from '../core/shard-buffers.js';
import {
  type Arrived,
  addLaneRow,
  endAttempts,
  type LaneRange,
  lockChunk,
  readLaneRows,
} from '../ledger/rows.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { ChunkRefusals } from './allowance.js';
import { copyRows } from './copy-rows.js';
import type { BadRow } from './isolate.js';
import { LOCK_TIMEOUT, type LoadChunk } from './lane.js';

export interface NodeLaneScope {
  readonly table: TablePlan;
  readonly loadId: string;
  readonly chunk: string;
  /** An earlier attempt may still be open. */
  readonly resumed: boolean;
  /** Ledger rows of this chunk on this node that are known already. */
  readonly known: number;
  readonly columns: readonly string[];
  /** Shards that rows may come for. */
  readonly shards: readonly Shard[];
  /** Hashes that this lane brings. */
  readonly ranges: readonly LaneRange[];
  /** Counts refused rows, which are set aside; absent: the first one stops the chunk. */
  readonly refusals?: ChunkRefusals;
}

/** One chunk's transaction on one node: shard after shard by COPY, then the ledger row, then COMMIT. */
export class NodeLane {
  #open = true;
  #rows = 0;
  readonly #refused: BadRow<Buffer>[] = [];

  private constructor(
    private readonly pool: SessionPool,
    private readonly node: Node,
    private readonly session: Session,
    private readonly scope: NodeLaneScope,
  ) {}

  /**
   * Begins behind both fences: earlier attempts at this chunk have ended, and its shards cannot move. Throws
   * SHARDS_MOVED when a shard of the scope is not on this node any more, TRANSIENT when an earlier attempt has
   * committed meanwhile, RUN_LOCKED when another run has taken over.
   */
  static async open(
    pool: SessionPool,
    writer: Connector,
    node: Node,
    scope: NodeLaneScope,
  ): Promise<NodeLane> {
    const session = await pool.borrow(node);
    const lane = new NodeLane(pool, node, session, scope);
    try {
      const { loadId, resumed, known } = scope;
      const name = { table: scope.table.table, chunk: scope.chunk };
      if (resumed) await endAttempts(session, loadId, name);
      await session.query(`BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      await lockChunk(session, { loadId, runId: writer.options.runId }, name);
      if ((await readLaneRows(session, loadId, name)).length !== known) {
        throw new MigrateError('TRANSIENT', {
          message: `An earlier attempt at ${scope.chunk} has been committed on ${node.name} meanwhile`,
        });
      }
      await session.query(APPLYING);
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
    const { table, columns, refusals } = this.scope;
    for (let at = 0; at < batch.length; ) {
      const { shard } = batch[at]!;
      const rows: ShardRows[] = [];
      for (; at < batch.length && batch[at]!.shard === shard; at += 1) rows.push(batch[at]!.rows);
      const primary = shard.nodes[0] === this.node;
      const arrived = await copyRows(
        {
          session: this.session,
          statement: `COPY ${qualified(shard.relation)} (${quoteList(columns)}) FROM STDIN (FORMAT ${table.format})`,
          format: table.format,
          doing: `load into shard ${shard.shardId} of ${table.table}`,
          suffix: `_${shard.shardId}`,
        },
        rows,
        refusals && { trustLines: true, bad: (row) => primary && this.#refuse(row, refusals) },
      );
      if (primary) this.#rows += arrived;
    }
  }

  /** Rows of which this node has the first placement. */
  get arrived(): Arrived {
    return { rows: this.#rows, rejected: this.#refused.length };
  }

  /** Rows that were refused here, once each however many placements there are. */
  get refused(): readonly BadRow<Buffer>[] {
    return this.#refused;
  }

  #refuse(row: BadRow<Buffer>, refusals: ChunkRefusals): void {
    this.#refused.push(row);
    refusals.add(row.error);
  }

  async record(
    loadId: string,
    { chunk, source, attempt }: { chunk: LoadChunk; source: unknown; attempt: string },
  ): Promise<void> {
    await addLaneRow(this.session, loadId, {
      table: chunk.table.table,
      chunk: chunk.chunk,
      ...this.arrived,
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
