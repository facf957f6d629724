import { MigrateError } from '../core/errors.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { Segment } from './names.js';
import type { RelationShape } from './shape.js';

export type LogPolicy = 'warn' | 'drop';

export interface CaptureState {
  readonly installedAt: string;
  /** pg_snapshot as text: what it sees has been applied. null: the first install was never finished. */
  readonly drained: string | null;
  /** The database that changes are applied to; null before the first pass. */
  readonly target: string | null;
  readonly limitBytes: number;
  readonly policy: LogPolicy;
  /** Capture was dropped: the log reached its limit, or a tracked column was changed. */
  readonly dropped: 'limit' | 'column' | null;
  readonly segment: Segment;
}

export interface CapturedRow {
  readonly id: number;
  /** Qualified name. */
  readonly table: string;
  readonly tracked: readonly string[];
  /** pg_snapshot as text: what it does not see has been captured. null: the install was interrupted. */
  readonly since: string | null;
  /** Digest of the loaded chunks for which a pass has found all rows on the target; null: none has. */
  readonly proven: string | null;
  readonly shape: readonly RelationShape[];
}

/** Advisory lock key of whoever installs, removes or drains on a source: "cmis" as a number. */
const SHIM_KEY = 0x63_6d_69_73;

/** Keeps others from working on this shim as long as the session lives. Throws RUN_LOCKED. */
export async function lockShim(session: Session): Promise<void> {
  const { locked } = await session.one<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock(${SHIM_KEY}) AS locked`,
  );
  if (locked) return;
  throw new MigrateError('RUN_LOCKED', {
    message: `Another run works with the shim on ${session.server}`,
    hint: 'Wait for it, or stop it: only one can apply or change what is captured.',
  });
}

/** undefined: there is no shim. */
export async function readState(session: Session): Promise<CaptureState | undefined> {
  const { installed } = await session.one<{ installed: boolean }>(sql('dualwrite/installed'));
  if (!installed) return undefined;
  const [row] = await session.query<Omit<CaptureState, 'limitBytes'> & { limitBytes: string }>(
    sql('dualwrite/state'),
    'read the state of the shim',
  );
  return row && { ...row, limitBytes: Number(row.limitBytes) };
}

export function readCaptured(session: Session): Promise<CapturedRow[]> {
  return session.query<CapturedRow>(sql('dualwrite/captured'), 'read the captured tables');
}

/** Why nothing is captured any more; undefined: it is. */
export function whyDropped({ dropped, limitBytes }: CaptureState): string | undefined {
  if (dropped === null) return undefined;
  return dropped === 'limit'
    ? `the change log reached its limit of ${limitBytes} bytes, and capture was dropped as its policy says`
    : 'a column by which changes are captured was changed, and capture was dropped so that no statement would fail';
}

export function missingShim(server: string): MigrateError {
  return new MigrateError('SHIM_MISSING', { message: `There is no shim on ${server}` });
}
