import type { Context } from '../core/context.js';
import { qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { SchemaResult } from '../core/verification.js';
import { readCatalog } from '../plan/catalog.js';
import type { Direction } from '../plan/projection.js';
import { targetCatalog } from '../plan/target-catalog.js';
import type { CheckedSide } from './checked-side.js';
import { withPartitions } from './reference-checks.js';
import { compareSchema } from './schema-compare.js';
import { compareShards } from './schema-shards.js';

export interface SchemaRequest {
  /** The side that was made: the target, on the way back the single node. */
  readonly made: CheckedSide;
  readonly other: CheckedSide;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly direction: Direction;
  /** Look at every shard. */
  readonly thorough: boolean;
  readonly jobs: number;
}

/** The schema of the made side against the plan, and every shard against its table. */
export async function checkSchema(request: SchemaRequest, context: Context): Promise<SchemaResult[]> {
  const { made, other, plan, tables, direction, thorough, jobs } = request;
  const forward = direction === 'forward';
  const scope = withPartitions(plan, tables);
  const { database } = made.cut;
  const { actual, roles } = await made.pool.use(database.head, async (session) => ({
    actual: await readCatalog(session),
    roles: await session.query<{ name: string }>('SELECT rolname AS name FROM pg_roles', 'read the roles'),
  }));
  const major = ({ cut }: CheckedSide): number => Math.floor(cut.database.facts.versionNumber / 10000);
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
  if (database.kind === 'citus') results.push(...(await compareShards(made, scope, jobs, context)));
  return results;
}
