/** Pauses between passes, ms: as short as changes come, longer while nothing does. */
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/**
 * How long to wait before the next pass. A busy side is followed closely, but no more than half the time is spent in
 * passes; an idle one is looked at ever more rarely, up to once a second, so that lag stays below two.
 */
export function nextPause(
  previousMs: number,
  pass: { readonly changes: number; readonly ms: number },
): number {
  if (pass.changes > 0) return Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, pass.ms));
  return Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, previousMs * 2));
}

/** Attempts at one pass that fail in a row; the pauses between them add up to about a minute. */
export const ATTEMPTS = 8;
const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 15_000;

/** Pause before attempt `attempt` + 1, with jitter; `random` is in [0, 1). */
export function backoff(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempt - 1));
  return Math.round(longest * (0.5 + random / 2));
}
