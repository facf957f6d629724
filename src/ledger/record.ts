import type { Database } from '../citus/database.js';
import { mayFollow, type Phase } from '../core/phases.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** Facts for the reader as JSON: names, numbers and verdicts, never row values and never secrets. */
export type Detail = Readonly<Record<string, unknown>>;

export interface PhaseRow {
  readonly id: string;
  /** By the clock of the node that keeps the record: `2026-01-31 12:00:00.123456+00`. */
  readonly at: string;
  readonly runId: string;
  readonly phase: Phase;
  readonly detail: Detail;
}

export interface EvidenceRow {
  readonly id: string;
  readonly at: string;
  readonly runId: string;
  readonly kind: string;
  readonly detail: Detail;
}

/** Makes the record on this node: for commands that are meant to write to it. */
export async function createRecord(session: Session): Promise<void> {
  const { record } = await standing(session);
  if (!record) await session.query(sql('ledger/record-create'), 'create the record of the run');
}

const standing = (session: Session): Promise<{ record: boolean; ledger: boolean }> =>
  session.one(sql('ledger/record-standing'), 'look for the record of the run');

export async function hasRecord(session: Session): Promise<boolean> {
  return (await standing(session)).record;
}

/** Throws where there is no record: call `createRecord` before, in a command that is meant to write here. */
export async function recordEvidence(session: Session, kind: string, detail: Detail): Promise<void> {
  await session.query(
    sql('ledger/add-evidence', { kind, detail: JSON.stringify(detail) }),
    'write the record of the run',
  );
}

/** In the order in which it was written; of every kind, or of one. None where there is no record. */
export async function readEvidence(session: Session, kind = ''): Promise<EvidenceRow[]> {
  if (!(await hasRecord(session))) return [];
  return session.query<EvidenceRow>(sql('ledger/evidence', { kind }), 'read the record of the run');
}

/** In the order in which they were recorded. None where there is no record. */
export async function readPhases(session: Session): Promise<PhaseRow[]> {
  if (!(await hasRecord(session))) return [];
  return session.query<PhaseRow>(sql('ledger/phases'), 'read the record of the run');
}

/** undefined: none was recorded here. */
export async function currentPhase(session: Session): Promise<PhaseRow | undefined> {
  return (await readPhases(session)).at(-1);
}

/**
 * Records a phase that may follow the one that holds; of others nothing is written, and false is returned: a command
 * that is repeated later, such as `sync` during the ramp, does not set the migration back.
 */
export async function recordPhase(session: Session, phase: Phase, detail: Detail = {}): Promise<boolean> {
  const last = await currentPhase(session);
  if (last !== undefined && !mayFollow(last.phase, phase)) return false;
  await session.query(
    sql('ledger/add-phase', { phase, detail: JSON.stringify(detail) }),
    'write the record of the run',
  );
  return true;
}

/** What a command has to say about its run. */
export interface Note {
  readonly phase?: Phase;
  readonly evidence?: { readonly kind: string; readonly detail: Detail };
}

/**
 * For commands that are not there to write here: notes what they did where the migration has left its ledger or a
 * record before, and nowhere else. Also over a connection that is read-only otherwise. Returns whether it was noted.
 */
export async function noteRun(database: Database, note: Note): Promise<boolean> {
  if (database.facts.standby) return false;
  const session = await database.connect();
  try {
    const found = await standing(session);
    if (!found.record && !found.ledger) return false;
    await session.query('SET default_transaction_read_only = off');
    await session.transaction(async () => {
      if (!found.record) await createRecord(session);
      const { phase, evidence } = note;
      if (evidence !== undefined) await recordEvidence(session, evidence.kind, evidence.detail);
      if (phase !== undefined) await recordPhase(session, phase, evidence?.detail);
    });
    return true;
  } finally {
    await session.close();
  }
}
