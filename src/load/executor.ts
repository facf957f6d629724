import { setTimeout as pause } from 'node:timers/promises';
import { Connector, type ConnectorOptions, type Node } from '../citus/connector.js';
import { openInSnapshot } from '../citus/cut.js';
import { SessionPool } from '../citus/pool.js';
import { BufferPool } from '../core/buffer-pool.js';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { type Meter, metered } from '../core/metered.js';
import type { TablePlan } from '../core/plan-types.js';
import { TokenBucket } from '../core/token-bucket.js';
import { readChunk } from '../export/chunk-file.js';
import type { ManifestChunk } from '../export/manifest.js';
import { type ChunkRecord, readSource, type SourceChunk } from '../export/source-chunks.js';
import type { Arrived } from '../ledger/rows.js';
import type { Direction } from '../plan/projection.js';
import { PIECES_KEPT } from '../postgres/copy-out.js';
import { isState } from '../postgres/session.js';
import { Allowance, type ChunkRefusals } from './allowance.js';
import { DirectLane } from './direct-lane.js';
import { CoordinatorLane, type LoadChunk } from './lane.js';
import type { Quarantine } from './quarantine.js';

/** Where a chunk's bytes come from: a file of a dump, or a place in the source under the run's snapshot. */
export type ChunkSource =
  | { readonly kind: 'dump'; readonly directory: string; readonly file: ManifestChunk }
  | {
      readonly kind: 'source';
      readonly chunk: Omit<SourceChunk, 'table'>;
      readonly record: Omit<ChunkRecord, 'rows'>;
    };

/** One chunk to load, as plain data. */
export interface ChunkTask {
  readonly table: TablePlan;
  readonly chunk: string;
  readonly via: 'direct' | 'coordinator';
  /** An earlier run may have committed a part of it. */
  readonly resumed: boolean;
  /** Rows that were refused in that part. */
  readonly refused: number;
  readonly source: ChunkSource;
}

/** One side, as plain data. */
export interface SideSetup {
  readonly kind: 'single' | 'citus';
  readonly nodes: readonly Node[];
  readonly superuser: boolean;
  readonly options: ConnectorOptions;
}

/** What all tasks of a load share, as plain data. */
export interface LoadSetup {
  readonly writer: SideSetup;
  /** Absent when everything comes from a dump. */
  readonly reader?: SideSetup & { readonly exported: Readonly<Record<string, string>> };
  readonly direction: Direction;
  readonly loadId: string;
  /** Set refused rows aside; absent: the first one stops the load. */
  readonly quarantine?: Quarantine;
  /** Memory of the token bucket that bounds the bytes per second of all threads together. */
  readonly bucket: SharedArrayBuffer;
}

/** Loads chunks, one or several at a time; where that happens (here, in a thread) is its own affair. */
export interface Executor {
  run(task: ChunkTask, signal: AbortSignal, meter: Meter): Promise<Arrived>;
  /** No more than `jobs` chunks come at once from now on: gives back what more of them would need. */
  resize?(jobs: number): void;
  close(): Promise<void>;
}

export type CreateExecutor = (setup: LoadSetup, context: Context, jobs: number) => Promise<Executor>;

/** Loads in this thread. */
export const executeHere: CreateExecutor = async (setup, { fail, clock, log }) =>
  new ChunkExecutor(setup, {
    fail,
    now: clock.now,
    retrying: (error, { chunk }, pauseMs) =>
      log.warn(`${error.message}. Trying chunk ${chunk} again in ${pauseMs} ms`, { code: error.code }),
  });

export async function withExecutor<T>(
  request: { readonly executor?: CreateExecutor; readonly jobs: number },
  setup: LoadSetup,
  context: Context,
  work: (executor: Executor) => Promise<T>,
): Promise<T> {
  const executor = await (request.executor ?? executeHere)(setup, context, request.jobs);
  try {
    return await work(executor);
  } finally {
    await executor.close();
  }
}

/** `stallMs`: after which a connection on which nothing moves is given up and the chunk tried again. */
export const sideSetup = (
  { kind, nodes, superuser, options }: Connector,
  stallMs: number | undefined,
): SideSetup => ({
  kind,
  nodes,
  superuser,
  options: stallMs === undefined ? options : { ...options, stallMs },
});

const connectorOf = (side: SideSetup): Connector =>
  new Connector(side.kind, side.nodes, side.superuser, side.options);

const LOCK_NOT_AVAILABLE = '55P03';

/** Attempts at one chunk; the pauses between them add up to about a minute. */
const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

interface Attempt {
  readonly resumed: boolean;
  readonly refusals?: ChunkRefusals;
}

/** Loads chunks in this thread, over sessions that are kept from chunk to chunk. */
export class ChunkExecutor implements Executor {
  readonly #setup: LoadSetup;
  readonly #readers: SessionPool;
  readonly #writers: SessionPool;
  readonly #lanes: { readonly direct: DirectLane; readonly coordinator: CoordinatorLane };
  readonly #now: () => number;
  readonly #bucket: TokenBucket;
  /** For what is read, of the source or of files. */
  readonly #pieces = new BufferPool(PIECES_KEPT);
  readonly #allowance: Allowance | undefined;
  readonly #retrying: (error: MigrateError, task: ChunkTask, pauseMs: number) => void;

