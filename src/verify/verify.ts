import { takeCut } from '../citus/cut.js';
import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Direction } from '../plan/projection.js';
import { sequencesOf } from '../plan/scope.js';
import { requireReadable } from '../postgres/rights.js';
import type { Mode } from './digests.js';
import { compareSequences } from './sequences.js';
import { compareTables } from './tables.js';
import type { Verdict, VerifyResult } from './types.js';

export interface VerifyRequest {
  /** The single node. */
  readonly source: Database;
  /** The cluster. */
  readonly target: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  /** Which side takes writes next: its sequences have to be ahead. */
  readonly direction: Direction;
  readonly mode: Mode;
  readonly maxDiscrepancies: number;
  readonly jobs: number;
}

/** The worst of some verdicts: a mismatch is certain, an inconclusive one is not a match. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('mismatch')) return 'mismatch';
  return verdicts.includes('inconclusive') ? 'inconclusive' : 'match';
}

/** Compares both sides, each under a snapshot of its own: writes between the two snapshots show as differences. */
export async function verify(request: VerifyRequest, context: Context): Promise<VerifyResult> {
  const { source, target, plan, tables, direction, mode } = request;
  const relations = [...tables, ...sequencesOf(plan.catalog, tables)];
  for (const side of [source, target]) await requireReadable(side.session, relations);
  const left = await takeCut(source, tables);
  const cuts = [left];
  try {
    const right = await takeCut(target, tables);
    cuts.push(right);
    const compared = await compareTables({ ...request, source: left, target: right }, context);
    const [from, to] = direction === 'forward' ? [source, target] : [target, source];
    const sequences = await compareSequences(plan, tables, from, to);
    return {
      verdict: worst([...compared, ...sequences].map((result) => result.verdict)),
      mode,
      tables: compared,
      sequences,
    };
  } finally {
    context.progress.stop();
    await Promise.all(cuts.map((cut) => cut.close()));
  }
}
