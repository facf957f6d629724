import { setTimeout as wait } from 'node:timers/promises';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { formatDuration, plural } from '../core/format.js';
import { Follower, type FollowRequest } from './follower.js';
import { ATTEMPTS, backoff, nextPause } from './pace.js';

export interface SyncResult {
  readonly drained: boolean;
  readonly passes: number;
  readonly changes: number;
  readonly rows: number;
  readonly lag: { readonly changes: number; readonly seconds: number };
  readonly tables: readonly string[];
  /** Planned tables whose changes nobody captures. */
  readonly notCaptured: readonly string[];
}

/** How often a line about the lag is logged, ms. */
const TELL_EVERY_MS = 10_000;

/** Passes until `untilDrained` finds nothing left, or the signal comes; each failure is tried again for about a minute. */
export async function sync(
  request: FollowRequest & { readonly untilDrained: boolean },
  context: Context,
): Promise<SyncResult> {
  const { signal, log, metrics, clock, pace } = context;
  const follower = await Follower.open(request, context);
  const { followed, notCaptured } = follower.tables;
  if (notCaptured.length > 0) log.warn(`Changes of these tables are not captured: ${notCaptured.join(', ')}`);
  const sum = { passes: 0, changes: 0, rows: 0 };
  let failures = 0;
  let waitMs = 0;
  let told = 0;
  try {
    for (;;) {
      throwIfAborted(signal);
      await pace.ready(signal);
      const startedAt = clock.now();
      try {
        const pass = await follower.pass();
        failures = 0;
        sum.passes += 1;
        sum.changes += pass.changes;
        sum.rows += pass.rows;
        metrics.gauge('migrate_sync_lag_changes', pass.changes);
        metrics.gauge('migrate_sync_lag_seconds', pass.seconds);
        metrics.count('migrate_sync_rows_total', pass.rows);
        const ms = clock.now() - startedAt;
        if (pass.changes === 0 && request.untilDrained) {
          return { drained: true, ...sum, lag: { changes: 0, seconds: 0 }, tables: followed, notCaptured };
        }
        if (clock.now() - told >= TELL_EVERY_MS) {
          told = clock.now();
          log.info(
            pass.changes === 0
              ? 'Nothing to apply: the target is what the source is'
              : `Applied ${plural(pass.changes, 'change')}, the oldest ${formatDuration(pass.seconds * 1000)} old, in ${formatDuration(ms)}`,
          );
        }
        waitMs =
          request.untilDrained && pass.changes > 0 ? 0 : nextPause(waitMs, { changes: pass.changes, ms });
      } catch (error) {
        throwIfAborted(signal);
        if (!(error instanceof MigrateError) || error.retry === 'never') throw error;
        failures += 1;
        if (failures === ATTEMPTS) throw error;
        waitMs = backoff(failures, Math.random());
        log.warn(`${error.message}. Trying the pass again in ${waitMs} ms`, { code: error.code });
      }
      if (waitMs > 0) await wait(waitMs, undefined, { signal }).catch(() => throwIfAborted(signal));
    }
  } finally {
    await follower.close();
  }
}
