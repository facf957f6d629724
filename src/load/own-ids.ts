/** Ids from `min` up to and without `max`. */
export interface IdRange {
  readonly min: bigint;
  readonly max: bigint;
}

/** Without the quotes the smallest bigint would be numeric, and no index would find it. */
export const int8 = (value: bigint): string => `'${value}'::bigint`;

/** Of a smaller distribution column Citus would make the bounds that it is compared with smaller, too, and fail. */
export const asInt8 = (id: string): string => `${id}::bigint`;

/**
 * The ids that Citus lets a worker give out for a bigint column: 2^48 of them from g·2^48+1, g being its group
 * (`AlterSequenceMinMax`, citus/src/backend/distributed/commands/sequence.c).
 */
export function workerRange(group: number): IdRange {
  const width = 1n << 48n;
  const min = BigInt(group) * width + 1n;
  return { min, max: min + width };
}

/**
 * A condition on the ids that the coordinator's sequence can come upon: within its own bounds (`max` included), and
 * in no worker's range. An id that some worker gave out would make the coordinator go on in the worker's range; one
 * that lies beyond its end can never be given out again.
 */
export function ownIds(id: string, bounds: IdRange, workers: readonly number[]): string {
  const wide = asInt8(id);
  const foreign = workers
    .map(workerRange)
    .map(({ min, max }) => `NOT (${wide} >= ${int8(min)} AND ${wide} < ${int8(max)})`);
  return [`${wide} BETWEEN ${int8(bounds.min)} AND ${int8(bounds.max)}`, ...foreign].join(' AND ');
}
