import type { TablePlan } from '../core/plan-types.js';
import type { Uncapturable } from './tracked.js';
import { placeColumns } from './window.js';

/** A table of the cluster whose changes are captured. */
export interface TrackedBack {
  readonly table: TablePlan;
  /** Columns of the cluster that are logged of a changed row: where it lies there, and its key on the single node. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** What has to be logged on the cluster so that `tables` can be followed back. A row there knows its own place. */
export function planReverse(tables: readonly TablePlan[]): {
  readonly tracked: readonly TrackedBack[];
  readonly uncapturable: readonly Uncapturable[];
} {
  const tracked: TrackedBack[] = [];
  const uncapturable: Uncapturable[] = [];
  for (const table of tables) {
    if (table.key === null) {
      uncapturable.push({ table: table.table, reason: 'it has no key' });
      continue;
    }
    const columns = placeColumns(table).map(({ name, targetType }) => ({ name, type: targetType }));
    const array = columns.find(({ type }) => type.endsWith('[]'));
    if (array === undefined) tracked.push({ table, columns });
    else uncapturable.push({ table: table.table, reason: `${array.name} of its key is an array` });
  }
  return { tracked, uncapturable };
}
