import type { Named } from '../core/catalog-types.js';

export type Compare<T> = (left: T, right: T) => number;

/** By code units: the same on every machine, whatever its locale. */
export const compareText: Compare<string> = (left, right) => (left < right ? -1 : left > right ? 1 : 0);

export const byText =
  <T>(text: (value: T) => string): Compare<T> =>
  (left, right) =>
    compareText(text(left), text(right));

export function byName<T extends Named>(left: T, right: T): number {
  return compareText(left.schema, right.schema) || compareText(left.name, right.name);
}

export function sorted<T>(values: Iterable<T>, compare: Compare<T>): T[] {
  return [...values].sort(compare);
}

/**
 * The values so that each comes after those it depends on, otherwise in the order given. What stands in a circle
 * keeps its order.
 */
export function topological<T>(
  values: readonly T[],
  key: (value: T) => string,
  needs: (value: T) => Iterable<string>,
): T[] {
  const open = new Map(values.map((value) => [key(value), value]));
  const result: T[] = [];
  const visit = (value: T): void => {
    if (!open.delete(key(value))) return;
    for (const need of needs(value)) {
      const other = open.get(need);
      if (other !== undefined) visit(other);
    }
    result.push(value);
  };
  for (const value of values) visit(value);
  return result;
}
