import type { TableDef } from '../core/catalog-types.js';
import { qualified } from '../core/names.js';
import type { ViaStep } from '../core/plan-types.js';
import { compareText, sorted } from './order.js';
import type { Choice, KeyChoice } from './placement.js';

export interface Reached {
  readonly key: KeyChoice;
  readonly step: ViaStep;
  /** 0: no column of the foreign key can be NULL, so every row reaches a value. */
  readonly rank: 0 | 1;
}

/**
 * The distribution columns that a table reaches through one of its foreign keys to a distributed table: shortest
 * path first, then keys without NULLs, then by name. A foreign key that refers to the parent's distribution column
 * itself makes the referring column the table's own. `via` names the only foreign key that counts.
 */
export function reachableKeys(
  table: TableDef,
  choices: ReadonlyMap<string, Choice>,
  via?: string,
): Reached[] {
  const found: Reached[] = [];
  for (const constraint of table.constraints) {
    const { foreign } = constraint;
    if (!foreign || qualified(foreign.references) === qualified(table)) continue;
    if (via !== undefined && constraint.name !== via) continue;
    const parent = choices.get(qualified(foreign.references));
    if (parent === undefined || typeof parent === 'string') continue;
    const step: ViaStep = {
      constraint: constraint.name,
      columns: constraint.columns,
      references: { schema: foreign.references.schema, name: foreign.references.name },
      referencedColumns: foreign.columns,
    };
    const nullable = constraint.columns.some(
      (name) => !table.columns.find((column) => column.name === name)?.notNull,
    );
    found.push({ key: through(table, step, parent), step, rank: nullable ? 1 : 0 });
  }
  return sorted(
    found,
    (left, right) =>
      left.key.via.length - right.key.via.length ||
      left.rank - right.rank ||
      compareText(left.step.constraint, right.step.constraint),
  );
}

function through(table: TableDef, step: ViaStep, parent: KeyChoice): KeyChoice {
  const place = step.referencedColumns.indexOf(parent.column);
  const own = place < 0 ? undefined : table.columns.find((column) => column.name === step.columns[place]);
  const family = parent.family === undefined ? {} : { family: parent.family };
  if (own?.hashFunction !== undefined && own.deterministic) {
    return { column: own.name, origin: { table, column: own }, via: [], ...family };
  }
  return { column: parent.column, origin: parent.origin, via: [step, ...parent.via], ...family };
}
