import type { Clock, ProgressItem, ProgressUpdate, WaitSide } from '../core/context.js';

/** How far something is. Rates are those of the last ten seconds, or the average once it is done. */
export interface Advance {
  readonly rows: number;
  readonly bytes: number;
  /** 0 when not known. */
  readonly totalRows: number;
  readonly totalBytes: number;
  readonly rowsPerSecond: number;
  readonly bytesPerSecond: number;
  /** 0 to 1; totals are estimates, so 1 is reached only when done. Absent: no total is known. */
  readonly fraction?: number;
  /** Absent while it cannot be told. */
  readonly remainingMs?: number;
}

export interface ItemSnapshot extends Advance {
  readonly label: string;
  readonly state: 'waiting' | 'running' | 'done';
  /** What a step without rows and bytes is at. */
  readonly detail?: string;
}

/** One immutable picture of a phase; bars, lines and metrics are all drawn from it. */
export interface ProgressSnapshot {
  readonly phase: string;
  readonly running: boolean;
  readonly elapsedMs: number;
  readonly items: readonly ItemSnapshot[];
  readonly total: Advance;
  readonly waitMs: Readonly<Record<WaitSide, number>>;
  /** The side most time is spent waiting for; absent while nobody waits. */
  readonly bottleneck?: WaitSide;
  /** Work pauses: why, and for how long so far. */
  readonly paused?: { readonly reason: string; readonly forMs: number };
}

const NO_WAITS: Readonly<Record<WaitSide, number>> = { source: 0, transform: 0, target: 0, throttle: 0 };

const WINDOW_MS = 10_000;
const SAMPLE_MS = 500;

/** Rows and bytes over time, as a rate over the last WINDOW_MS. Memory is bounded by the sampling interval. */
class Meter {
  rows = 0;
  bytes = 0;
  readonly #samples: { at: number; rows: number; bytes: number }[];

  constructor(now: number) {
    this.#samples = [{ at: now, rows: 0, bytes: 0 }];
  }

  add(now: number, rows: number, bytes: number): void {
    const last = this.#samples.at(-1)!;
    if (now - last.at >= SAMPLE_MS) this.#samples.push({ at: now, rows: this.rows, bytes: this.bytes });
    while (this.#samples.length > 2 && now - this.#samples[1]!.at > WINDOW_MS) this.#samples.shift();
    this.rows += rows;
    this.bytes += bytes;
  }

  rates(now: number): { rowsPerSecond: number; bytesPerSecond: number } {
    const first = this.#samples[0]!;
    // Below half a second a rate is noise.
    const seconds = Math.max(now - first.at, SAMPLE_MS) / 1000;
    return {
      rowsPerSecond: (this.rows - first.rows) / seconds,
      bytesPerSecond: (this.bytes - first.bytes) / seconds,
    };
  }
}

interface Item {
  readonly label: string;
  totalRows: number;
  totalBytes: number;
  meter?: Meter;
  startedAt: number;
  doneAt?: number;
  /** Of a step without rows and bytes. */
  told?: { fraction?: number; detail?: string };
}

function fractionOf(done: Pick<Advance, 'rows' | 'bytes' | 'totalRows' | 'totalBytes'>): number | undefined {
  if (done.totalBytes > 0 && done.bytes > 0) return Math.min(0.99, done.bytes / done.totalBytes);
  if (done.totalRows > 0) return Math.min(0.99, done.rows / done.totalRows);
  return done.totalBytes > 0 ? 0 : undefined;
}

/** Of steps that tell how far they are, all taken as equal; undefined where none has told anything. */
function meanOf(items: readonly ItemSnapshot[]): number | undefined {
  if (items.some(({ rows, bytes }) => rows > 0 || bytes > 0)) return undefined;
  const known = items.filter(({ fraction }) => fraction !== undefined);
  if (known.length === 0) return undefined;
  return Math.min(0.99, known.reduce((sum, { fraction }) => sum + fraction!, 0) / items.length);
}

function remaining(
  fraction: number | undefined,
  advance: Omit<Advance, 'fraction' | 'remainingMs'>,
): number | undefined {
  if (fraction === undefined || fraction === 0) return undefined;
  const byBytes = advance.totalBytes > 0 && advance.bytes > 0;
  const left = byBytes ? advance.totalBytes - advance.bytes : advance.totalRows - advance.rows;
  const rate = byBytes ? advance.bytesPerSecond : advance.rowsPerSecond;
  return rate <= 0 ? undefined : (Math.max(0, left) / rate) * 1000;
}

/** Collects advances; knows nothing about how they are shown. */
export class ProgressState {
  readonly #clock: Clock;
  #phase = '';
  #running = false;
  #startedAt: number;
  #stoppedAt?: number;
  #items = new Map<string, Item>();
  #total: Meter;
  #waits: Record<WaitSide, number> = { ...NO_WAITS };
  #paused?: { readonly reason: string; readonly since: number };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#total = new Meter(this.#startedAt);
  }

