import type { Pace } from './pace.js';

/** Fields of a log line: facts, never row values and never secrets. */
export type LogFields = Record<string, unknown>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Metric names follow `migrate_<phase>_<noun>_<unit>[_total]`; labels are `table` and `node` only. */
export interface Metrics {
  count(name: string, value: number, labels?: { table?: string; node?: string }): void;
  gauge(name: string, value: number, labels?: { table?: string; node?: string }): void;
}

/** One table (or step) whose advance is shown. Totals of 0 mean: not known. */
export interface ProgressItem {
  readonly label: string;
  readonly totalRows: number;
  readonly totalBytes: number;
  /** What is said of a step that has neither, until it says something itself: `waiting`. */
  readonly detail?: string;
}

/** What a stream waits for: its two servers, the work between them, or the rate that it is held to. */
export type WaitSide = 'source' | 'transform' | 'target' | 'throttle';

export interface ProgressUpdate {
  rows?: number;
  bytes?: number;
  /** 0 to 1, of a step that has neither rows nor bytes. */
  fraction?: number;
  /** What such a step is at: `loading tuples`. */
  detail?: string;
  /** Milliseconds spent waiting, by side: the largest names the bottleneck. */
  waitMs?: Partial<Record<WaitSide, number>>;
}

/** Collects the advance of a phase; what renders it (bars, lines, metrics) is not the caller's affair. */
export interface Progress {
  start(phase: string, items: readonly ProgressItem[]): void;
  advance(label: string, update: ProgressUpdate): void;
  finish(label: string): void;
  /** Work pauses for this reason; undefined: it goes on. */
  pause(reason: string | undefined): void;
  stop(): void;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** What everything that can take longer than a second is given. */
export interface Context {
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly pace: Pace;
  /** A named point where tests make the process fail; does nothing otherwise. */
  readonly fail: (point: string) => void | Promise<void>;
}
