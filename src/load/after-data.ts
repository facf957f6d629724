import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { qualified } from '../core/names.js';
import { parallel } from '../core/parallel.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { SequenceValue } from '../export/manifest.js';
import type { Direction } from '../plan/projection.js';
import { applyDdl, ddlFor } from './schema.js';
import { advanceSequences } from './sequences.js';
import { type RefusedView, refusedViews } from './views.js';

export interface AfterDataRequest {
  readonly writer: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly direction: Direction;
  readonly sequences: readonly SequenceValue[];
  readonly jobs: number;
}

/** Indexes, constraints and what else waits for the rows; then sequences, then statistics. Returns the views that the
 * cluster refuses to query. */
export async function runAfterData(request: AfterDataRequest, context: Context): Promise<RefusedView[]> {
  const { writer, plan, tables, direction, sequences, jobs } = request;
  context.log.info('Building indexes and constraints');
  const { afterData } = ddlFor(plan, direction, writer);
  const { existing } = await applyDdl(writer, afterData, jobs, context);
  // A materialized view that was filled before the rows came would stay as it was.
  for (const { kind, about, sql } of afterData) {
    if (kind === 'refresh' && existing.includes(about)) await writer.session.query(sql, `fill ${about}`);
  }
  const advanced = await advanceSequences(writer, plan, tables, sequences);
  context.log.info(`Moved ${advanced} sequences; gathering statistics`);
  await parallel(tables, jobs, context.signal, async (table) => {
    const session = await writer.connect();
    try {
      await session.query(`ANALYZE ${qualified(table)}`, `analyze ${table.table}`);
    } finally {
      await session.close();
    }
  });
  const refused = await refusedViews(writer, plan);
  for (const { view, reason } of refused)
    context.log.warn(`View ${view} cannot be queried on the cluster: ${reason}`);
  return refused;
}