  start(phase: string, items: readonly ProgressItem[]): void {
    this.#phase = phase;
    this.#running = true;
    this.#startedAt = this.#clock.now();
    this.#stoppedAt = undefined;
    this.#total = new Meter(this.#startedAt);
    this.#waits = { ...NO_WAITS };
    this.#items = new Map(
      items.map(({ detail, ...item }) => [
        item.label,
        { ...item, startedAt: this.#startedAt, ...(detail === undefined ? {} : { told: { detail } }) },
      ]),
    );
  }

  advance(label: string, update: ProgressUpdate): void {
    const now = this.#clock.now();
    const item = this.#item(label);
    if (item.meter === undefined) {
      item.meter = new Meter(now);
      item.startedAt = now;
    }
    if (update.fraction !== undefined || update.detail !== undefined) {
      const { fraction, detail } = update;
      item.told = {
        ...(fraction === undefined ? {} : { fraction }),
        ...(detail === undefined ? {} : { detail }),
      };
    }
    item.meter.add(now, update.rows ?? 0, update.bytes ?? 0);
    this.#total.add(now, update.rows ?? 0, update.bytes ?? 0);
    for (const side of Object.keys(NO_WAITS) as WaitSide[]) this.#waits[side] += update.waitMs?.[side] ?? 0;
  }

  finish(label: string): void {
    this.#item(label).doneAt ??= this.#clock.now();
  }

  /** The reason may change while the pause goes on. */
  pause(reason: string | undefined): void {
    const since = this.#paused?.since ?? this.#clock.now();
    this.#paused = reason === undefined ? undefined : { reason, since };
  }

  stop(): void {
    this.#running = false;
    this.#stoppedAt ??= this.#clock.now();
  }

  #item(label: string): Item {
    let item = this.#items.get(label);
    if (item === undefined) {
      item = { label, totalRows: 0, totalBytes: 0, startedAt: this.#clock.now() };
      this.#items.set(label, item);
    }
    return item;
  }

  #itemSnapshot(item: Item, now: number): ItemSnapshot {
    const { label, totalRows, totalBytes } = item;
    const { rows = 0, bytes = 0 } = item.meter ?? {};
    const base = { label, rows, bytes, totalRows, totalBytes };
    if (item.doneAt !== undefined) {
      const seconds = Math.max(item.doneAt - item.startedAt, SAMPLE_MS) / 1000;
      const rates = { rowsPerSecond: rows / seconds, bytesPerSecond: bytes / seconds };
      const detail = item.told === undefined ? {} : { detail: 'done' };
      return Object.freeze({ ...base, ...rates, ...detail, state: 'done', fraction: 1, remainingMs: 0 });
    }
    const rates = item.meter?.rates(now) ?? { rowsPerSecond: 0, bytesPerSecond: 0 };
    const fraction = fractionOf(base) ?? item.told?.fraction;
    const remainingMs = remaining(fraction, { ...base, ...rates });
    return Object.freeze({
      ...base,
      ...rates,
      ...(item.told?.detail === undefined ? {} : { detail: item.told.detail }),
      state: item.meter === undefined ? 'waiting' : 'running',
      ...(fraction === undefined ? {} : { fraction }),
      ...(remainingMs === undefined ? {} : { remainingMs }),
    });
  }

  snapshot(): ProgressSnapshot {
    const now = this.#stoppedAt ?? this.#clock.now();
    const items = [...this.#items.values()].map((item) => this.#itemSnapshot(item, now));
    const done = items.length > 0 && items.every((item) => item.state === 'done');
    const sum = (field: 'totalRows' | 'totalBytes', actual: 'rows' | 'bytes'): number =>
      // A finished table counts with what it really had, not with the estimate.
      items.reduce((total, item) => total + (item.state === 'done' ? item[actual] : item[field]), 0);
    const base = {
      rows: this.#total.rows,
      bytes: this.#total.bytes,
      totalRows: sum('totalRows', 'rows'),
      totalBytes: sum('totalBytes', 'bytes'),
      ...this.#total.rates(now),
    };
    const fraction = done ? 1 : (fractionOf(base) ?? meanOf(items));
    const remainingMs = done ? 0 : remaining(fraction, base);
    const sides = Object.entries(this.#waits) as [WaitSide, number][];
    const [side, waited] = sides.reduce((most, next) => (next[1] > most[1] ? next : most));
    return Object.freeze({
      phase: this.#phase,
      running: this.#running,
      elapsedMs: now - this.#startedAt,
      items: Object.freeze(items),
      total: Object.freeze({
        ...base,
        ...(fraction === undefined ? {} : { fraction }),
        ...(remainingMs === undefined ? {} : { remainingMs }),
      }),
      waitMs: Object.freeze({ ...this.#waits }),
      ...(waited > 0 ? { bottleneck: side } : {}),
      ...(this.#running && this.#paused
        ? { paused: { reason: this.#paused.reason, forMs: now - this.#paused.since } }
        : {}),
    });
  }
}
