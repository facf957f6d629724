import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import type { Phase } from '../core/phases.js';
import { refuseAbandoned } from '../dualwrite/abandoned.js';
import { Owners } from '../dualwrite/owners.js';
import { createRecord } from '../ledger/record.js';
import { type Accepted, checkGates, type Gate, gatesHold, recordGates } from './gates/check.js';
import type { GateRequest } from './gates/gate.js';
import type { MoveRequest } from './move.js';
import { nothingToBring } from './nothing-moved.js';
import { type MoveResult, runMove, stepsOf } from './run-move.js';
import { readPhase } from './status.js';
import { stepSql } from './step-sql.js';
import { placeOf, type StepName } from './steps.js';
import { readUnits } from './units.js';
import { findObstacles, type Obstacle } from './way-back.js';

export interface WritesRequest extends Omit<MoveRequest, 'units'> {
  readonly limits: GateRequest['limits'];
  readonly connectionReserve: number;
  readonly reverse?: GateRequest['reverse'];
  readonly accepted: Accepted;
  /** Steps are told, and nothing is changed. */
  readonly dryRun: boolean;
}

export interface ToldStep {
  readonly step: StepName;
  readonly side: 'source' | 'target' | 'both';
  readonly paused: boolean;
  readonly does: string;
  readonly sql: readonly string[];
}

export interface WritesResult extends MoveResult {
  readonly gates: readonly Gate[];
  readonly phase: Phase;
  /** Units that had to move. */
  readonly units: number;
  /** Back alone: rows that the source cannot take. */
  readonly obstacles: readonly Obstacle[];
  /** Of a dry run. */
  readonly steps?: readonly ToldStep[];
  /** False: there was nothing to bring back, a gate does not hold, or rows cannot go back; nothing was changed. */
  readonly moved: boolean;
}

const NOTHING: MoveResult = {
  writePauseMs: null,
  epoch: null,
  passes: 0,
  rows: 0,
  starts: {},
  notCaptured: [],
};

/** A worker that was away behind a decision is held until it hears of it, and does not say who takes the writes. */
async function letFollow(target: Database, context: Context): Promise<void> {
  try {
    await (await Owners.open(target, context)).close();
  } catch (error) {
    if (!(error instanceof MigrateError) || error.code !== 'OWNERSHIP_MISSING') throw error;
  }
}

/**
 * Moves writes of a share, or of named namespaces, to the other side: looks at every gate first, and changes nothing
 * while one does not hold. Throws what runMove throws, and PHASE_REFUSED.
 */
export async function moveWrites(request: WritesRequest, context: Context): Promise<WritesResult> {
  const { source, target, direction, tables, accepted, dryRun, limits, connectionReserve, reverse } = request;
  await refuseAbandoned(source);
  const units = await readUnits(request, source, target);
  const move: MoveRequest = { ...request, units };
  if (direction === 'reverse' && units.length === 0 && (await nothingToBring(source, target, tables))) {
    if (!dryRun) await letFollow(target, context);
    const phase = await readPhase(source, target);
    return { ...NOTHING, gates: [], obstacles: [], units: 0, moved: false, phase };
  }
  const obstacles = direction === 'reverse' ? await findObstacles(request) : [];
  const gates = await checkGates(
    {
      ...{ source, target, plan: request.plan, direction, limits, connectionReserve },
      sequences: 'movable',
      ...(reverse === undefined ? {} : { reverse }),
    },
    accepted,
    context,
  );
  const phase = (): Promise<Phase> => readPhase(source, target);
  const stays = async (more: Partial<WritesResult> = {}): Promise<WritesResult> => ({
    ...NOTHING,
    ...{ gates, obstacles, units: units.length, moved: false },
    phase: await phase(),
    ...more,
  });
  if (dryRun) {
    const steps = stepsOf(move).map((step) => ({
      step: step.name,
      side: placeOf(direction, step),
      paused: step.paused,
      does: step.says,
      sql: stepSql(step.name, move),
    }));
    return stays({ steps });
  }
  if (!gatesHold(gates) || obstacles.length > 0) return stays();
  for (const { session } of [target, source]) {
    await createRecord(session);
    await recordGates(session, direction, gates);
  }
  const result = await runMove(move, context);
  return { ...result, gates, obstacles, units: units.length, phase: await phase(), moved: true };
}
