import type { Database } from '../citus/database.js';
import { MigrateError } from '../core/errors.js';
import { qualified, quoteLiteral } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Ledger } from '../ledger/ledger.js';
import { holdsRows } from '../load/preflight.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { CapturedRow } from './state.js';

/** Up to this size a table that nobody copied is brought by the first pass, bytes on the source. */
const SMALL_TABLE = 16 * 1024 * 1024;

interface CopiedCheck {
  /** On the source. */
  readonly control: Session;
  readonly target: Database;
  readonly ledger: Ledger;
  readonly captured: readonly CapturedRow[];
  /** The captured tables, in the same order. */
  readonly tables: readonly TablePlan[];
}

/**
 * Throws COPIED_TOO_EARLY, naming every such table, where rows on the target were read before changes were captured,
 * or where it cannot be told. Returns the ids of tables that have no rows there yet and are to be brought whole.
 */
export async function requireCopied({
  control,
  target,
  ledger,
  captured,
  tables,
}: CopiedCheck): Promise<Set<number>> {
  const chunks = await ledger.chunks();
  const whole = new Set<number>();
  const early: string[] = [];
  for (const [index, row] of captured.entries()) {
    const table = tables[index]!;
    const mine = chunks.filter((chunk) => chunk.table === table.table);
    const seen = new Set(mine.map(({ source }) => (source as { visible?: string } | null)?.visible ?? ''));
    if (seen.has('')) early.push(table.table);
    else if (seen.size > 0) {
      const { covered } = await control.one<{ covered: boolean }>(
        sql('dualwrite/covered', { since: row.since ?? '', seen: [...seen].map(quoteLiteral).join(', ') }),
        'look when rows were copied',
      );
      if (!covered) early.push(table.table);
    } else if (!row.followed) {
      const { bytes } = await control.one<{ bytes: string }>(
        sql('dualwrite/table-bytes', { table: qualified(table) }),
      );
      if (Number(bytes) > SMALL_TABLE || (await holdsRows(target.session, table))) early.push(table.table);
      else whole.add(row.id);
    }
  }
  if (early.length === 0) return whole;
  throw new MigrateError('COPIED_TOO_EARLY', {
    message: `Of these tables nobody can tell that every change since their copy was captured: ${early.join(', ')}`,
    context: { tables: early },
  });
}
