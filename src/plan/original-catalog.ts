import type { Catalog, FunctionDef, Named, ViewDef } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent } from '../core/names.js';
import type { Plan } from '../core/plan-types.js';
import { attached } from './target-catalog.js';

export interface OriginalCatalog {
  readonly catalog: Catalog;
  /** What was left out, as people read it: `foreign key f of a`, `view v`. */
  readonly lost: readonly string[];
}

/**
 * The catalog of a plan as an empty single node can have it: where the plan is of chosen tables, without the foreign
 * keys, views and functions that need others.
 */
export function originalCatalog({ catalog, scope }: Pick<Plan, 'catalog' | 'scope'>): OriginalCatalog {
  if (scope === undefined) return { catalog, lost: [] };
  const known = new Set(catalog.tables.map(qualified));
  const tables = catalog.tables.map((table) => ({
    ...table,
    constraints: table.constraints.filter(
      (one) => !one.foreign || known.has(qualified(one.foreign.references)),
    ),
  }));
  const { views, functions } = standing(catalog, known);
  const kept = { ...catalog, tables, views, functions };
  const lost = [
    ...catalog.tables.flatMap((table) =>
      table.constraints
        .filter((one) => one.foreign && !known.has(qualified(one.foreign.references)))
        .map((one) => `foreign key ${quoteIdent(one.name)} of ${displayName(table)}`),
    ),
    ...catalog.views.filter((one) => !views.includes(one)).map((one) => `view ${displayName(one)}`),
    ...catalog.functions
      .filter((one) => !functions.includes(one))
      .map((one) => `function ${displayName(one)}(${one.arguments})`),
  ];
  return { catalog: { ...kept, ...attached(catalog, kept) }, lost };
}

/** Views and functions that need nothing but `tables` and each other. */
function standing(
  catalog: Catalog,
  tables: ReadonlySet<string>,
): { views: readonly ViewDef[]; functions: readonly FunctionDef[] } {
  let { views, functions } = catalog;
  for (;;) {
    const there = new Set([...tables, ...views.map(qualified)]);
    const reads = ({ reads: relations = [] }: { readonly reads?: readonly Named[] }): boolean =>
      relations.every((one) => there.has(qualified(one)));
    const gone = catalog.functions.filter((one) => !functions.includes(one));
    const without = (view: ViewDef): boolean =>
      gone.some(({ usedBy = [] }) =>
        usedBy.some((user) => user.kind === 'view' && qualified(user) === qualified(view)),
      );
    const next = {
      views: views.filter((view) => reads(view) && !without(view)),
      functions: functions.filter(reads),
    };
    if (next.views.length === views.length && next.functions.length === functions.length) return next;
    ({ views, functions } = next);
  }
}
