import { createHash } from 'node:crypto';
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

export interface Copied {
  /** Ids of tables that have no rows on the target yet and are to be brought whole. */
  readonly whole: Set<number>;
  /** Id → what to remember of a table once a pass has found all its rows on the target. */
  readonly unproven: Map<number, string>;
}

/**
 * Throws COPIED_TOO_EARLY, naming every such table, where rows on the target were read before changes were captured,
 * or where it cannot be told. That a copy was finished is
 * seen by the first pass alone, which counts.
 */
export async function requireCopied({
  control,
  target,
  ledger,
  captured,
  tables,
}: CopiedCheck): Promise<Copied> {
  const chunks = await ledger.chunks();
  const whole = new Set<number>();
  const unproven = new Map<number, string>();
  const early: string[] = [];
  for (const [index, row] of captured.entries()) {
    const table = tables[index]!;
    const mine = chunks.filter((chunk) => chunk.table === table.table);
    const names = mine.map(({ loadId, chunk }) => `${loadId}\n${chunk}`).sort();
    const proof = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 32);
    if (proof !== row.proven) unproven.set(row.id, proof);
    const seen = new Set(mine.map(({ source }) => (source as { visible?: string } | null)?.visible ?? ''));
    if (seen.has('')) early.push(table.table);
    else if (seen.size > 0) {
      const { covered } = await control.one<{ covered: boolean }>(
        sql('dualwrite/covered', { since: row.since ?? '', seen: [...seen].map(quoteLiteral).join(', ') }),
        'look when rows were copied',
      );
      if (!covered) early.push(table.table);
    } else if (row.proven === null) {
      const { bytes } = await control.one<{ bytes: string }>(
        sql('dualwrite/table-bytes', { table: qualified(table) }),
      );
      if (Number(bytes) > SMALL_TABLE || (await holdsRows(target.session, table))) early.push(table.table);
      else whole.add(row.id);
    }
  }
  if (early.length === 0) return { whole, unproven };
  throw new MigrateError('COPIED_TOO_EARLY', {
    message: `Of these tables nobody can tell that every change since their copy was captured: ${early.join(', ')}`,
    context: { tables: early },
  });
}
