import type { Database } from '../citus/database.js';
import { qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import { sql } from '../postgres/sql-files.js';
import { sqlState } from '../postgres/sqlstate.js';
import { type Check, keyText, ruleChecks, valueChecks } from './way-back-checks.js';
import { readKept } from './way-back-kept.js';
import { uniqueObstacles } from './way-back-unique.js';

/** Rows of the target that the source cannot take. */
export interface Obstacle {
  readonly table: string;
  readonly columns: readonly string[];
  /** What is wrong with them, as a sentence without its subject. */
  readonly reason: string;
  /** How many; null: one of them keeps the others from being looked at. */
  readonly rows: number | null;
  /** Keys of some of them, as text. */
  readonly keys: readonly string[];
}

/** Keys that are told of one obstacle. */
const SHOWN = 10;

export interface WayBackScope {
  readonly source: Database;
  readonly target: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
}

/**
 * What would keep rows of the target from going back, before anything is moved: values that the source's narrower
 * types do not hold, rows that break a rule of the source which the target does not keep, and values that are there
 * more than once because the target keeps them apart only within one value of the distribution column. Reads whole
 * tables, but only those for which the target's own schema does not answer. Exclusion constraints are not looked at.
 */
export async function findObstacles(scope: WayBackScope): Promise<Obstacle[]> {
  const { target, tables, plan } = scope;
  const kept = await readKept(target.session);
  const found: Obstacle[] = [];
  for (const table of tables) {
    const checks = [...valueChecks(table), ...ruleChecks(table, plan, kept)];
    if (checks.length > 0) found.push(...(await look(target, table, checks)));
  }
  return [...found, ...(await uniqueObstacles(scope, SHOWN))];
}

async function look(target: Database, table: TablePlan, checks: readonly Check[]): Promise<Obstacle[]> {
  const from = `FROM ${qualified(table)} t`;
  const found: Obstacle[] = [];
  for (const { columns, reason, condition, given = '' } of checks) {
    const told = { table: table.table, columns, reason };
    try {
      const { rows } = await target.session.one<{ rows: string }>(
        `${given}SELECT count(*)::text AS rows ${from} WHERE ${condition}`,
        `look for rows of ${table.table} that do not fit the source`,
      );
      if (rows === '0') continue;
      const statement = `${given}${sql('cutover/some-keys', { text: keyText(table), from, condition, shown: SHOWN })}`;
      const keys = await target.session.query<{ key: string }>(statement);
      found.push({ ...told, rows: Number(rows), keys: keys.map((each) => each.key) });
    } catch (error) {
      // A value that cannot even be cast.
      if (sqlState(error)?.startsWith('22') !== true) throw error;
      found.push({ ...told, rows: null, keys: [] });
    }
  }
  return found;
}
