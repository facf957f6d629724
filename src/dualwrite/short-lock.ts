import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { isState, type Session } from '../postgres/session.js';
import { backoff } from './pace.js';

/**
 * How long the lock of one table may be waited for: whoever wants to write waits behind it. Below deadlock_timeout's
 * default of a second, so that an application's transaction is never the one that is ended.
 */
export const LOCK_WAIT_MS = 500;
/** For a whole session: what only looks at tables waits no longer either for whoever has one of them alone. */
export const BOUND_LOCKS = `SET lock_timeout = ${LOCK_WAIT_MS}`;
/** Attempts at one table's lock: two to three minutes in all. */
const LOCK_ATTEMPTS = 15;

const LOCK_NOT_AVAILABLE = '55P03';
const DEADLOCK = '40P01';

/** Runs `work`, which takes one short lock, again and again until it is granted. */
export async function withShortLock(
  session: Session,
  table: string,
  { signal, log }: Context,
  work: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(signal);
    try {
      await session.transaction(async () => {
        await session.query(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}`);
        await work();
      });
      return;
    } catch (error) {
      if (!isState(error, LOCK_NOT_AVAILABLE) && !isState(error, DEADLOCK)) throw error;
      if (attempt === LOCK_ATTEMPTS) {
        throw new MigrateError('SHIM_LOCK', {
          message: `The lock on ${table} was not granted in ${attempt} attempts of ${LOCK_WAIT_MS} ms`,
          context: { table },
          cause: error,
        });
      }
      const pauseMs = backoff(attempt, Math.random());
      log.info(`${table} is busy: trying its lock again in ${pauseMs} ms`);
      await pause(pauseMs, undefined, { signal }).catch(() => throwIfAborted(signal));
    }
  }
}
