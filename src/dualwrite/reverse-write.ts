import { APPLYING } from '../citus/applying.js';
import type { Database } from '../citus/database.js';
import type { SessionPool } from '../citus/pool.js';
import { type DigestColumns, parseDigest } from '../core/digest.js';
import { MigrateError } from '../core/errors.js';
import { copyColumns, qualified, quoteIdent, quoteList } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import { endAttempts, lockChunk } from '../ledger/rows.js';
import { LOCK_TIMEOUT } from '../load/lane.js';
import { columnsOf, plainColumn, ROW, sourceJoins } from '../plan/projection.js';
import { isState, type Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { ShardDigests } from './pass-check.js';
import { placeColumns } from './window.js';

/** What all passes back are called in the ledger's locks: one works at a time, and earlier attempts end first. */
export const REVERSE_ID = 'sync back';
const PASS = { table: 'sync', chunk: 'pass back' };

const UNIQUE_VIOLATION = '23505';
const EXCLUSION_VIOLATION = '23P01';

/** Two rows of the cluster, or one of it and one that is here already, claim what only one row can have here. */
export const isTaken = (error: unknown): boolean =>
  isState(error, UNIQUE_VIOLATION) || isState(error, EXCLUSION_VIOLATION);

/** One pass's transaction on the single node: rows at changed keys are cleared, then they come in as they are now. */
export class ReverseWrite {
  #open = true;

  private constructor(
    private readonly pool: SessionPool,
    private readonly source: Database,
    private readonly plan: Plan,
    private readonly session: Session,
  ) {}

  /** Begins behind the fence: earlier attempts have ended. Throws RUN_LOCKED. */
  static async open(
    pool: SessionPool,
    source: Database,
    plan: Plan,
    { resumed, searchPath }: { readonly resumed: boolean; readonly searchPath: string },
  ): Promise<ReverseWrite> {
    const session = await pool.borrow(source.head);
    const write = new ReverseWrite(pool, source, plan, session);
    try {
      if (resumed) await endAttempts(session, REVERSE_ID, PASS);
      await session.query(
        `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'; SET LOCAL search_path = ${searchPath}; ${APPLYING}`,
      );
      // The log is told afterwards that this has arrived: a crash may not take it back.
      await session.query('SET LOCAL synchronous_commit = on');
      await lockChunk(session, { loadId: REVERSE_ID, runId: source.options.runId }, PASS);
      await session.query(
        'SET LOCAL session_replication_role = replica',
        'silence triggers and foreign keys',
      );
      return write;
    } catch (error) {
      await write.end();
      throw error;
    }
  }

  /** Makes the list of a table's changed places, once per session; it is empty at the start of every transaction. */
  async prepare(id: number, table: TablePlan): Promise<void> {
    const columns = placeColumns(table).map(({ name, sourceType }) => `${quoteIdent(name)} ${sourceType}`);
    await this.session.query(
      `CREATE TEMP TABLE IF NOT EXISTS ${stage(id)} (${columns.join(', ')}) ON COMMIT DELETE ROWS`,
      `prepare the pass over ${table.table}`,
    );
  }

  async stage(id: number, table: TablePlan, bytes: AsyncIterable<Buffer>): Promise<void> {
    const columns = quoteList(placeColumns(table).map(({ name }) => name));
    await this.session.copyIn(
      `COPY pg_temp.${stage(id)} (${columns}) FROM STDIN (FORMAT ${table.format})`,
      bytes,
      `stage changes of ${table.table}`,
    );
  }

  /**
   * Strikes out staged places that are not where the row here came from: on the cluster the same key can be in two
   * namespaces, and what became of one row says nothing of the other. Before anything is cleared, for a row's
   * namespace may be its parent's.
   */
  async spare(id: number, table: TablePlan): Promise<void> {
    const { placement } = table;
    if (placement.kind !== 'distributed') return;
    const column = table.columns.find(({ name }) => name === placement.column)!;
    const own = plainColumn(table, column, 'source');
    const here = placement.via.length === 0 ? own : `(SELECT ${own} FROM (SELECT) one${sourceJoins(table)})`;
    await this.session.query(
      `DELETE FROM pg_temp.${stage(id)} p USING ${this.#whole(table)} ${ROW} WHERE ${this.#sameKey(table)} AND ${here} <> p.${quoteIdent(column.name)}`,
      `look where changed rows of ${table.table} came from`,
    );
  }

  /** Deletes the rows at the staged keys. */
  async clear(id: number, table: TablePlan): Promise<void> {
    await this.session.query(
      `DELETE FROM ${this.#whole(table)} ${ROW} USING pg_temp.${stage(id)} p WHERE ${this.#sameKey(table)}`,
      `clear changed rows of ${table.table}`,
    );
  }

  /** What is now at the staged keys, or in the `whole` table; `hash` digests the row `t`. */
  async digest(id: number, table: TablePlan, hash: string, whole: boolean): Promise<ShardDigests> {
    const places = ` WHERE EXISTS (SELECT FROM pg_temp.${stage(id)} p WHERE ${this.#sameKey(table)})`;
    const from = `${this.#whole(table)} ${ROW}${whole ? '' : places}`;
    const rows = await this.session.query<DigestColumns & { part: number }>(
      sql('dualwrite/pass-digest', { bucket: 1, hash, from }),
      `digest changed rows of ${table.table}`,
    );
    return new Map(rows.map((row) => [row.part, parseDigest(row)]));
  }

  /** Deletes every row. */
  async empty(table: TablePlan): Promise<void> {
    await this.session.query(`DELETE FROM ${this.#whole(table)}`, `empty ${table.table}`);
  }

  /** Returns the number of rows that came. Throws WAY_BACK_CLOSED where another row has what only one can have. */
  async write(table: TablePlan, bytes: AsyncIterable<Buffer>): Promise<number> {
    const columns = copyColumns(columnsOf(table, 'reverse').map(({ name }) => name));
    try {
      return await this.session.copyIn(
        `COPY ${qualified(table)}${columns} FROM STDIN (FORMAT ${table.format})`,
        bytes,
        `bring changes of ${table.table} back`,
      );
    } catch (error) {
      if (!isTaken(error)) throw error;
      throw new MigrateError('WAY_BACK_CLOSED', {
        message: `Two rows of ${table.table} on the cluster have the same key, or another value in common that is unique on the single node (${(error as MigrateError).context.constraint ?? 'a unique constraint'}): only one of them can go back`,
        hint: 'Take one of them away on the cluster, or give it another value; then repeat the command. Nothing of the pass was kept.',
        // An application may move a row in two transactions, and be between them.
        retry: 'same',
        context: { table: table.table },
        cause: error,
      });
    }
  }

  async commit(): Promise<void> {
    await this.session.query('COMMIT', 'commit');
    this.#open = false;
    this.pool.giveBack(this.source.head, this.session);
  }

  /** Rolls back what was not committed. */
  async end(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.session.close();
  }

  #sameKey(table: TablePlan): string {
    return table.key!.map((name) => `${ROW}.${quoteIdent(name)} = p.${quoteIdent(name)}`).join(' AND ');
  }

  /** A partitioned table with all its partitions; another one without those that inherit from it. */
  #whole(table: TablePlan): string {
    const def = this.plan.catalog.tables.find((one) => qualified(one) === qualified(table));
    return `${def?.kind === 'partitioned' ? '' : 'ONLY '}${qualified(table)}`;
  }
}

const stage = (id: number): string => `back_${id}`;
