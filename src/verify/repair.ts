import type { Database } from '../citus/database.js';
import { qualified } from '../core/names.js';
import type { Plan } from '../core/plan-types.js';
import { targetCatalog } from '../plan/target-catalog.js';
import { type RefusedStep, refusedStep } from './repair-apply.js';
import { planRepair, type RepairStep, type TableRepair } from './repair-plan.js';
import type { TableDetails, TableResult } from './types.js';

const CASCADES = new Set(['CASCADE', 'SET NULL', 'SET DEFAULT']);

/** What can be repaired of a verification, and what cannot. */
export interface RepairPlan {
  readonly repairs: readonly TableRepair[];
  readonly refused: readonly RefusedStep[];
}

/**
 * Plans the repair of tables that are known to differ; an inconclusive one is never touched. Rows whose deletion
 * would reach other tables are left alone unless foreign keys can be kept silent (`silent`).
 */
export async function planRepairs(
  plan: Plan,
  tables: readonly TableResult[],
  target: Database,
  silent: boolean,
): Promise<RepairPlan> {
  const catalog = targetCatalog(plan);
  const refused: RefusedStep[] = [];
  const repairs: TableRepair[] = [];
  for (const { details, verdict } of tables) {
    if (verdict !== 'mismatch' || details === undefined) continue;
    const definition = catalog.tables.find((table) => qualified(table) === qualified(details.table));
    const exclusive = new Set([
      ...(definition?.constraints ?? [])
        .filter(({ kind }) => kind === 'unique' || kind === 'primary' || kind === 'exclude')
        .flatMap(({ columns }) => columns),
      ...(definition?.indexes ?? [])
        .filter(({ unique }) => unique)
        .flatMap(({ columns }) => columns.filter((column) => column !== null)),
    ]);
    const onShards = target.kind === 'citus' && !(await coordinatorTakes(target, details));
    const steps = planRepair(details, target.head, exclusive, onShards);
    const cascades = !silent && catalog.tables.some((table) => reaches(table, details.table));
    const isRefused = ({ action }: RepairStep): boolean =>
      cascades && (action === 'delete' || action === 'replace');
    const repair = { details, steps: steps.filter((step) => !isRefused(step)) };
    for (const step of steps.filter(isRefused)) {
      refused.push(
        refusedStep(
          repair,
          step,
          'deleting it would delete or change rows of other tables, and only a superuser can keep their foreign keys silent',
        ),
      );
    }
    if (repair.steps.length > 0) repairs.push(repair);
  }
  return { repairs, refused };
}

/**
 * Whether Citus plans a guarded statement on the table: it takes no function in it that is only STABLE, as the send
 * functions of text, enum and arrays are. Then each row is mended on the shards that hold it.
 */
async function coordinatorTakes({ session }: Database, details: TableDetails): Promise<boolean> {
  const { table, expressions } = details;
  try {
    await session.query(`EXPLAIN DELETE FROM ${qualified(table)} AS t WHERE ${expressions.hash} = 0`);
    return true;
  } catch {
    return false;
  }
}

function reaches(
  table: ReturnType<typeof targetCatalog>['tables'][number],
  deleted: { schema: string; name: string },
): boolean {
  return table.constraints.some(
    ({ foreign }) =>
      foreign !== undefined &&
      qualified(foreign.references) === qualified(deleted) &&
      CASCADES.has(foreign.onDelete),
  );
}
