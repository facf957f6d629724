import type { Cut } from '../citus/cut.js';
import { SessionPool } from '../citus/pool.js';
import { readShards } from '../citus/shards.js';
import type { Context } from '../core/context.js';
import { qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Direction } from '../plan/projection.js';
import type { CheckedSide } from './checked-side.js';
import { referenceChecks } from './reference-checks.js';
import { checkReferences } from './references.js';
import type { IntegrityResult } from './types.js';
import { uniqueChecks } from './unique-checks.js';
import { checkUniques } from './uniques.js';

export interface IntegrityRequest {
  /** Cuts of both sides: everything here is read under them. */
  readonly source: Cut;
  readonly target: Cut;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly direction: Direction;
  /** Qualified names of the tables that the checked side has. */
  readonly known: ReadonlySet<string>;
  readonly max: number;
  readonly jobs: number;
}

/**
 * The rules between rows that the source's schema keeps, checked on the other side (on the way back: on the single
 * node): every foreign key, and, on the target, every unique rule that was widened.
 */
export async function checkIntegrity(
  request: IntegrityRequest,
  context: Context,
): Promise<IntegrityResult[]> {
  const { plan, tables, direction, max, jobs, known } = request;
  const sides = { source: await openSide(request.source), target: await openSide(request.target) };
  const forward = direction === 'forward';
  try {
    const references = await checkReferences(
      {
        side: forward ? sides.target : sides.source,
        ...(forward
          ? { origin: { side: sides.source, checks: referenceChecks(plan, tables, 'reverse') } }
          : {}),
        checks: referenceChecks(plan, tables, direction),
        known,
        max,
        jobs,
      },
      context,
    );
    if (!forward) return references;
    const checks = await uniqueChecks(request.source.database.session, plan, tables);
    return [...references, ...(await checkUniques({ ...sides, checks, max, jobs }, context))];
  } finally {
    await Promise.all([sides.source.pool.close(), sides.target.pool.close()]);
  }
}

async function openSide(cut: Cut): Promise<CheckedSide> {
  return {
    cut,
    pool: new SessionPool((node) => cut.open(node)),
    shards: await readShards(cut.database.session, cut.database.connector),
  };
}

/** The tables that foreign keys of `tables` refer to, and those themselves, without those that `known` lacks. */
export function withParents(
  plan: Plan,
  tables: readonly TablePlan[],
  known: ReadonlySet<string>,
): { schema: string; name: string }[] {
  const parents = referenceChecks(plan, tables, 'forward').map((check) => check.parent);
  const chosen = new Set(tables.map(qualified));
  const extra = new Map(
    parents
      .filter((parent) => known.has(qualified(parent)) && !chosen.has(qualified(parent)))
      .map((parent) => [qualified(parent), parent]),
  );
  return [...tables, ...extra.values()];
}