  constructor(
    setup: LoadSetup,
    hooks: {
      readonly fail: Context['fail'];
      readonly now: () => number;
      /** Told before each further attempt. */
      readonly retrying: (error: MigrateError, task: ChunkTask, pauseMs: number) => void;
    },
  ) {
    this.#setup = setup;
    this.#now = hooks.now;
    this.#bucket = new TokenBucket(setup.bucket, hooks.now);
    this.#retrying = hooks.retrying;
    const writer = connectorOf(setup.writer);
    this.#writers = new SessionPool((node) => writer.connect(node));
    const { reader } = setup;
    this.#readers = new SessionPool((node) =>
      openInSnapshot(connectorOf(reader!), node, reader!.exported[node.name]!),
    );
    const { direction, loadId, quarantine } = setup;
    this.#allowance = quarantine && new Allowance(quarantine);
    const options = { writer, direction, loadId, fail: hooks.fail, ...(quarantine && { quarantine }) };
    this.#lanes = {
      direct: new DirectLane(options, this.#writers),
      coordinator: new CoordinatorLane(options, this.#writers),
    };
  }

  async run(task: ChunkTask, signal: AbortSignal, meter: Meter): Promise<Arrived> {
    let attempt = 1;
    const refusals = this.#allowance?.chunk(task.refused);
    for (let resumed = task.resumed; ; resumed = true) {
      throwIfAborted(signal);
      try {
        return await this.#attempt(task, { resumed, ...(refusals && { refusals }) }, signal, meter);
      } catch (error) {
        if (!(error instanceof MigrateError) || error.retry === 'never' || attempt === ATTEMPTS) throw error;
        const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
        // A lock that was not granted in time: a shard is being moved, and may be for hours.
        if (!isState(error, LOCK_NOT_AVAILABLE)) attempt += 1;
        const pauseMs = Math.round(longest * (0.5 + Math.random() / 2));
        this.#retrying(error, task, pauseMs);
        this.#lanes.direct.forgetShards();
        await pause(pauseMs, undefined, { signal }).catch(() => throwIfAborted(signal));
      }
    }
  }

  /** What is no part of reading is time that the target takes: for its locks, the last rows, the ledger and COMMIT. */
  async #attempt(task: ChunkTask, attempt: Attempt, signal: AbortSignal, meter: Meter): Promise<Arrived> {
    let reading = 0;
    const counting: Meter = {
      bytes: (count) => meter.bytes(count),
      waited: (side, ms) => {
        reading += ms;
        meter.waited(side, ms);
      },
    };
    const began = this.#now();
    const arrived = await this.#lanes[task.via].load(this.#chunkOf(task, attempt, counting), signal);
    meter.waited('target', Math.max(0, this.#now() - began - reading));
    return arrived;
  }

  async close(): Promise<void> {
    await Promise.all([this.#readers.close(), this.#writers.close()]);
  }

  #chunkOf({ table, chunk, source }: ChunkTask, attempt: Attempt, meter: Meter): LoadChunk {
    const read = (signal: AbortSignal): AsyncGenerator<Buffer, number> =>
      metered(
        source.kind === 'dump' ? this.#fromDump(source) : this.#fromSource(table, source, signal),
        signal,
        this.#now,
        meter,
        this.#bucket,
      );
    const record = source.kind === 'dump' ? {} : { record: (rows: number) => ({ ...source.record, rows }) };
    const done = (piece: Buffer): void => this.#pieces.give(piece);
    return { table, chunk, ...attempt, read, done, ...record };
  }

  async *#fromDump({
    directory,
    file,
  }: Extract<ChunkSource, { kind: 'dump' }>): AsyncGenerator<Buffer, number> {
    yield* readChunk(directory, file, this.#pieces);
    return file.rows;
  }

  async *#fromSource(
    table: TablePlan,
    { chunk }: Extract<ChunkSource, { kind: 'source' }>,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, number> {
    const { node } = chunk.extent;
    const { direction } = this.#setup;
    const session = await this.#readers.borrow(node);
    let read = false;
    try {
      const rows = yield* readSource(session, { table, ...chunk }, direction, signal, this.#pieces);
      read = true;
      return rows;
    } catch (error) {
      throw isState(error, LOCK_NOT_AVAILABLE) ? heldUp(table) : error;
    } finally {
      // One that stopped in the middle cannot be used again.
      if (read) this.#readers.giveBack(node, session);
      else await session.close();
    }
  }
}

/** Unlike a shard that is being moved this never ends by itself: the command waits for the snapshot, and it for this. */
const heldUp = ({ table }: TablePlan): MigrateError =>
  new MigrateError('TRANSIENT', {
    message: `Could not read ${table}: a command on the source waits to have it alone (TRUNCATE, VACUUM FULL, ALTER TABLE, …)`,
    hint: 'Cancel that command, or let it end first; then repeat this one.',
    context: { table },
  });
