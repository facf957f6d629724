/** Bytes that may pass at once after a rest, as milliseconds of the rate: enough to bridge a coarse timer. */
const BURST_MS = 100;
/** Nobody sleeps longer than this, so that a new rate holds at once. */
const LONGEST_NAP_MS = 200;

const RATE = 0;
const FULL_AT = 1;
const NANOSECONDS = 1_000_000n;

const inNanoseconds = (milliseconds: number): bigint =>
  BigInt(Math.floor(milliseconds)) * NANOSECONDS + BigInt(Math.round((milliseconds % 1) * 1e6));

/** Memory that several threads can share: bytes per second (0: no limit), and when the bucket is full again. */
export const newBucketMemory = (): SharedArrayBuffer => new SharedArrayBuffer(16);

/**
 * A token bucket in shared memory: one rate in bytes per second over all threads that look at the same memory. In
 * place of the tokens it keeps the moment at which the bucket would be full again (the virtual scheduling form of
 * the generic cell rate algorithm, ITU-T I.371), so one compare-and-swap takes from it and no thread waits for
 * another. A piece passes when the bucket is not in debt, and may leave it in debt: in any span of T seconds at most
 * rate · T bytes, a tenth of a second's worth and one piece pass.
 */
export class TokenBucket {
  readonly #cells: BigInt64Array;
  readonly #now: () => number;

  /** `now`: milliseconds, the same clock in every thread. */
  constructor(memory: SharedArrayBuffer, now: () => number) {
    this.#cells = new BigInt64Array(memory);
    this.#now = now;
  }

  /** Bytes per second; 0: no limit. */
  get rate(): number {
    return Number(Atomics.load(this.#cells, RATE));
  }

  /** Holds from the next piece on; debts made under another rate are forgiven. */
  set rate(bytesPerSecond: number) {
    Atomics.store(this.#cells, RATE, BigInt(Math.max(0, Math.round(bytesPerSecond))));
    Atomics.store(this.#cells, FULL_AT, 0n);
  }

  /** Takes `bytes` and returns 0, or takes nothing and returns the milliseconds after which to ask again. */
  take(bytes: number): number {
    for (;;) {
      const { rate } = this;
      if (rate === 0) return 0;
      const now = inNanoseconds(this.#now());
      const fullAt = Atomics.load(this.#cells, FULL_AT);
      const debt = fullAt - now - BigInt(BURST_MS) * NANOSECONDS;
      if (debt > 0n) return Math.min(LONGEST_NAP_MS, Math.ceil(Number(debt) / 1e6));
      const cost = BigInt(Math.ceil((bytes * 1e9) / rate));
      const next = (fullAt > now ? fullAt : now) + cost;
      if (Atomics.compareExchange(this.#cells, FULL_AT, fullAt, next) === fullAt) return 0;
    }
  }
}
