import type { Database } from '../citus/database.js';
import type { Catalog } from '../core/catalog-types.js';
import type { Context } from '../core/context.js';
import { qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Direction } from '../plan/projection.js';
import { targetCatalog } from '../plan/target-catalog.js';
import { withPartitions } from './reference-checks.js';
import { compareSchema } from './schema-compare.js';
import { compareShards } from './schema-shards.js';
import type { SchemaResult } from './types.js';
import { checkWayBack } from './way-back.js';

export interface SchemaRequest {
  /** The side that was made: the target, on the way back the single node. */
  readonly made: Database;
  readonly other: Database;
  /** What `made` has. */
  readonly actual: Catalog;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly direction: Direction;
  /** Look at every shard, and at every value that would have to fit a narrower type again. */
  readonly thorough: boolean;
  readonly jobs: number;
}

/** The schema of the made side against the plan, and every shard against its table. */
export async function checkSchema(request: SchemaRequest, context: Context): Promise<SchemaResult[]> {
  const { made, other, actual, plan, tables, direction, thorough, jobs } = request;
  const forward = direction === 'forward';
  const scope = withPartitions(plan, tables);
  const roles = await made.session.query<{ name: string }>(
    'SELECT rolname AS name FROM pg_roles',
    'read the roles',
  );
  const major = ({ facts }: Database): number => Math.floor(facts.versionNumber / 10000);
  const recast = plan.tables.filter(
    (table) =>
      major(made) !== major(other) ||
      (forward && table.columns.some((column) => column.sourceType !== column.targetType)),
  );
  const results = compareSchema({
    expected: forward ? targetCatalog(plan) : plan.catalog,
    actual,
    scope,
    objects: plan.catalog.tables.every((table) => scope.has(qualified(table))),
    roles: new Set(roles.map((role) => role.name)),
    recast: new Set(recast.map(qualified)),
  });
  if (!thorough) return results;
  if (forward) results.push(...(await checkWayBack(made.session, tables, sequenceColumns(plan))));
  if (made.kind === 'citus') results.push(...(await compareShards(made, scope, jobs, context)));
  return results;
}

/** Columns whose values come from a sequence: their ids are told with it. */
function sequenceColumns(plan: Plan): Set<string> {
  const owned = plan.catalog.sequences.flatMap(({ ownedBy }) =>
    ownedBy === undefined ? [] : [`${qualified(ownedBy)}.${ownedBy.column}`],
  );
  const defaults = plan.catalog.tables.flatMap((table) =>
    table.columns
      .filter((column) => /\bnextval\(/.test(column.default ?? ''))
      .map((column) => `${qualified(table)}.${column.name}`),
  );
  return new Set([...owned, ...defaults]);
}
