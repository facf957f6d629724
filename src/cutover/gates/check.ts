import type { Context } from '../../core/context.js';
import { MigrateError, throwIfAborted } from '../../core/errors.js';
import { recordEvidence } from '../../ledger/record.js';
import type { Session } from '../../postgres/session.js';
import { backup } from './backup.js';
import { connections } from './connections.js';
import { disk } from './disk.js';
import { type Finding, type GateCheck, type GateRequest, type GateVerdict, unknown } from './gate.js';
import { idsFit } from './ids-fit.js';
import { inDoubt } from './in-doubt.js';
import { indexes } from './indexes.js';
import { lag } from './lag.js';
import { longTransactions } from './long-transactions.js';
import { moves } from './moves.js';
import { planUnchanged } from './plan-unchanged.js';
import { reverseCapture } from './reverse-capture.js';
import { sequences } from './sequences.js';
import { standbyLag } from './standby-lag.js';
import { verified } from './verified.js';
import { workers } from './workers.js';

/** Every gate, in the order in which they are told. */
export const GATES: readonly GateCheck[] = [
  planUnchanged,
  verified,
  lag,
  reverseCapture,
  idsFit,
  sequences,
  indexes,
  inDoubt,
  moves,
  workers,
  standbyLag,
  connections,
  longTransactions,
  disk,
  backup,
];

export interface Gate {
  readonly gate: string;
  readonly verdict: GateVerdict;
  /** What the verdict rests on. */
  readonly evidence: string;
  /** What makes it hold; absent where it does. */
  readonly remedy?: string;
  /** Why the operator goes on all the same. */
  readonly reason?: string;
}

/** Gate → why it is accepted. Throws USAGE for a name that is none. */
export type Accepted = Readonly<Record<string, string>>;

export function refuseUnknown(accepted: Accepted): void {
  const names = GATES.map(({ gate }) => gate);
  const other = Object.keys(accepted).filter((gate) => !names.includes(gate));
  if (other.length === 0) return;
  throw new MigrateError('USAGE', {
    message: `There is no gate ${other.join(', ')}`,
    hint: `Gates: ${names.join(', ')}.`,
  });
}

/** What could not be looked at is not known; only a stop, and a bug, end the whole. */
async function look(check: GateCheck, request: GateRequest, context: Context): Promise<Finding> {
  try {
    return await check.check(request, context);
  } catch (error) {
    throwIfAborted(context.signal);
    if (!(error instanceof MigrateError) || error.code === 'INTERNAL') throw error;
    return unknown(error.message, error.hint);
  }
}

/**
 * Looks at every gate of the direction. Reads only, one gate after the other over the sessions that both sides have
 * open already: a server that is short of connections is looked at, too.
 */
export async function checkGates(
  request: GateRequest,
  accepted: Accepted,
  context: Context,
): Promise<Gate[]> {
  refuseUnknown(accepted);
  const gates: Gate[] = [];
  for (const check of GATES.filter(({ directions }) => directions.includes(request.direction))) {
    throwIfAborted(context.signal);
    const { gate } = check;
    const finding = await look(check, request, context);
    const reason = accepted[gate];
    gates.push(
      finding.verdict === 'holds' || reason === undefined
        ? { gate, ...finding }
        : { gate, ...finding, verdict: 'accepted', reason },
    );
  }
  return gates;
}

/** Whether writes may move: each gate holds or is accepted. */
export const gatesHold = (gates: readonly Gate[]): boolean =>
  gates.every(({ verdict }) => verdict === 'holds' || verdict === 'accepted');

/** Records what every gate said, and by itself each that was accepted: that is never forgotten. */
export async function recordGates(
  session: Session,
  direction: GateRequest['direction'],
  gates: readonly Gate[],
): Promise<void> {
  await recordEvidence(session, 'gates', { direction, holds: gatesHold(gates), gates });
  for (const gate of gates.filter(({ verdict }) => verdict === 'accepted'))
    await recordEvidence(session, 'gate-accepted', { direction, ...gate });
}
