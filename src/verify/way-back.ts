import { displayName, qualified, quoteIdent } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { SchemaResult } from '../core/verification.js';
import type { Session } from '../postgres/session.js';
import type { SameValues } from './trusted.js';

const BOUNDS: Readonly<Record<string, readonly [min: string, max: string]>> = {
  smallint: ['-32768', '32767'],
  integer: ['-2147483648', '2147483647'],
};

/** SQL, an aggregate: some value of the column does not fit `type`. Types without bounds: false. */
export function misfit(column: string, type: string | undefined): string {
  const bounds = type === undefined ? undefined : BOUNDS[type];
  return bounds === undefined ? 'false' : `bool_or(${column} < ${bounds[0]} OR ${column} > ${bounds[1]})`;
}

/**
 * Columns of the target that hold numbers which the narrower type of the single node cannot take back. Those whose
 * values a sequence makes are the sequences' affair.
 */
export async function checkWayBack(
  session: Session,
  plan: Plan,
  tables: readonly TablePlan[],
  same: SameValues,
): Promise<SchemaResult[]> {
  const results: SchemaResult[] = [];
  const except = sequenceColumns(plan);
  for (const table of tables) {
    const narrow = table.columns.filter(
      (column) =>
        column.origin === 'own' &&
        column.targetType !== column.sourceType &&
        BOUNDS[column.sourceType] !== undefined &&
        !except.has(`${qualified(table)}.${column.name}`) &&
        // What the single node holds fits it.
        !same(table.table, [column.name]),
    );
    if (narrow.length === 0) continue;
    const list = narrow.map(
      ({ name, sourceType }, at) => `${misfit(quoteIdent(name), sourceType)} AS m${at}`,
    );
    const row = await session.one<Record<string, boolean | null>>(
      `SELECT ${list.join(', ')} FROM ${qualified(table)}`,
      `look for values of ${table.table} that do not fit the single node`,
    );
    narrow.forEach(({ name, sourceType }, at) => {
      if (row[`m${at}`] !== true) return;
      results.push({
        kind: 'column',
        object: `column ${quoteIdent(name)} of ${displayName(table)}`,
        verdict: 'mismatch',
        detail: `holds values that do not fit ${sourceType}, its type on the single node`,
      });
    });
  }
  return results;
}

/** Columns whose values come from a sequence: their ids are told with it. */
function sequenceColumns(plan: Plan): Set<string> {
  const owned = plan.catalog.sequences.flatMap(({ ownedBy }) =>
    ownedBy === undefined ? [] : [`${qualified(ownedBy)}.${ownedBy.column}`],
  );
  const defaults = plan.catalog.tables.flatMap((table) =>
    table.columns
      .filter((column) => /\bnextval\(/.test(column.default ?? ''))
      .map((column) => `${qualified(table)}.${column.name}`),
  );
  return new Set([...owned, ...defaults]);
}
