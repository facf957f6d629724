import { throwIfAborted } from './errors.js';

export interface Meter {
  bytes(count: number): void;
  /** Milliseconds that the stream waited: for its source, or for whoever reads it. */
  waited(side: 'source' | 'target', ms: number): void;
}

/**
 * Passes pieces on, counts their bytes and both waits, and stops between two pieces when `signal` is aborted. Ends
 * its source when its reader stops early.
 */
export async function* metered<T>(
  source: AsyncGenerator<Buffer, T>,
  signal: AbortSignal,
  now: () => number,
  meter: Meter,
): AsyncGenerator<Buffer, T> {
  let asked = now();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await source.next();
      const answered = now();
      meter.waited('source', answered - asked);
      ended = done === true;
      if (done) return value;
      throwIfAborted(signal);
      meter.bytes(value.length);
      yield value;
      asked = now();
      meter.waited('target', asked - answered);
    }
  } finally {
    if (!ended) await source.return(undefined as T);
  }
}
