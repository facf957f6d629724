import type { Context, Log, Metrics, Progress } from '../core/context.js';
import { unhurried } from '../core/pace.js';
import { systemClock } from './clock.js';

const nothing = (): void => {};

export const noopLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
export const noopMetrics: Metrics = { count: nothing, gauge: nothing };
export const noopProgress: Progress = {
  start: nothing,
  advance: nothing,
  finish: nothing,
  pause: nothing,
  stop: nothing,
};

/** A context that shows nothing, for callers of the library who want none of it; parts can be replaced. */
export function noopContext(parts: Partial<Context> = {}): Context {
  return {
    signal: new AbortController().signal,
    log: noopLog,
    metrics: noopMetrics,
    progress: noopProgress,
    clock: systemClock,
    pace: unhurried(),
    fail: nothing,
    ...parts,
  };
}
