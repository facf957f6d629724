import type { Database } from '../citus/database.js';
import { SessionPool } from '../citus/pool.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { qualified, quoteList } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Ledger } from '../ledger/ledger.js';
import { columnsOf, type Direction } from '../plan/projection.js';
import type { Session } from '../postgres/session.js';

/** A chunk on its way into the target. */
export interface LoadChunk {
  readonly table: TablePlan;
  /** Identity within the load: the dump's file, or the place in the source. */
  readonly chunk: string;
  /** Starts reading; the return value is the number of rows that were read. */
  read(signal: AbortSignal): AsyncGenerator<Buffer, number>;
  /** For the ledger: what tells later whether the source of this chunk is still the same. */
  record?(rows: number): unknown;
}

/** Writes chunks, each in one transaction together with its ledger row. */
export interface Lane {
  /** Returns the number of rows that arrived. Nothing of the chunk stays when it fails. */
  load(chunk: LoadChunk, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

export interface LaneOptions {
  readonly writer: Database;
  readonly direction: Direction;
  readonly ledger: Ledger;
  readonly loadId: string;
  readonly context: Context;
}

/**
 * Triggers and foreign-key checks stay silent while rows come in any order; the references are checked when the
 * constraints are made, or afterwards. On a cluster the setting has to be told to the workers.
 */
async function silenceTriggers(session: Session, writer: Database): Promise<void> {
  if (!writer.facts.superuser) return;
  if (writer.kind === 'citus') await session.query("SET LOCAL citus.propagate_set_commands = 'local'");
  await session.query('SET LOCAL session_replication_role = replica');
}

/**
 * The lane through the single node or coordinator: one COPY, then the ledger row, then COMMIT. On a cluster the
 * ledger is a reference table, so the transaction is a two-phase commit over all nodes it touched.
 */
export class CoordinatorLane implements Lane {
  readonly #pool: SessionPool;

  constructor(private readonly options: LaneOptions) {
    this.#pool = new SessionPool((node) => options.writer.connect(node));
  }

  load(chunk: LoadChunk, signal: AbortSignal): Promise<number> {
    const { writer, direction, ledger, loadId, context } = this.options;
    const { table } = chunk;
    const columns = quoteList(columnsOf(table, direction).map((column) => column.name));
    const copy = `COPY ${qualified(table)} (${columns}) FROM STDIN (FORMAT ${table.format})`;
    return this.#pool.use(writer.head, (session) =>
      session.transaction(async () => {
        await silenceTriggers(session, writer);
        let read = -1;
        async function* bytes(): AsyncGenerator<Buffer> {
          read = yield* chunk.read(signal);
        }
        const rows = await session.cancelledBy(signal, () =>
          session.copyIn(copy, bytes(), `load ${chunk.chunk} into ${table.table}`),
        );
        if (rows !== read) {
          throw new MigrateError('ROWS_DIFFER', {
            message: `${read} rows of ${chunk.chunk} were read, but ${rows} arrived in ${table.table}`,
            context: { table: table.table, chunk: chunk.chunk },
          });
        }
        await context.fail('load: after the rows, before the ledger row');
        await ledger.addChunk(session, loadId, {
          table: table.table,
          chunk: chunk.chunk,
          rows,
          source: chunk.record?.(rows),
        });
        await context.fail('load: after the ledger row, before the commit');
        return rows;
      }),
    );
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}
