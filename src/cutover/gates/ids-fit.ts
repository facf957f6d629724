import { qualified, quoteIdent } from '../../core/names.js';
import type { Plan, TablePlan } from '../../core/plan-types.js';
import { misfit } from '../../verify/way-back.js';
import { type Finding, fails, type GateCheck, holds, some, unknown } from './gate.js';

/** A column that is narrower on the single node than on the cluster. */
export interface NarrowColumn {
  /** `table.column`. */
  readonly column: string;
  /** Its type on the single node. */
  readonly type: string;
  /** Some id on the cluster does not fit that. */
  readonly misfits: boolean;
  /** A sequence makes its values, on the workers from 2^48 times their group. */
  readonly generated: boolean;
}

export function assessIds(columns: readonly NarrowColumn[]): Finding {
  const list = (found: readonly NarrowColumn[]): string =>
    some(found.map(({ column, type }) => `${column} (${type})`));
  const beyond = columns.filter(({ misfits }) => misfits);
  if (beyond.length > 0)
    return fails(
      `the cluster holds ids that the single node cannot take back: ${list(beyond)}`,
      'Give these rows ids that fit, or widen the columns on the single node (ALTER COLUMN … TYPE bigint) and plan again; else there is no way back for them.',
    );
  const risky = columns.filter(({ generated }) => generated);
  if (risky.length > 0)
    return unknown(
      `ids that a worker makes would not fit the single node: ${list(risky)}`,
      'Widen them on the single node, too; or let applications connect to the coordinator alone, whose ids are small, and accept this gate.',
    );
  return holds('every id that the cluster can make fits the single node');
}

const NARROW = new Set(['smallint', 'integer']);

/** Pairs of a table and a column that the single node has in a narrower integer type. */
export function narrowColumns(
  plan: Plan,
): { table: TablePlan; column: string; type: string; generated: boolean }[] {
  const owned = new Set(
    plan.catalog.sequences.flatMap(({ ownedBy }) =>
      ownedBy === undefined ? [] : [`${qualified(ownedBy)}.${ownedBy.column}`],
    ),
  );
  return plan.tables.flatMap((table) => {
    const definition = plan.catalog.tables.find((one) => qualified(one) === qualified(table));
    return table.columns
      .filter(
        ({ origin, sourceType, targetType }) =>
          origin === 'own' && sourceType !== targetType && NARROW.has(sourceType),
      )
      .map(({ name, sourceType }) => ({
        table,
        column: name,
        type: sourceType,
        generated:
          owned.has(`${qualified(table)}.${name}`) ||
          definition?.columns.find((one) => one.name === name)?.default?.includes('nextval(') === true,
      }));
  });
}

export const idsFit: GateCheck = {
  gate: 'ids-fit',
  title: 'ids fit the single node again',
  directions: ['forward', 'reverse'],
  async check({ target, plan }) {
    const columns: NarrowColumn[] = [];
    for (const { table, column, type, generated } of narrowColumns(plan)) {
      const { misfits } = await target.session.one<{ misfits: boolean | null }>(
        `SELECT ${misfit(quoteIdent(column), type)} AS misfits FROM ${qualified(table)}`,
        `look for ids of ${table.table} that do not fit the single node`,
      );
      columns.push({
        column: `${table.table}.${quoteIdent(column)}`,
        type,
        misfits: misfits === true,
        generated: generated && target.kind === 'citus',
      });
    }
    return assessIds(columns);
  },
};
