import type { Catalog, Named } from '../core/catalog-types.js';
import { qualified, quoteIdent } from '../core/names.js';
import type { Placement } from '../core/plan-types.js';

export interface KeySource {
  /** FROM clause: the table as `t0`, and the tables of its path as `t1`, `t2`, …, joined so that no row is lost. */
  readonly from: string;
  /** The distribution column's value in the type of the target; NULL where the path ends early. */
  readonly key: string;
}

/** Where the source has the value that a row is distributed by. */
export function keySource(
  table: Named,
  placement: Extract<Placement, { kind: 'distributed' }>,
  catalog: Pick<Catalog, 'tables'>,
): KeySource {
  const only = catalog.tables.some((one) => one.hasHeirs && qualified(one) === qualified(table));
  const joins = placement.via.map((step, place) => {
    const on = step.columns.map(
      (column, index) =>
        `t${place}.${quoteIdent(column)} = t${place + 1}.${quoteIdent(step.referencedColumns[index]!)}`,
    );
    return `LEFT JOIN ${step.only ? 'ONLY ' : ''}${qualified(step.references)} t${place + 1} ON ${on.join(' AND ')}`;
  });
  return {
    from: [`${only ? 'ONLY ' : ''}${qualified(table)} t0`, ...joins].join('\n'),
    key: `t${placement.via.length}.${quoteIdent(placement.column)}::${placement.type}`,
  };
}
