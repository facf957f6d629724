import { applyingOn } from '../citus/applying.js';
import type { Database } from '../citus/database.js';
import type { Named } from '../core/catalog-types.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { plural } from '../core/format.js';
import { displayName, qualified, quoteLiteral } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Direction } from '../plan/projection.js';
import { targetCatalog } from '../plan/target-catalog.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** Display names of the tables that have to be emptied along with `tables`: foreign keys lead from them to those. */
export async function referencing(writer: Database, tables: readonly Named[]): Promise<string[]> {
  if (tables.length === 0) return [];
  const names = tables.map(({ schema, name }) => `(${quoteLiteral(schema)}, ${quoteLiteral(name)})`);
  const rows = await writer.session.query<Named>(
    sql('load/referencing', { tables: names.join(', ') }),
    'read the foreign keys',
  );
  return rows.map(displayName);
}

/** An index that a load may drop while its table is empty. */
export interface DroppableIndex extends Named {
  readonly method: string;
  /** See IndexDef. */
  readonly tail: string;
  readonly table: Named;
}

/**
 * The planned indexes of `tables` that `--truncate` drops along with the rows when the last phase, which makes them
 * again, follows: an HNSW index costs four to five times as much when the load maintains it. Not unique ones, on
 * which foreign keys may lean, and none of partitioned tables.
 */
export function droppableIndexes(
  plan: Plan,
  direction: Direction,
  tables: readonly Named[],
): DroppableIndex[] {
  const chosen = new Set(tables.map(qualified));
  const catalog = direction === 'reverse' ? plan.catalog : targetCatalog(plan);
  return catalog.tables
    .filter((table) => chosen.has(qualified(table)) && table.kind === 'table')
    .flatMap((table) =>
      table.indexes
        .filter(({ unique, valid }) => valid && !unique)
        .map(({ name, method, tail }) => ({ schema: table.schema, name, method, tail, table })),
    );
}

/** Those of them that stand on the target exactly as planned. */
async function rebuilt(session: Session, planned: readonly DroppableIndex[]): Promise<Named[]> {
  if (planned.length === 0) return [];
  const rows = planned.map(
    ({ schema, name, table, method, tail }) =>
      `(${[schema, name, qualified(table), method, tail].map(quoteLiteral).join(', ')})`,
  );
  return session.query<Named>(
    sql('load/rebuilt-indexes', { planned: rows.join(', ') }),
    'look for the planned indexes',
  );
}

/**
 * Empties `tables`, drops those of `indexes` that stand as planned, and forgets what was loaded, in one transaction.
 * Throws TARGET_NOT_EMPTY when tables that are not among them refer to them: PostgreSQL empties such tables only
 * together.
 */
export async function truncateTables(
  writer: Database,
  ledger: Ledger,
  tables: readonly TablePlan[],
  indexes: readonly DroppableIndex[],
  { log, fail }: Pick<Context, 'log' | 'fail'>,
): Promise<void> {
  if (tables.length === 0) return;
  const names = tables.map((table) => table.table);
  const others = await referencing(writer, tables);
  if (others.length > 0) {
    throw new MigrateError('TARGET_NOT_EMPTY', {
      message: `Foreign keys lead from ${others.join(', ')} to the tables that are to be emptied`,
      hint: `Empty and load them together: --tables ${[...names, ...others].join(',')}`,
      context: { tables: others },
    });
  }
  // First what lanes remember: rows without a ledger are refused later, a ledger without rows would lose some.
  await ledger.forgetLanes(names, fail);
  const { session } = writer;
  await session.transaction(async () => {
    for (const setting of applyingOn(writer.kind)) await session.query(setting);
    await session.query(`TRUNCATE ${tables.map(qualified).join(', ')}`, 'empty the tables');
    const dropped = await rebuilt(session, indexes);
    // Citus takes one at a time.
    for (const index of dropped) await session.query(`DROP INDEX ${qualified(index)}`, 'drop an index');
    if (dropped.length > 0)
      log.info(
        `Dropped ${plural(dropped.length, 'index')}, to be built again after the rows: ${dropped.map(displayName).join(', ')}`,
      );
    await ledger.forget(session, names);
    await fail('truncate: after the tables and the ledger, before the commit');
  });
  await fail('truncate: after the commit');
}
