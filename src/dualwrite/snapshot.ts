import { MigrateError } from '../core/errors.js';

import { isState, type Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { logOf } from './names.js';
import { brokenTriggers, changedShapes, readShapes } from './shape.js';
import { LOCK_WAIT_MS } from './short-lock.js';
import { type CapturedRow, type CaptureState, missingShim, readState, whyDropped } from './state.js';

/** Changes of one table that wait to be applied. */
export interface Pending {
  readonly id: number;
  readonly changes: number;
  readonly truncated: boolean;
}

/** The writing side as one moment saw it; the session's transaction holds it. */
export interface SourceMoment {
  /** pg_current_snapshot() as text. */
  readonly visible: string;
  /** Name for SET TRANSACTION SNAPSHOT, as long as the transaction lasts. */
  readonly exported: string;
  readonly state: CaptureState & { readonly drained: string };
  readonly pending: readonly Pending[];
  readonly changes: number;
  /** Age of the oldest change that waits, seconds; 0 when none does. */
  readonly seconds: number;
}

const UNDEFINED_TABLE = '42P01';

/** Throws SCHEMA_DRIFT naming every change, or CAPTURE_LOST naming triggers that did not always fire. */
export async function requireShapes(session: Session, captured: readonly CapturedRow[]): Promise<void> {
  const now = await readShapes(
    session,
    captured.map(({ table }) => table),
  );
  const changes = changedShapes(
    captured.flatMap(({ shape }) => shape),
    now,
  );
  if (changes.length > 0) {
    throw new MigrateError('SCHEMA_DRIFT', {
      message: `Captured tables are not what they were when the shim was installed: ${changes.join('; ')}`,
      context: { changes },
    });
  }
  const broken = brokenTriggers(now);
  if (broken.length > 0) {
    throw new MigrateError('CAPTURE_LOST', {
      message: `Changes may not have been captured: ${broken.join('; ')}`,
      context: { triggers: broken },
    });
  }
}

export function requireCapturing(state: CaptureState): asserts state is CaptureState & { drained: string } {
  const reason = whyDropped(state);
  if (reason !== undefined)
    throw new MigrateError('CAPTURE_LOST', { message: `Changes were lost: ${reason}` });
  if (state.drained === null) {
    throw new MigrateError('SHIM_MISSING', {
      message: 'The install of the shim was never finished',
      hint: 'Repeat `migrate shim install`, and copy afterwards.',
    });
  }
}

interface PendingRow {
  id: number;
  changes: string;
  at: string | null;
}

/**
 * Begins a read-only transaction at one moment, behind ACCESS SHARE locks: TRUNCATE, which no snapshot keeps away,
 * and changes of the schema wait until it ends, so what is checked here holds for all of it. It gives up before a
 * deadlock would be looked for, so that no transaction of the application is ended on its account.
 */
export async function openMoment(
  session: Session,
  captured: readonly CapturedRow[],
  searchPath: string,
): Promise<SourceMoment> {
  try {
    await session.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = ${LOCK_WAIT_MS}; SET LOCAL search_path = ${searchPath}`,
    );
    await session.query(
      `LOCK TABLE ${captured.map(({ table }) => table).join(', ')} IN ACCESS SHARE MODE`,
      'lock the captured tables',
    );
  } catch (error) {
    if (!isState(error, UNDEFINED_TABLE)) throw error;
    await session.query('ROLLBACK');
    await requireShapes(session, captured);
    throw error;
  }
  const { visible, exported } = await session.one<{ visible: string; exported: string }>(
    'SELECT pg_current_snapshot()::text AS visible, pg_export_snapshot() AS exported',
    'read the moment of the pass',
  );
  const state = await readState(session);
  if (state === undefined) throw missingShim(session.server);
  requireCapturing(state);
  await requireShapes(session, captured);
  const { drained } = state;
  const rows = await session.query<PendingRow>(
    captured
      .map(({ id }) =>
        sql('dualwrite/pending', { id, log_1: logOf(id, 1), log_2: logOf(id, 2), drained }).trim(),
      )
      .join('\nUNION ALL\n'),
    'read the change log',
  );
  const truncations = await session.query<{ id: number; at: string }>(
    sql('dualwrite/truncations', { drained }),
    'read the change log',
  );
  const ids = new Set(captured.map(({ id }) => id));
  const truncated = new Set(truncations.map(({ id }) => id).filter((id) => ids.has(id)));
  const pending = rows.map(({ id, changes }) => ({
    id,
    changes: Number(changes),
    truncated: truncated.has(id),
  }));
  const ages = [...rows.map(({ at }) => Number(at ?? 0)), ...truncations.map(({ at }) => Number(at))];
  return {
    visible,
    exported,
    state,
    pending,
    changes: pending.reduce((sum, each) => sum + each.changes, truncated.size),
    seconds: Math.max(0, ...ages),
  };
}
