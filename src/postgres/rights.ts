import type { Named } from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { displayName, quoteLiteral } from '../core/names.js';
import type { Queryable } from '../core/queryable.js';
import { sql } from './sql-files.js';

interface RightsRow extends Named {
  role: string;
  sequence: boolean;
  closed: boolean;
  unreadable: boolean;
  hidden: boolean;
  unlogged: boolean;
}

/**
 * Throws RIGHTS_MISSING, ROWS_HIDDEN or UNLOGGED_ON_STANDBY, naming everything at once, unless the role sees all rows
 * of all tables and where all sequences stand. Relations that do not exist are passed over.
 */
export async function requireReadable(session: Queryable, relations: readonly Named[]): Promise<void> {
  if (relations.length === 0) return;
  const names = relations.map(({ schema, name }) => `(${quoteLiteral(schema)}, ${quoteLiteral(name)})`);
  const rows = await session.query<RightsRow>(sql('postgres/rights', { relations: names.join(', ') }));
  const lost = rows.filter((row) => row.unlogged).map(displayName);
  if (lost.length > 0) {
    throw new MigrateError('UNLOGGED_ON_STANDBY', {
      message: `${session.server ?? 'The server'} is a standby, which has no rows of unlogged tables: ${lost.join(', ')}`,
      context: { tables: lost },
    });
  }
  if (rows.length === 0) return;
  const at = `${rows[0]!.role} on ${session.server ?? 'the server'}`;
  const missing = [
    ...new Set(rows.filter((row) => row.closed).map((row) => `USAGE on schema ${row.schema}`)),
    ...rows
      .filter((row) => row.unreadable)
      .map((row) => `SELECT on ${row.sequence ? 'sequence ' : ''}${displayName(row)}`),
  ];
  if (missing.length > 0) {
    throw new MigrateError('RIGHTS_MISSING', {
      message: `Role ${at} lacks: ${missing.join(', ')}`,
      context: { missing },
    });
  }
  const hidden = rows.filter((row) => row.hidden).map(displayName);
  if (hidden.length > 0) {
    throw new MigrateError('ROWS_HIDDEN', {
      message: `Row-level security would hide rows from role ${at}: ${hidden.join(', ')}`,
      context: { tables: hidden },
    });
  }
}
