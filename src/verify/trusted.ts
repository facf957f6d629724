import type { Mode } from './digests.js';
import type { RowScope } from './scope.js';
import type { TableResult } from './types.js';

/**
 * Whether the rows of a table (display name) hold, one for one, the same values of these columns on both sides. What
 * follows from the single node's values is then known of the cluster's without reading them again.
 */
export type SameValues = (table: string, columns: readonly string[]) => boolean;

/** What the comparison of the rows has shown: of the columns in which no row differs, where all that differ are known. */
export function sameValues(results: readonly TableResult[], mode: Mode, scope: RowScope): SameValues {
  if (mode === 'counts' || scope.namespaces.length > 0 || scope.sample !== undefined) return () => false;
  const byTable = new Map(results.map((result) => [result.table, result]));
  return (table, columns) => {
    const result = byTable.get(table);
    if (result === undefined) return false;
    if (result.verdict === 'match') return true;
    const { discrepancies, countComplete, source, target } = result;
    return (
      countComplete &&
      source.rows === target.rows &&
      discrepancies.length > 0 &&
      discrepancies.every(
        (one) => one.kind === 'mismatched' && !columns.some((column) => one.columns!.includes(column)),
      )
    );
  };
}
