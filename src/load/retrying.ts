import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { isState } from '../postgres/session.js';

const LOCK_NOT_AVAILABLE = '55P03';

/** Attempts at one step; the pauses between them add up to about a minute. */
const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly log: Context['log'];
  /** Asked before each further attempt: false when somebody else may be at work by now. */
  readonly mayRetry?: () => boolean;
}

/**
 * Runs a step that can be repeated, and repeats it while its errors say that this may help (`MigrateError.retry`, by
 * SQLSTATE): a connection that broke, a node that restarts, a deadlock. Throws the last error.
 */
export async function retrying<T>(doing: string, options: RetryOptions, work: () => Promise<T>): Promise<T> {
  const { signal, log, mayRetry = () => true } = options;
  for (let attempt = 1; ; ) {
    throwIfAborted(signal);
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MigrateError) || error.retry === 'never' || attempt === ATTEMPTS) throw error;
      throwIfAborted(signal);
      if (!mayRetry()) throw error;
      const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
      // A lock that was not granted in time may be held for hours.
      if (!isState(error, LOCK_NOT_AVAILABLE)) attempt += 1;
      const pauseMs = Math.round(longest * (0.5 + Math.random() / 2));
      // libpq's own words, which Citus passes on, come in two lines.
      const said = error.message.replace(/\s+/g, ' ').replace(/[.?]*$/, '');
      log.warn(`${said}. Trying again to ${doing} in ${pauseMs} ms`, { code: error.code });
      await pause(pauseMs, undefined, { signal }).catch(() => throwIfAborted(signal));
    }
  }
}
