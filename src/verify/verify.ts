import { type Cut, takeCut } from '../citus/cut.js';
import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import { readCatalog } from '../plan/catalog.js';
import type { Direction } from '../plan/projection.js';
import { sequencesOf } from '../plan/scope.js';
import { requireReadable } from '../postgres/rights.js';
import { type CheckedSide, openSide } from './checked-side.js';
import type { Mode } from './digests.js';
import { checkIntegrity, withParents } from './integrity.js';
import { Measurements } from './measurements.js';
import { checkSchema } from './schema.js';
import { type RowScope, scopeNotes } from './scope.js';
import { compareSequences } from './sequences.js';
import { compareTables } from './tables.js';
import type { Skipped, Verdict, VerifyResult } from './types.js';
import { checkWayBack } from './way-back.js';

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
  /** Default: all rows. */
  readonly scope?: RowScope;
  /** Default: none. */
  readonly details?: { readonly values: boolean; readonly repair: boolean };
  /** What earlier runs measured, and where this one's measurements go; default: nowhere. */
  readonly measurements?: Measurements;
}

/** The worst of some verdicts: a mismatch is certain, an inconclusive one is not a match. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('mismatch')) return 'mismatch';
  return verdicts.includes('inconclusive') ? 'inconclusive' : 'match';
}

/** What counting leaves out: it is to take seconds, whatever the schema. */
const SKIPPED_BY_COUNTS: readonly Skipped[] = ['references', 'uniqueness', 'schema of every shard'].map(
  (part) => ({
    part,
    reason: '--mode counts',
  }),
);

/**
 * Compares both sides, each under a snapshot of its own: writes between the two snapshots show as differences. What
 * follows from rows that are known to be the same is not read again.
 */
export async function verify(request: VerifyRequest, context: Context): Promise<VerifyResult> {
  const { source, target, plan, tables, direction, mode, scope = { namespaces: [] } } = request;
  const { details = { values: false, repair: false }, measurements = Measurements.none() } = request;
  const { maxDiscrepancies: max, jobs } = request;
  const thorough = mode !== 'counts';
  const forward = direction === 'forward';
  const to = forward ? target : source;
  const actual = await readCatalog(to.session);
  const known = new Set(actual.tables.map(qualified));
  const related = thorough ? withParents(plan, tables, known) : tables;
  const sequencesIn = sequencesOf(plan.catalog, tables);
  const seen = (side: Database) => (side === to ? related : tables);
  await Promise.all(
    [source, target].map((side) => requireReadable(side.session, [...seen(side), ...sequencesIn])),
  );
  const cuts = await allOf([source, target].map((side) => takeCut(side, seen(side))));
  const sides: CheckedSide[] = [];
  try {
    sides.push(...(await Promise.all(cuts.map(openSide))));
    const [left, right] = sides as [CheckedSide, CheckedSide];
    const [made, other] = forward ? [right, left] : [left, right];
    const before = measurements.reused;
    const compared = await compareTables(
      { ...request, scope, details, measurements, source: left, target: right },
      context,
    );
    const kept = measurements.reused - before;
    if (kept > 0) context.log.info(`Kept ${kept} measurements of what has not changed since they were made`);
    const whole = thorough && scope.namespaces.length === 0 && scope.sample === undefined;
    const same = new Set(
      compared.filter(({ verdict }) => whole && verdict === 'match').map(({ table }) => table),
    );
    const rules = { source: left, target: right, plan, tables, direction, known, same, max, jobs };
    const integrity = thorough ? await checkIntegrity(rules, context) : [];
    const sequences = await compareSequences({ plan, tables, from: other, to: made, same });
    const schema = await checkSchema(
      { made, other, actual, plan, tables, direction, thorough, jobs },
      context,
    );
    // Rows that are the same as the single node's fit it.
    const doubtful = tables.filter(({ table }) => !same.has(table));
    if (thorough && forward) schema.push(...(await checkWayBack(to.session, plan, doubtful)));
    return {
      verdict: worst([...compared, ...integrity, ...sequences, ...schema].map((result) => result.verdict)),
      mode,
      tables: compared,
      integrity,
      sequences,
      schema,
      skipped: thorough ? [] : SKIPPED_BY_COUNTS,
      ...(scope.sample === undefined ? {} : { sampled: true as const }),
      notes: scopeNotes(tables, scope),
    };
  } finally {
    context.progress.stop();
    const unsaved = await measurements.save();
    if (unsaved !== undefined)
      context.log.warn(`What was measured is not kept for --resume: ${unsaved.message}`);
    await Promise.all(sides.map(({ pool }) => pool.close()));
    await Promise.all(cuts.map((cut) => cut.close()));
  }
}

/** All of them; when one fails, those that were taken are let go of. */
async function allOf(taking: readonly Promise<Cut>[]): Promise<Cut[]> {
  const taken = await Promise.allSettled(taking);
  const cuts = taken.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = taken.find((one) => one.status === 'rejected');
  if (failed === undefined) return cuts;
  await Promise.all(cuts.map((cut) => cut.close()));
  throw failed.reason;
}
