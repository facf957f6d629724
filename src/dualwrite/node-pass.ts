import { APPLYING } from '../citus/applying.js';
import type { Connector, Node } from '../citus/connector.js';
import type { SessionPool } from '../citus/pool.js';
import type { Shard } from '../citus/shards.js';
import { BINARY_HEADER, BINARY_TRAILER } from '../core/copy-binary.js';
import { type DigestColumns, parseDigest } from '../core/digest.js';
import { MigrateError } from '../core/errors.js';
import { qualified, quoteIdent, quoteList } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import type { ShardRows } from '../core/shard-buffers.js';
import { endAttempts, lockChunk } from '../ledger/rows.js';
import { copyRows } from '../load/copy-rows.js';
import { LOCK_TIMEOUT } from '../load/lane.js';
import { columnsOf } from '../plan/projection.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { ShardDigests } from './pass-check.js';
import { placeColumns } from './window.js';

/** What all passes are called in the ledger's locks: one works on a node at a time, and earlier attempts end first. */
export const SYNC_ID = 'sync';
const PASS = { table: 'sync', chunk: 'pass' };

export interface NodePassScope {
  /** Shards that rows may come for. */
  readonly shards: readonly Shard[];
  /** An earlier attempt may still be open. */
  readonly resumed: boolean;
  /** Schemas where operators of key types live. */
  readonly searchPath: string;
}

async function* framed(format: 'binary' | 'text', rows: readonly ShardRows[]): AsyncGenerator<Buffer> {
  if (format === 'binary') yield BINARY_HEADER;
  for (const { bytes } of rows) yield bytes;
  if (format === 'binary') yield BINARY_TRAILER;
}

/** One pass's transaction on one node: places are staged and cleared, then the rows as they are now come in. */
export class NodePass {
  #open = true;

  private constructor(
    private readonly pool: SessionPool,
    readonly node: Node,
    private readonly session: Session,
  ) {}

  /**
   * Begins behind both fences: earlier attempts have ended, and the shards cannot move. Throws SHARDS_MOVED, RUN_LOCKED.
   */
  static async open(
    pool: SessionPool,
    writer: Connector,
    node: Node,
    scope: NodePassScope,
  ): Promise<NodePass> {
    const session = await pool.borrow(node);
    const pass = new NodePass(pool, node, session);
    try {
      if (scope.resumed) await endAttempts(session, SYNC_ID, PASS);
      await session.query(
        `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'; SET LOCAL search_path = ${scope.searchPath}; ${APPLYING}`,
      );
      await lockChunk(session, { loadId: SYNC_ID, runId: writer.options.runId }, PASS);
      // Rows of several tables come in any order, and are whole only at the end: at the source they were.
      await session.query(
        'SET LOCAL session_replication_role = replica',
        'silence triggers and foreign keys',
      );
      await pass.#hold(scope.shards.filter(({ shardId }) => shardId !== '0'));
      return pass;
    } catch (error) {
      await pass.end();
      throw error;
    }
  }

  async #hold(shards: readonly Shard[]): Promise<void> {
    if (shards.length === 0) return;
    const { placements } = await this.session.one<{ placements: number }>(
      sql('load/fence', { shards: shards.map((shard) => shard.shardId).join(', ') }),
      'hold the shards in place',
    );
    if (placements === shards.length) return;
    throw new MigrateError('SHARDS_MOVED', {
      message: `Shards have moved away from ${this.node.name}`,
      context: { node: this.node.name },
    });
  }

  /** Makes the place list of a table, once per session; it is empty at the start of every transaction. */
  async prepare(id: number, table: TablePlan, shard: Shard): Promise<void> {
    const columns = placeColumns(table).map(({ name }) => name);
    await this.session.query(
      `CREATE TEMP TABLE IF NOT EXISTS ${stage(id)} ON COMMIT DELETE ROWS AS SELECT ${quoteList(columns)} FROM ${qualified(shard.relation)} WITH NO DATA`,
      `prepare the pass over ${table.table}`,
    );
  }

  async stage(id: number, table: TablePlan, rows: readonly ShardRows[]): Promise<void> {
    const columns = quoteList(placeColumns(table).map(({ name }) => name));
    await this.session.copyIn(
      `COPY pg_temp.${stage(id)} (${columns}) FROM STDIN (FORMAT ${table.format})`,
      framed(table.format, rows),
      `stage changes of ${table.table}`,
    );
  }

  /** What tells that the row `t` of a shard lies at a staged place `p`. */
  #atPlace(table: TablePlan, shard: Shard): string {
    const { placement } = table;
    const same = placeColumns(table).map(({ name }) => `t.${quoteIdent(name)} = p.${quoteIdent(name)}`);
    // Places of the node's other shards need not be looked for here.
    if (placement.kind === 'distributed' && shard.range !== null) {
      same.push(
        `${placement.hashFunction}(p.${quoteIdent(placement.column)}) BETWEEN ${shard.range.min} AND ${shard.range.max}`,
      );
    }
    return same.join(' AND ');
  }

  /** Deletes the rows of a shard at the staged places. */
  async clear(id: number, table: TablePlan, shard: Shard): Promise<void> {
    await this.session.query(
      `DELETE FROM ${qualified(shard.relation)} t USING pg_temp.${stage(id)} p WHERE ${this.#atPlace(table, shard)}`,
      `clear changed rows of ${table.table}`,
    );
  }

  /** What now lies at the staged places of the numbered shards, or `whole` in them; `hash` digests the row `t`. */
  async digest(
    id: number,
    table: TablePlan,
    shards: ReadonlyMap<number, Shard>,
    hash: string,
    whole: boolean,
  ): Promise<ShardDigests> {
    if (shards.size === 0) return new Map();
    const rows = await this.session.query<DigestColumns & { part: number }>(
      [...shards]
        .map(([bucket, shard]) => {
          const places = ` WHERE EXISTS (SELECT FROM pg_temp.${stage(id)} p WHERE ${this.#atPlace(table, shard)})`;
          const from = `${qualified(shard.relation)} t${whole ? '' : places}`;
          return `(${sql('dualwrite/pass-digest', { bucket, hash, from })})`;
        })
        .join('\nUNION ALL\n'),
      `digest changed rows of ${table.table}`,
    );
    return new Map(rows.map((row) => [row.part, parseDigest(row)]));
  }

  /** Deletes every row of a shard. */
  async empty(table: TablePlan, shard: Shard): Promise<void> {
    await this.session.query(`DELETE FROM ${qualified(shard.relation)}`, `empty ${table.table}`);
  }

  async write(table: TablePlan, shard: Shard, rows: readonly ShardRows[]): Promise<void> {
    const columns = quoteList(columnsOf(table, 'forward').map(({ name }) => name));
    await copyRows(
      {
        session: this.session,
        statement: `COPY ${qualified(shard.relation)} (${columns}) FROM STDIN (FORMAT ${table.format})`,
        format: table.format,
        doing: `apply changes of ${table.table}`,
        suffix: `_${shard.shardId}`,
      },
      rows,
    );
  }

  async count(table: TablePlan, shard: Shard): Promise<number> {
    const { rows } = await this.session.one<{ rows: string }>(
      `SELECT count(*)::text AS rows FROM ${qualified(shard.relation)}`,
      `count ${table.table}`,
    );
    return Number(rows);
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
    await this.session.close();
  }
}

const stage = (id: number): string => `places_${id}`;
