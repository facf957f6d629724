/** Rows that one of two answers has more of than the other, by number. */
export interface Difference {
  readonly onlyInAnswer: number;
  readonly onlyInShadow: number;
}

type Row = Readonly<Record<string, unknown>>;

/**
 * Compares two answers without regard to the order of their rows, by the columns of the first: the cluster's tables
 * may have one more. undefined: they are equal.
 */
export function differenceOf(
  columns: readonly string[],
  answer: readonly Row[],
  shadow: readonly Row[],
): Difference | undefined {
  // A column that is missing is another value than NULL.
  const keyOf = (row: Row): string =>
    JSON.stringify(columns.map((name) => (Object.hasOwn(row, name) ? [textOf(row[name])] : [])));
  const counts = new Map<string, number>();
  for (const row of answer) counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) + 1);
  for (const row of shadow) counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) - 1);
  let onlyInAnswer = 0;
  let onlyInShadow = 0;
  for (const count of counts.values()) {
    if (count > 0) onlyInAnswer += count;
    else onlyInShadow -= count;
  }
  return onlyInAnswer + onlyInShadow === 0 ? undefined : { onlyInAnswer, onlyInShadow };
}

/** JSON knows neither bigint nor NaN and the infinities, which are different values here. */
const textOf = (value: unknown): unknown =>
  typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))
    ? `${typeof value} ${value}`
    : value;
