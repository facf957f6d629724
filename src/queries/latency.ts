/** Milliseconds over some runs. */
export interface Latency {
  readonly runs: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/**
 * The p-th percentile by the nearest rank: the smallest value that at least p percent of all do not pass. With fewer
 * than 100 values p99 is the largest. `sorted` ascends and is not empty.
 */
export const percentile = (sorted: readonly number[], p: number): number =>
  sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)]!;

/** undefined: nothing was measured. To the microsecond. */
export function latencyOf(milliseconds: readonly number[]): Latency | undefined {
  if (milliseconds.length === 0) return undefined;
  const sorted = [...milliseconds].sort((a, b) => a - b);
  const at = (p: number): number => Math.round(percentile(sorted, p) * 1000) / 1000;
  return { runs: sorted.length, p50: at(50), p95: at(95), p99: at(99) };
}
