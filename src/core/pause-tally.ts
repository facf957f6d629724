import type { ReasonKind } from './throttle.js';

export interface PauseCount {
  pauses: number;
  /** Milliseconds. */
  ms: number;
}

/** How often and for how long work paused. Two reasons at once count for each of them, and once in the total. */
export interface PauseTotals extends Readonly<PauseCount> {
  readonly byReason: Readonly<Partial<Record<ReasonKind, Readonly<PauseCount>>>>;
}

/** Counts pauses from what holds at successive moments. */
export class PauseTally {
  #at = 0;
  #kinds: ReadonlySet<ReasonKind> = new Set();
  readonly #total: PauseCount = { pauses: 0, ms: 0 };
  readonly #byReason: Partial<Record<ReasonKind, PauseCount>> = {};

  /** From `now` (milliseconds) on these reasons keep work waiting; none: it goes on. */
  update(now: number, kinds: Iterable<ReasonKind>): void {
    const next = new Set(kinds);
    const passed = Math.max(0, now - this.#at);
    if (this.#kinds.size > 0) this.#total.ms += passed;
    else if (next.size > 0) this.#total.pauses += 1;
    for (const kind of this.#kinds) this.#count(kind).ms += passed;
    for (const kind of next) if (!this.#kinds.has(kind)) this.#count(kind).pauses += 1;
    this.#kinds = next;
    this.#at = now;
  }

  get totals(): PauseTotals {
    const byReason = Object.fromEntries(
      Object.entries(this.#byReason).map(([kind, count]) => [kind, { ...count }]),
    );
    return { ...this.#total, byReason };
  }

  #count(kind: ReasonKind): PauseCount {
    this.#byReason[kind] ??= { pauses: 0, ms: 0 };
    return this.#byReason[kind];
  }
}
