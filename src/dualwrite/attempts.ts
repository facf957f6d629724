import { setTimeout as wait } from 'node:timers/promises';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { ATTEMPTS, backoff } from './pace.js';

/** Does `work` until it comes through, for about a minute; what cannot come through is thrown at once. */
export async function persist<T>(
  work: () => Promise<T>,
  { signal, log }: Pick<Context, 'signal' | 'log'>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(signal);
    try {
      return await work();
    } catch (error) {
      throwIfAborted(signal);
      if (!(error instanceof MigrateError) || error.retry === 'never' || attempt === ATTEMPTS) throw error;
      const waitMs = backoff(attempt, Math.random());
      log.warn(`${error.message}. Trying again in ${waitMs} ms`, { code: error.code });
      await wait(waitMs, undefined, { signal }).catch(() => throwIfAborted(signal));
    }
  }
}
