import type { Mode } from './digests.js';
import type { RowScope } from './scope.js';
import type { TableResult } from './types.js';

/**
 * Whether each row of a table (display name) on the target has its own row on the source, with the same values of these
 * columns. What holds of the source's values, or of any part of them, then holds of the target's without another look.
 */
export type SameValues = (table: string, columns: readonly string[]) => boolean;

/** What the comparison of the rows has shown, where all rows were compared and all that differ are known. */
export function sameValues(results: readonly TableResult[], mode: Mode, scope: RowScope): SameValues {
  if (mode === 'counts' || scope.namespaces.length > 0 || scope.sample !== undefined) return () => false;
  const byTable = new Map(results.map((result) => [result.table, result]));
  return (table, columns) => {
    const result = byTable.get(table);
    if (result === undefined) return false;
    if (result.verdict === 'match') return true;
    const { discrepancies, countComplete, source, target } = result;
    const missing = discrepancies.filter(({ kind }) => kind === 'missing').length;
    return (
      countComplete &&
      discrepancies.length > 0 &&
      target.rows + BigInt(missing) === source.rows &&
      discrepancies.every(
        ({ kind, columns: differ = [] }) =>
          kind === 'missing' || (kind === 'mismatched' && !columns.some((column) => differ.includes(column))),
      )
    );
  };
}
