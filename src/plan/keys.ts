import type { ConstraintDef, IndexDef, TableDef } from '../core/catalog-types.js';
import { quoteIdent } from '../core/names.js';
import type { Placement } from '../core/plan-types.js';

/** What becomes of a unique rule on the target. */
export type KeyFate = 'kept' | 'widened' | 'dropped';

/**
 * Citus wants the distribution column in every PRIMARY KEY, UNIQUE and EXCLUDE (with an equality operator there).
 * It goes first: queries name it, and the index then serves them.
 */
export function keyFate(constraint: ConstraintDef, placement: Placement, hasBtreeGist: boolean): KeyFate {
  if (placement.kind !== 'distributed') return 'kept';
  if (constraint.kind === 'exclude') {
    if (equalityOn(constraint.definition, placement.column)) return 'kept';
    return hasBtreeGist || !/^EXCLUDE USING gist /.test(constraint.definition) ? 'widened' : 'dropped';
  }
  if (constraint.kind !== 'primary' && constraint.kind !== 'unique') return 'kept';
  return constraint.columns.includes(placement.column) ? 'kept' : 'widened';
}

/** `PRIMARY KEY (id)` → `PRIMARY KEY (namespace, id)`; EXCLUDE gets `namespace WITH =`. */
export function widenDefinition(constraint: ConstraintDef, column: string): string {
  const first = constraint.kind === 'exclude' ? `${quoteIdent(column)} WITH =` : quoteIdent(column);
  return constraint.definition.replace('(', () => `(${first}, `);
}

/** The index has to be given the distribution column to be unique per shard. */
export function isIndexWidened(index: IndexDef, placement: Placement): boolean {
  return index.unique && placement.kind === 'distributed' && !index.columns.includes(placement.column);
}

/** Names of the unique rules of a table that get the distribution column. */
export function widenedKeys(table: TableDef, placement: Placement, hasBtreeGist: boolean): string[] {
  const constraints = table.constraints.filter((one) => keyFate(one, placement, hasBtreeGist) === 'widened');
  const indexes = table.indexes.filter((one) => one.valid && isIndexWidened(one, placement));
  return [...constraints, ...indexes].map((one) => one.name);
}

/** An EXCLUDE's element list names the column with `=`; elements are split at top-level commas. */
function equalityOn(definition: string, column: string): boolean {
  const start = definition.indexOf('(');
  const elements: string[] = [];
  let depth = 0;
  let element = '';
  for (const token of definition.slice(start).match(/"(?:[^"]|"")*"|'(?:[^']|'')*'|[\s\S]/g) ?? []) {
    if (token === ')' && --depth === 0) break;
    if (token === ',' && depth === 1) {
      elements.push(element.trim());
      element = '';
    } else if (!(token === '(' && depth === 0)) {
      element += token;
    }
    if (token === '(') depth++;
  }
  elements.push(element.trim());
  return elements.some((one) => one.startsWith(`${quoteIdent(column)} `) && one.endsWith(' WITH ='));
}
