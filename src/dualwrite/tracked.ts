import { displayName, qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';

/** A table whose changes are captured. */
export interface Tracked {
  readonly table: TablePlan;
  /**
   * Columns of the source that are logged of a changed row, old and new: the key first, then what the row's place on
   * the target follows from (the distribution column, or the foreign key that leads to it), then what other tables
   * refer to on their way to the distribution column.
   */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

export interface Uncapturable {
  readonly table: string;
  readonly reason: string;
}

export interface Capture {
  /** The chosen tables and those that lead from them to a distribution column. */
  readonly tracked: readonly Tracked[];
  readonly uncapturable: readonly Uncapturable[];
}

/** What has to be logged so that `tables` can be followed. */
export function planCapture(plan: Plan, tables: readonly TablePlan[]): Capture {
  const byName = new Map(plan.tables.map((table) => [qualified(table), table]));
  const wanted = new Map<string, Set<string>>();
  const track = (name: string, columns: readonly string[]): void => {
    const list = wanted.get(name) ?? new Set(byName.get(name)?.key ?? []);
    wanted.set(name, list);
    for (const column of columns) list.add(column);
  };
  for (const table of tables) {
    const { placement } = table;
    track(qualified(table), []);
    if (placement.kind !== 'distributed') continue;
    let place = qualified(table);
    for (const step of placement.via) {
      track(place, step.columns);
      place = qualified(step.references);
      track(place, step.referencedColumns);
    }
    track(place, [placement.column]);
  }
  const tracked: Tracked[] = [];
  const uncapturable: Uncapturable[] = [];
  for (const [name, columns] of wanted) {
    const table = byName.get(name);
    const def = plan.catalog.tables.find((one) => qualified(one) === name);
    if (table === undefined || def === undefined) {
      uncapturable.push({
        table: name,
        reason: 'the plan does not hold it, and other tables are placed by it',
      });
      continue;
    }
    const types = [...columns].map((column) => ({
      name: column,
      type: def.columns.find((one) => one.name === column)!.type,
    }));
    const array = types.find(({ type }) => type.endsWith('[]'));
    if (table.key === null) uncapturable.push({ table: displayName(table), reason: 'it has no key' });
    else if (array !== undefined)
      uncapturable.push({ table: displayName(table), reason: `${array.name} of its key is an array` });
    else tracked.push({ table, columns: types });
  }
  return { tracked, uncapturable };
}
