/** Segments of every log: one is written, the other is drained and emptied. */
export const SEGMENTS = [1, 2] as const;
export type Segment = (typeof SEGMENTS)[number];

export const logOf = (id: number, segment: Segment): string => `citus_migrate.log_${id}_${segment}`;

export const captureOf = (id: number): string => `citus_migrate.capture_${id}`;

/** Name of the n-th tracked column in a log, from 0: alone in a row. */
export const singleOf = (index: number): string => `k${index + 1}`;

/** The same, as a list for many rows. */
export const listOf = (index: number): string => `a${index + 1}`;
