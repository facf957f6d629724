import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import { throwIfAborted } from './errors.js';
import { Jobs } from './jobs.js';

/** Signals that end together: `signal` follows `parent` and can be aborted by itself. */
export function childSignal(parent: AbortSignal): { signal: AbortSignal; abort: (reason: unknown) => void } {
  const controller = new AbortController();
  const signal = AbortSignal.any([parent, controller.signal]);
  // Every session listens; Node.js takes the eleventh for a leak.
  setMaxListeners(0, signal);
  return {
    signal,
    abort: (reason) => controller.abort(reason),
  };
}

/**
 * Runs `work` on every item, at most `jobs` at once. The first error is the cause: it aborts the signal of the
 * others, is thrown once all of them have ended, and carries what they ended with in `siblings`.
 */
export async function parallel<T>(
  items: Iterable<T>,
  jobs: number | Jobs,
  parent: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  throwIfAborted(parent);
  const width = typeof jobs === 'number' ? new Jobs(jobs) : jobs;
  const limit = pLimit(Math.max(1, width.now));
  const deaf = width.onChange((now) => {
    limit.concurrency = Math.max(1, now);
  });
  const { signal, abort } = childSignal(parent);
  const failures: unknown[] = [];
  const run = async (item: T): Promise<void> => {
    if (signal.aborted) return;
    try {
      await work(item, signal);
    } catch (error) {
      failures.push(error);
      abort(error);
    }
  };
  await Promise.all(Array.from(items, (item) => limit(run, item)));
  deaf();
  throwIfAborted(parent);
  if (failures.length === 0) return;
  const [cause, ...siblings] = failures;
  if (cause instanceof Error && siblings.length > 0) Object.assign(cause, { siblings });
  throw cause;
}
