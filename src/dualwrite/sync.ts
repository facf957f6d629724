import { setTimeout as wait } from 'node:timers/promises';
import { SessionPool } from '../citus/pool.js';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { formatDuration, plural } from '../core/format.js';
import { Bell } from './bell.js';
import {
  type Following,
  isCaptured,
  openDirections,
  openWay,
  originOf,
  WAYS,
  type Way,
} from './directions.js';
import type { FollowRequest, Pass } from './follower.js';
import { Turn } from './handover.js';
import { ATTEMPTS, backoff, nextPause } from './pace.js';

interface Sums {
  passes: number;
  changes: number;
  rows: number;
}

/** What was done one way. */
export interface WayResult extends Readonly<Sums> {
  readonly lag: { readonly changes: number; readonly seconds: number };
}

export interface SyncResult extends WayResult {
  readonly drained: boolean;
  readonly tables: readonly string[];
  /** Planned tables whose changes nobody captures on a side whose changes are. */
  readonly notCaptured: readonly string[];
  /** Absent: nothing is captured on the side that it comes from. */
  readonly forward?: WayResult;
  readonly reverse?: WayResult;
}

/** How often a line about the lag is logged, ms. */
const TELL_EVERY_MS = 10_000;

/** How often it is looked for capture on a side where there was none, ms. */
const LOOK_EVERY_MS = 900;

const SIDE: Readonly<Record<Way, string>> = { forward: 'source', reverse: 'cluster' };
const METRICS: Readonly<Record<Way, string>> = { forward: 'migrate_sync', reverse: 'migrate_sync_back' };
const GOAL: Readonly<Record<Way, string>> = { forward: 'the target', reverse: 'the single node' };

/** Follows both sides as far as changes are captured there, until somebody else needs the shim or wants it to stop. */
class Sync {
  readonly #sums = new Map<Way, Sums>();
  readonly #tables = new Set<string>();
  readonly #notCaptured = new Set<string>();
  readonly #told = new Map<Way, number>();
  readonly #eyes: Partial<Record<Way, SessionPool>> = {};
  #open: readonly Following[] = [];
  #lookedAt = 0;

  constructor(
    private readonly request: FollowRequest,
    private readonly context: Context,
  ) {}

