import { type Cut, takeCut } from '../citus/cut.js';
import type { Database } from '../citus/database.js';
import type { Named } from '../core/catalog-types.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { plural } from '../core/format.js';
import { qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Skipped, Verdict } from '../core/verification.js';
import type { Direction } from '../plan/projection.js';
import { sequencesOf } from '../plan/scope.js';
import { requireReadable } from '../postgres/rights.js';
import { sql } from '../postgres/sql-files.js';
import { type CheckedSide, openSide } from './checked-side.js';
import type { Mode } from './digests.js';
import { checkIntegrity, withParents } from './integrity.js';
import { Measurements } from './measurements.js';
import { checkSchema } from './schema.js';
import { type RowScope, scopeNotes, tablesInScope } from './scope.js';
import { compareSequences } from './sequences.js';
import { compareTables } from './tables.js';
import { sameValues } from './trusted.js';
import type { TableResult, VerifyResult } from './types.js';
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
  /** The moment of one side to compare, which the other is known to have reached; default: now. */
  readonly sourceCut?: Cut;
  readonly targetCut?: Cut;
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

/** They are moved once writes have stopped. */
const SKIPPED_BY_LIVE: readonly Skipped[] = [{ part: 'sequences', reason: '--live' }];

/**
 * Compares both sides, each under a snapshot of its own: writes between the two snapshots show as differences. What
 * follows from rows that are known to be the same is not read again.
 */
export async function verify(request: VerifyRequest, context: Context): Promise<VerifyResult> {
  const { source, target, plan, tables, direction, mode, scope = { namespaces: [] } } = request;
  const { details = { values: false, repair: false }, measurements = Measurements.none() } = request;
  const { maxDiscrepancies: max, jobs, sourceCut, targetCut } = request;
  const live = sourceCut !== undefined || targetCut !== undefined;
  const thorough = mode !== 'counts';
  if (tables.length > 0 && tablesInScope(tables, scope).length === 0) {
    throw new MigrateError('USAGE', {
      message: 'None of the chosen tables has rows of tenants',
      hint: 'Leave --namespaces out, or choose tables that are distributed by tenant.',
    });
  }
  const forward = direction === 'forward';
  const [from, to] = forward ? [source, target] : [target, source];
  const [knownThere, known] = await Promise.all([from, to].map(readTables));
  const related = thorough ? withParents(plan, tables, known!) : tables;
  const sequencesIn = sequencesOf(plan.catalog, tables);
  const seen = (side: Database) => (side === to ? related : tables);
  await Promise.all(
    [source, target].map((side) => requireReadable(side.session, [...seen(side), ...sequencesIn])),
  );
  refuseMissing(from, tables, knownThere!, direction);
  refuseMissing(to, tables, known!, direction);
  const cuts = await allOf([
    sourceCut === undefined ? takeCut(source, seen(source)) : Promise.resolve(sourceCut),
    targetCut === undefined ? takeCut(target, seen(target)) : Promise.resolve(targetCut),
  ]);
  const sides: CheckedSide[] = [];
  try {
    sides.push(...(await Promise.all(cuts.map(openSide))));
    const [left, right] = sides as [CheckedSide, CheckedSide];
    const [made, other] = forward ? [right, left] : [left, right];
    const before = measurements.reused;
    const [compared, schema] = await together(
      compareTables({ ...request, scope, details, measurements, source: left, target: right }, context),
      checkSchema({ made, other, plan, tables, direction, thorough, jobs }, context),
    );
    const kept = measurements.reused - before;
    if (kept > 0) context.log.info(`Kept ${kept} measurements of what has not changed since they were made`);
    const same = sameValues(compared, mode, scope);
    const rules = { source: left, target: right, plan, tables, direction, known: known!, same, max, jobs };
    const integrity = thorough ? await checkIntegrity(rules, context) : [];
    const sequences = live ? [] : await compareSequences({ plan, tables, from: other, to: made, same });
    if (thorough && forward) schema.push(...(await checkWayBack(to.session, plan, tables, same)));
    // A name that was mistyped has no rows on either side, and that proves nothing.
    const nobody = scope.namespaces.length > 0 && compared.every(isEmpty);
    const verdicts = [...compared, ...integrity, ...sequences, ...schema].map((result) => result.verdict);
    return {
      verdict: worst(nobody ? [...verdicts, 'inconclusive'] : verdicts),
      mode,
      tables: compared,
      integrity,
      sequences,
      schema,
      skipped: [...(thorough ? [] : SKIPPED_BY_COUNTS), ...(live ? SKIPPED_BY_LIVE : [])],
      ...(scope.sample === undefined ? {} : { sampled: true as const }),
      notes: [
        ...scopeNotes(tables, scope),
        ...(nobody
          ? [`No compared table has a row of ${scope.namespaces.join(', ')}: is the name right?`]
          : []),
      ],
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

const isEmpty = ({ source, target }: TableResult): boolean => source.rows === 0n && target.rows === 0n;

async function readTables({ session }: Database): Promise<ReadonlySet<string>> {
  const tables = await session.query<Named>(sql('verify/tables'), 'read the tables');
  return new Set(tables.map(qualified));
}

/** Throws TARGET_TABLE_MISSING: what was never moved is no difference between two sides. */
function refuseMissing(
  { session }: Database,
  tables: readonly TablePlan[],
  known: ReadonlySet<string>,
  direction: Direction,
): void {
  const missing = tables.filter((table) => !known.has(qualified(table))).map(({ table }) => table);
  if (missing.length === 0) return;
  throw new MigrateError('TARGET_TABLE_MISSING', {
    message: `There is nothing to compare with on ${session.server}, which lacks ${plural(missing.length, 'table')}: ${missing.join(', ')}`,
    hint: `Load them first: migrate copy${direction === 'reverse' ? ' --reverse' : ''}. Or leave them out with --exclude.`,
    context: { missing },
  });
}

/** Both results; a failure is thrown once both have ended. */
async function together<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
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
