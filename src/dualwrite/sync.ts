import { setTimeout as wait } from 'node:timers/promises';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { formatDuration, plural } from '../core/format.js';
import { Bell } from './bell.js';
import { type Following, openDirections, type Way } from './directions.js';
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

const METRICS: Readonly<Record<Way, string>> = { forward: 'migrate_sync', reverse: 'migrate_sync_back' };
const GOAL: Readonly<Record<Way, string>> = { forward: 'the target', reverse: 'the single node' };

/** Follows both sides as far as changes are captured there, until somebody else needs the shim or wants it to stop. */
class Sync {
  readonly #sums = new Map<Way, Sums>();
  readonly #tables = new Set<string>();
  readonly #notCaptured = new Set<string>();
  readonly #told = new Map<Way, number>();
  #open: readonly Following[] = [];

  constructor(
    private readonly request: FollowRequest,
    private readonly context: Context,
  ) {}

  /** Nothing is followed before this, nor when it has failed. */
  async open(): Promise<void> {
    if (this.#open.length > 0) return;
    this.#open = await openDirections(this.request, this.context);
    for (const { way, tables } of this.#open) {
      for (const table of tables.followed) this.#tables.add(table);
      const unknown = tables.notCaptured.filter((table) => !this.#notCaptured.has(table));
      for (const table of unknown) this.#notCaptured.add(table);
      if (unknown.length > 0) {
        const side = way === 'forward' ? 'source' : 'cluster';
        this.context.log.warn(
          `Changes of these tables are not captured on the ${side}: ${unknown.join(', ')}`,
        );
      }
      if (!this.#sums.has(way)) this.#sums.set(way, { passes: 0, changes: 0, rows: 0 });
    }
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = [];
    await Promise.all(open.map((each) => each.close()));
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
        ? `Nothing to bring${back}: ${GOAL[way]} is what the ${way === 'forward' ? 'source' : 'cluster'} is`
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
    await following.close();
    await turn.close();
  }
}
