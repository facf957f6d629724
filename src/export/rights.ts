import type { Named } from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { qualified, quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** Throws RIGHTS_MISSING or ROWS_HIDDEN, naming every table at once, unless the role sees all rows of all tables. */
export async function requireReadable(session: Session, relations: readonly Named[]): Promise<void> {
  if (relations.length === 0) return;
  const rows = await session.query<{ missing: string; hidden: boolean }>(
    sql('export/rights', { relations: relations.map((name) => quoteLiteral(qualified(name))).join(', ') }),
    'check the rights',
  );
  if (rows.length === 0) return;
  const hidden = rows.every((row) => row.hidden);
  const list = rows.map((row) => row.missing);
  throw new MigrateError(hidden ? 'ROWS_HIDDEN' : 'RIGHTS_MISSING', {
    message: hidden
      ? `Row-level security would hide rows from this role on ${session.server}: ${list.join(', ')}`
      : `The role on ${session.server} lacks: ${list.join(', ')}`,
    context: { missing: list },
  });
}
