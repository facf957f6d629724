import type { Database } from '../citus/database.js';
import type { Named } from '../core/catalog-types.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified, quoteLiteral } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Ledger } from '../ledger/ledger.js';
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

/**
 * Empties `tables` and forgets what was loaded into them, in one transaction. Throws TARGET_NOT_EMPTY when tables
 * that are not among them refer to them: PostgreSQL empties such tables only together.
 */
export async function truncateTables(
  writer: Database,
  ledger: Ledger,
  tables: readonly TablePlan[],
  { fail }: Pick<Context, 'fail'>,
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
  await writer.session.transaction(async () => {
    await writer.session.query(`TRUNCATE ${tables.map(qualified).join(', ')}`, 'empty the tables');
    await ledger.forget(writer.session, names);
    await fail('truncate: after the tables and the ledger, before the commit');
  });
  await fail('truncate: after the commit');
}