  /** Nothing is followed before this, nor when it has failed. Behind it, looks now and then for what is captured since. */
  async open(): Promise<void> {
    if (this.#open.length > 0) return this.#widen();
    this.#lookedAt = this.context.clock.now();
    const opened = await openDirections(this.request, this.context);
    this.#open = opened;
    for (const each of opened) this.#take(each);
  }

  /** A side whose capture was installed while the other was followed is followed from now on, too. */
  async #widen(): Promise<void> {
    const { context, request } = this;
    const missing = WAYS.filter((way) => !this.#open.some((each) => each.way === way));
    if (missing.length === 0 || context.clock.now() - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#lookedAt = context.clock.now();
    for (const way of missing) {
      const database = originOf(request, way);
      const pool = this.#eyes[way] ?? new SessionPool((node) => database.connect(node));
      this.#eyes[way] = pool;
      if (!(await pool.use(database.head, isCaptured))) continue;
      try {
        const opened = await openWay(way, request, context);
        this.#open = [...this.#open, opened];
        this.#take(opened);
        context.log.info(`Changes of the ${SIDE[way]} are captured now, and are followed, too`);
      } catch (error) {
        // Whoever installs it still has it.
        if (!(error instanceof MigrateError) || error.code !== 'RUN_LOCKED') throw error;
      }
    }
  }

  #take({ way, tables }: Following): void {
    for (const table of tables.followed) this.#tables.add(table);
    const unknown = tables.notCaptured.filter((table) => !this.#notCaptured.has(table));
    for (const table of unknown) this.#notCaptured.add(table);
    if (unknown.length > 0) {
      this.context.log.warn(
        `Changes of these tables are not captured on the ${SIDE[way]}: ${unknown.join(', ')}`,
      );
    }
    if (!this.#sums.has(way)) this.#sums.set(way, { passes: 0, changes: 0, rows: 0 });
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = [];
    await Promise.all(open.map((each) => each.close()));
  }

  /** Closes what `close` leaves open, which keeps nobody out. */
  async end(): Promise<void> {
    await this.close();
    await Promise.all(Object.values(this.#eyes).map((pool) => pool.close()));
  }

  /** One pass each way; how many changes there were in all, and how long it took. */
  async round(): Promise<{ changes: number; ms: number }> {
    const startedAt = this.context.clock.now();
    let changes = 0;
    for (const each of this.#open) {
      const at = this.context.clock.now();
      const pass = await each.pass();
      this.#count(each.way, pass, this.context.clock.now() - at);
      changes += pass.changes;
    }
    return { changes, ms: this.context.clock.now() - startedAt };
  }

  #count(way: Way, pass: Pass, ms: number): void {
    const { metrics, log, clock } = this.context;
    const sums = this.#sums.get(way)!;
    sums.passes += 1;
    sums.changes += pass.changes;
    sums.rows += pass.rows;
    metrics.gauge(`${METRICS[way]}_lag_changes`, pass.changes);
    metrics.gauge(`${METRICS[way]}_lag_seconds`, pass.seconds);
    metrics.count(`${METRICS[way]}_rows_total`, pass.rows);
    if (clock.now() - (this.#told.get(way) ?? 0) < TELL_EVERY_MS) return;
    this.#told.set(way, clock.now());
    const back = way === 'reverse' ? ' back' : '';
    log.info(
      pass.changes === 0
        ? `Nothing to bring${back}: ${GOAL[way]} is what the ${SIDE[way]} is`
        : `Brought${back} ${plural(pass.changes, 'change')}, the oldest ${formatDuration(pass.seconds * 1000)} old, in ${formatDuration(ms)}`,
    );
  }

  result(): SyncResult {
    const lag = { changes: 0, seconds: 0 };
    const total: Sums = { passes: 0, changes: 0, rows: 0 };
    for (const sums of this.#sums.values()) {
      total.passes += sums.passes;
      total.changes += sums.changes;
      total.rows += sums.rows;
    }
    return {
      drained: true,
      ...total,
      lag,
      tables: [...this.#tables],
      notCaptured: [...this.#notCaptured],
      ...Object.fromEntries([...this.#sums].map(([way, sums]) => [way, { ...sums, lag }])),
    };
  }
}

/**
 * Passes, each way in turn, until `untilDrained` finds nothing left either way, or the signal comes; each failure is
 * tried again for about a minute. Another command that asks for the shim gets it between two passes.
 */
export async function sync(
  request: FollowRequest & { readonly untilDrained: boolean },
  context: Context,
): Promise<SyncResult> {
  const { signal, log, pace } = context;
  const turn = await Turn.take(request.source, context);
  const following = new Sync(request, context);
  let bell: Bell | undefined;
  let failures = 0;
  let waitMs = 0;
  let idle = false;
  try {
    bell = await Bell.open([request.source, request.target]);
    for (;;) {
      throwIfAborted(signal);
      await pace.ready(signal);
      try {
        if (await turn.wanted()) {
          await following.close();
          await turn.yield();
        }
        await following.open();
        const round = await following.round();
        failures = 0;
        if (round.changes === 0 && request.untilDrained) return following.result();
        waitMs = request.untilDrained && round.changes > 0 ? 0 : nextPause(waitMs, round);
        idle = round.changes === 0;
      } catch (error) {
        throwIfAborted(signal);
        if (!(error instanceof MigrateError) || error.retry === 'never' || !turn.held) throw error;
        failures += 1;
        if (failures === ATTEMPTS) throw error;
        waitMs = backoff(failures, Math.random());
        idle = false;
        log.warn(`${error.message}. Trying the pass again in ${waitMs} ms`, { code: error.code });
      }
      // The bell is for the long pauses: those behind a pass that had something to do leave room for others.
      if (idle) await bell.wait(waitMs, signal);
      else if (waitMs > 0) await wait(waitMs, undefined, { signal }).catch(() => throwIfAborted(signal));
    }
  } finally {
    await bell?.close();
    await following.end();
    await turn.close();
  }
}
