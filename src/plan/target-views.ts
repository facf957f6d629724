import type { Catalog, ViewDef } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';

export interface TargetViews {
  readonly views: readonly ViewDef[];
  /** Those of `views` whose GROUP BY was completed. */
  readonly regrouped: readonly ViewDef[];
  readonly dropped: readonly { readonly view: ViewDef; readonly reason: string }[];
}

/**
 * The views that can exist on the target. Where a view groups by a primary key and thereby selects the table's other
 * columns, the wider key of the target wants the distribution column in GROUP BY too; the key determines it, so the
 * groups stay the same.
 */
export function targetViews(catalog: Catalog, tables: readonly TablePlan[]): TargetViews {
  const plans = new Map(tables.map((one) => [qualified(one), one]));
  const kept = new Map<string, ViewDef>();
  const regrouped: ViewDef[] = [];
  const dropped: { view: ViewDef; reason: string }[] = [];
  const inOrder = [...catalog.views].sort((left, right) => left.order - right.order);
  for (const view of inOrder) {
    const lacking = (view.reads ?? []).find(
      (read) => !plans.has(qualified(read)) && !kept.has(qualified(read)),
    );
    if (lacking) {
      dropped.push({ view, reason: `it reads ${displayName(lacking)}, which the target does not have` });
      continue;
    }
    const definition = regroup(view, catalog, plans);
    if (definition === undefined) {
      dropped.push({
        view,
        reason: 'it groups by a primary key that does not contain the distribution column',
      });
      continue;
    }
    const made = definition === view.definition ? view : { ...view, definition };
    if (made !== view) regrouped.push(made);
    kept.set(qualified(view), made);
  }
  return { views: catalog.views.flatMap((view) => kept.get(qualified(view)) ?? []), regrouped, dropped };
}

/** The definition with every GROUP BY completed; undefined where the place was not found. */
function regroup(view: ViewDef, catalog: Catalog, plans: ReadonlyMap<string, TablePlan>): string | undefined {
  let text: string | undefined = view.definition;
  for (const key of view.groupedBy ?? []) {
    const plan = plans.get(qualified(key));
    const constraint = catalog.tables
      .find((table) => qualified(table) === qualified(key))
      ?.constraints.find((one) => one.name === key.constraint);
    if (!constraint || plan?.placement.kind !== 'distributed') continue;
    if (constraint.columns.includes(plan.placement.column)) continue;
    text = text === undefined ? undefined : complete(text, key, constraint.columns, plan.placement.column);
  }
  return text;
}

const IDENT = '(?:"(?:[^"]|"")*"|[a-z_][\\w$]*)';

/**
 * pg_get_viewdef prints `GROUP BY p.id, …` on one line, and the table as `schema.table` or `schema.table alias`.
 */
function complete(
  text: string,
  table: { schema: string; name: string },
  keyColumns: readonly string[],
  column: string,
): string | undefined {
  const literally = (value: string): string => value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const aliases = [
    ...text.matchAll(new RegExp(`${literally(qualified(table))}(?: (${IDENT}))?(?![\\w."])`, 'g')),
  ].map((match) =>
    match[1] && !/^(JOIN|LEFT|RIGHT|FULL|CROSS|WHERE|GROUP|ON|USING)$/i.test(match[1])
      ? match[1]
      : quoteIdent(table.name),
  );
  let changed = false;
  const result = text.replace(
    /^(\s*GROUP BY )(.*?)(;?\)*;?)$/gm,
    (line, start: string, list: string, end: string) => {
      const items = list.split(/,\s*/);
      // A single table's columns are printed without its name from PostgreSQL 16 on.
      const prefix = [...aliases.map((alias) => `${alias}.`), ''].find((candidate) =>
        keyColumns.every((name) => items.includes(candidate + quoteIdent(name))),
      );
      if (prefix === undefined) return line;
      changed = true;
      const added = prefix + quoteIdent(column);
      return items.includes(added) ? line : `${start}${list}, ${added}${end}`;
    },
  );
  return changed ? result : undefined;
}
