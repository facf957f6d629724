import { logOf } from '../dualwrite/names.js';
import { isProbe } from '../dualwrite/probe-tables.js';
import { readCaptured, readState } from '../dualwrite/state.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** Changes that were captured on this one node and have not been applied on the other side; null: nothing captures. */
export async function pendingOn(session: Session): Promise<number | null> {
  const state = await readState(session);
  if (state?.drained == null) return null;
  let changes = 0;
  for (const { id, table } of await readCaptured(session)) {
    if (isProbe(table)) continue;
    const row = await session.one<{ changes: string }>(
      sql('dualwrite/pending', { id, log_1: logOf(id, 1), log_2: logOf(id, 2), drained: state.drained }),
      'read the change log',
    );
    changes += Number(row.changes);
  }
  return changes;
}
