import { MigrateError } from '../core/errors.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { Statement } from './statements.js';

/**
 * The statements that took most time in all, as pg_stat_statements of this server has them: with $1, $2, … where
 * constants stood. Throws STATEMENTS_MISSING without the extension or any statement, RIGHTS_MISSING.
 */
export async function topStatements(session: Session, count: number): Promise<Statement[]> {
  const [found] = await session.query<{ view: string; mayRead: boolean }>(
    sql('queries/statistics-view'),
    'look for pg_stat_statements',
  );
  if (found === undefined) {
    throw new MigrateError('STATEMENTS_MISSING', {
      message: `There is no extension pg_stat_statements in the database of ${session.server}`,
      hint: 'CREATE EXTENSION pg_stat_statements there (shared_preload_libraries has to load it); or write the statements into a file for --file.',
    });
  }
  if (!found.mayRead) {
    throw new MigrateError('RIGHTS_MISSING', {
      message: `The role may not see the statements of others on ${session.server}`,
      hint: 'GRANT pg_read_all_stats to it, or name a file with --file.',
    });
  }
  const rows = await session.query<{ text: string; calls: string }>(
    sql('queries/top', { view: found.view, count }),
    'read pg_stat_statements',
  );
  if (rows.length === 0) {
    throw new MigrateError('STATEMENTS_MISSING', {
      message: `pg_stat_statements of ${session.server} has no statement of this database yet`,
    });
  }
  return rows.map(({ text, calls }, at) => ({ name: `top ${at + 1}`, text, calls }));
}
