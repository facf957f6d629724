import { newBucketMemory } from './token-bucket.js';

/** Keeps work from burdening servers that others need, too; asked between chunks and between pieces. */
export interface Pace {
  /**
   * Waits as long as there is a reason to pause. Called between two chunks, when no transaction is open on the
   * target. Throws what stopped the looking, and the abort reason of `signal`.
   */
  ready(signal: AbortSignal): Promise<void>;
  /** Tells whenever another number of streams is asked for while work runs. Returns how to stop listening. */
  onJobs(listener: (jobs: number) => void): () => void;
  /** Memory of the token bucket that bounds bytes per second; threads share it. */
  readonly bucket: SharedArrayBuffer;
}

/** Never waits. */
export function unhurried(): Pace {
  return { ready: async () => {}, onJobs: () => () => {}, bucket: newBucketMemory() };
}
