import { setTimeout as pause } from 'node:timers/promises';
import type { WaitSide } from './context.js';
import { throwIfAborted } from './errors.js';
import type { TokenBucket } from './token-bucket.js';

export interface Meter {
  bytes(count: number): void;
  /** Milliseconds that the stream waited: for its source, for whoever reads it, or for its rate. */
  waited(side: Exclude<WaitSide, 'transform'>, ms: number): void;
}

/** Waits until `bytes` may pass; false when they might at once. */
async function held(bucket: TokenBucket, bytes: number, signal: AbortSignal): Promise<boolean> {
  for (let waited = false; ; waited = true) {
    const ms = bucket.take(bytes);
    if (ms === 0) return waited;
    await pause(ms, undefined, { signal }).catch(() => throwIfAborted(signal));
  }
}

/**
 * Passes pieces on, no faster than `bucket` allows, counts their bytes and all waits, and stops between two pieces when `signal` is aborted. Ends
 * its source when its reader stops early.
 */
export async function* metered<T>(
  source: AsyncGenerator<Buffer, T>,
  signal: AbortSignal,
  now: () => number,
  meter: Meter,
  bucket: TokenBucket,
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
      const released = (await held(bucket, value.length, signal)) ? now() : answered;
      if (released > answered) meter.waited('throttle', released - answered);
      meter.bytes(value.length);
      yield value;
      asked = now();
      meter.waited('target', asked - released);
    }
  } finally {
    if (!ended) await source.return(undefined as T);
  }
}
