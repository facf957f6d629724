import type { Context } from '../core/context.js';
import { qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { IntegrityResult } from '../core/verification.js';
import type { Direction } from '../plan/projection.js';
import type { CheckedSide } from './checked-side.js';
import { referenceChecks } from './reference-checks.js';
import { checkReferences } from './references.js';
import type { SameValues } from './trusted.js';
import { uniqueChecks } from './unique-checks.js';
import { checkUniques } from './uniques.js';

export interface IntegrityRequest {
  readonly source: CheckedSide;
  readonly target: CheckedSide;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly direction: Direction;
  /** Qualified names of the tables that the checked side has. */
  readonly known: ReadonlySet<string>;
  readonly same: SameValues;
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
  const { source, target, plan, tables, direction, max, jobs, known, same } = request;
  const forward = direction === 'forward';
  const references = await checkReferences(
    {
      side: forward ? target : source,
      ...(forward ? { origin: { side: source, checks: referenceChecks(plan, tables, 'reverse') } } : {}),
      checks: referenceChecks(plan, tables, direction),
      known,
      max,
      jobs,
    },
    context,
  );
  if (!forward) return references;
  const checks = await uniqueChecks(source.cut.database.session, plan, tables);
  return [...references, ...(await checkUniques({ source, target, checks, same, max, jobs }, context))];
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
