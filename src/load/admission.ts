import type { Database } from '../citus/database.js';
import type { Named } from '../core/catalog-types.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified, quoteLiteral } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { Ledger } from '../ledger/ledger.js';
import { LOCK_TIMES, settleLanes } from '../ledger/run-lock.js';
import type { Direction } from '../plan/projection.js';
import { sql } from '../postgres/sql-files.js';
import { holdsRows, refuseForeign, requireColumns } from './preflight.js';

interface StandingRow extends Named {
  role: string;
  database: string;
  mayCreateSchema: boolean;
  exists: boolean;
  schemaClosed: boolean;
  schemaMissing: boolean;
  foreign: boolean;
}

const LEDGER: readonly Named[] = [
  { schema: 'citus_migrate', name: 'load' },
  { schema: 'citus_migrate', name: 'chunk' },
];

/**
 * The tables among `tables` that exist. Throws RIGHTS_MISSING with everything at once that the role lacks to make
 * `relations` and to work on those that exist: their owner alone can build what comes after the rows.
 */
export async function requireWritable(
  writer: Database,
  tables: readonly TablePlan[],
  relations: readonly Named[] = tables,
): Promise<TablePlan[]> {
  if (relations.length === 0) return [];
  const names = relations.map(({ schema, name }) => `(${quoteLiteral(schema)}, ${quoteLiteral(name)})`);
  const rows = await writer.session.query<StandingRow>(
    sql('load/standing', { relations: names.join(', ') }),
    'check the rights',
  );
  const [{ role, database, mayCreateSchema }] = rows as [StandingRow, ...StandingRow[]];
  const needsSchema = rows.some((row) => row.schemaMissing || row.schema === 'citus_migrate');
  const missing = new Set([
    ...(needsSchema && !mayCreateSchema ? [`CREATE on database ${database}`] : []),
    ...rows.filter((row) => row.schemaClosed && !row.exists).map((row) => `CREATE on schema ${row.schema}`),
    ...rows.filter((row) => row.foreign).map((row) => `ownership of table ${displayName(row)}`),
  ]);
  if (missing.size > 0) {
    throw new MigrateError('RIGHTS_MISSING', {
      message: `Role ${role} on ${writer.options.side} lacks: ${[...missing].join(', ')}`,
      context: { missing: [...missing] },
    });
  }
  const existing = new Set(rows.filter((row) => row.exists).map(qualified));
  return tables.filter((table) => existing.has(qualified(table)));
}

export interface Admission {
  readonly writer: Database;
  readonly tables: readonly TablePlan[];
  readonly direction: Direction;
  readonly loadId: string;
  /** Rows will come, and the tables are not emptied before. */
  readonly keepsRows: boolean;
  /** Rows may go straight into shards. */
  readonly lanes: boolean;
  readonly log: Context['log'];
  readonly fail: Context['fail'];
  /** See LoadRequest. */
  readonly stallMs?: number;
}

/** A link that is given up sooner than by default is so for the lock too. */
const lockTimes = (stallMs = Number.POSITIVE_INFINITY) =>
  stallMs < LOCK_TIMES.stallMs ? { stallMs, beatMs: Math.min(stallMs, LOCK_TIMES.beatMs) } : {};

/**
 * Locks the target for this run, and only when nothing is found that would refuse it later makes the ledger there.
 * Throws RUN_LOCKED, RIGHTS_MISSING, TARGET_TABLE_DIFFERS or TARGET_NOT_EMPTY before anything is written.
 */
export async function admit(admission: Admission): Promise<Ledger> {
  const { writer, tables, direction, loadId, keepsRows, lanes, log, fail, stallMs } = admission;
  const ledger = await Ledger.lock(writer, { log, ...lockTimes(stallMs) });
  try {
    const existing = await requireWritable(writer, tables, [...tables, ...LEDGER]);
    await requireColumns(writer, existing, direction);
    if (lanes) await settleLanes(writer, log);
    if (keepsRows) {
      const filled: TablePlan[] = [];
      for (const table of existing) if (await holdsRows(writer.session, table)) filled.push(table);
      const loaded = [...(await ledger.chunks()), ...(await ledger.begun(loadId))];
      const mine = new Set(loaded.filter((row) => row.loadId === loadId).map((row) => row.table));
      refuseForeign(
        writer,
        filled.map((table) => table.table).filter((table) => !mine.has(table)),
      );
    }
    await ledger.create(lanes, fail);
    return ledger;
  } catch (error) {
    await ledger.close();
    throw error;
  }
}
