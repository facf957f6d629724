import { applyingOn } from '../citus/applying.js';
import type { Connector } from '../citus/connector.js';
import type { SessionPool } from '../citus/pool.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { copyColumns, qualified } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { type Arrived, addChunk, attemptOf, chunkRows, endAttempts, lockChunk } from '../ledger/rows.js';
import { columnsOf, type Direction } from '../plan/projection.js';
import type { Session } from '../postgres/session.js';
import type { ChunkRefusals } from './allowance.js';
import { copyBatches, copyStream } from './copy-rows.js';
import type { BadRow } from './isolate.js';
import { keepRefused, type Quarantine } from './quarantine.js';

/** How long a lane waits for an earlier attempt to end, or for a shard move, before it is tried again. */
export const LOCK_TIMEOUT = '10s';

/** A chunk on its way into the target. */
export interface LoadChunk {
  readonly table: TablePlan;
  /** Identity within the load: the dump's file, or the place in the source. */
  readonly chunk: string;
  /** An earlier attempt may have committed a part of it. */
  readonly resumed: boolean;
  /** Counts refused rows, which are set aside; absent: the first one stops the load. */
  readonly refusals?: ChunkRefusals;
  /** Starts reading; the return value is the number of rows that were read. */
  read(signal: AbortSignal): AsyncGenerator<Buffer, number>;
  /** Takes back a piece of the stream that nobody looks at any more, to be filled again. */
  done(piece: Buffer): void;
  /** For the ledger: what tells later whether the source of this chunk is still the same. */
  record?(rows: number): unknown;
}

/** Writes chunks, each exactly once whatever breaks. */
export interface Lane {
  /** Nothing stays of a chunk that fails but what the ledger names. */
  load(chunk: LoadChunk, signal: AbortSignal): Promise<Arrived>;
}

export interface LaneOptions {
  readonly writer: Connector;
  readonly direction: Direction;
  readonly loadId: string;
  readonly fail: Context['fail'];
  /** Where refused rows are set aside. */
  readonly quarantine?: Quarantine;
}

/**
 * Triggers and foreign-key checks stay silent while rows come in any order; the references are checked when the
 * constraints are made, or afterwards. On a cluster the settings have to be told to the workers.
 */
async function silenceTriggers(session: Session, writer: Connector): Promise<void> {
  for (const setting of applyingOn(writer.kind)) await session.query(setting);
  if (writer.superuser) await session.query('SET LOCAL session_replication_role = replica');
}

/**
 * The lane through the single node or coordinator: one COPY, then the ledger row, then COMMIT. On a cluster the
 * ledger is a reference table, so the transaction is a two-phase commit over all nodes it touched.
 */
export class CoordinatorLane implements Lane {
  constructor(
    private readonly options: LaneOptions,
    private readonly pool: SessionPool,
  ) {}

  load(chunk: LoadChunk, signal: AbortSignal): Promise<Arrived> {
    const { writer, loadId, fail } = this.options;
    const { runId } = writer.options;
    const name = { table: chunk.table.table, chunk: chunk.chunk };
    return this.pool.use(writer.head, async (session) => {
      if (chunk.resumed) await endAttempts(session, loadId, name);
      const rows = await session.transaction(async () => {
        await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
        await lockChunk(session, { loadId, runId }, name);
        await session.query('SET LOCAL lock_timeout = 0');
        // It may have been committed by an attempt that never heard so.
        const arrived = await chunkRows(session, loadId, name);
        chunk.refusals?.restart(arrived?.rejected ?? 0);
        return arrived ?? this.#copy(session, chunk, signal);
      }, 'ISOLATION LEVEL READ COMMITTED');
      await fail('load: after the commit');
      return rows;
    });
  }

  async #copy(session: Session, chunk: LoadChunk, signal: AbortSignal): Promise<Arrived> {
    const { writer, direction, loadId, fail, quarantine } = this.options;
    const { table } = chunk;
    const columns = copyColumns(columnsOf(table, direction).map((column) => column.name));
    const copy = {
      session,
      statement: `COPY ${qualified(table)}${columns} FROM STDIN (FORMAT ${table.format})`,
      format: table.format,
      doing: `load ${chunk.chunk} into ${table.table}`,
      ...(writer.kind === 'citus' ? { distributed: table } : {}),
    };
    await silenceTriggers(session, writer);
    let read = -1;
    async function* bytes(): AsyncGenerator<Buffer> {
      read = yield* chunk.read(signal);
    }
    const refused: BadRow<Buffer>[] = [];
    const { refusals } = chunk;
    const rows =
      refusals === undefined
        ? await session.cancelledBy(signal, () => copyStream(copy, bytes(), chunk.done))
        : await copyBatches(copy, bytes(), chunk.done, {
            // On a cluster the line is the coordinator's while the error is a worker's.
            trustLines: writer.kind === 'single',
            bad: (row) => {
              refused.push(row);
              refusals.add(row.error);
            },
          });
    const rejected = refused.length;
    if (rows + rejected !== read) {
      throw new MigrateError('ROWS_DIFFER', {
        message: `${read} rows of ${chunk.chunk} were read, but ${rows + rejected} arrived in ${table.table} or were refused`,
        context: { table: table.table, chunk: chunk.chunk },
      });
    }
    await fail('load: after the rows, before the ledger row');
    if (quarantine !== undefined) {
      const attempt = attemptOf(loadId, { table: table.table, chunk: chunk.chunk });
      await keepRefused(quarantine, { table, chunk: chunk.chunk, direction, attempt }, refused);
    }
    const source = chunk.record?.(read);
    await addChunk(session, loadId, { table: table.table, chunk: chunk.chunk, rows, rejected, source });
    await fail('load: after the ledger row, before the commit');
    return { rows, rejected };
  }
}
