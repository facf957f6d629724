import type { Database } from '../citus/database.js';
import { SessionPool } from '../citus/pool.js';
import type { Context } from '../core/context.js';
import { plural } from '../core/format.js';
import { qualified } from '../core/names.js';
import { parallel } from '../core/parallel.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { SequenceValue } from '../export/manifest.js';
import type { Direction } from '../plan/projection.js';
import { targetCatalog } from '../plan/target-catalog.js';
import type { Session } from '../postgres/session.js';
import { refuseInvalidShardIndexes } from './invalid-indexes.js';
import { retrying } from './retrying.js';
import { type ApplyOptions, applyDdl, ddlFor } from './schema.js';
import { advanceSequences } from './sequences.js';
import { type RefusedView, refusedViews } from './views.js';

export interface AfterDataRequest extends ApplyOptions {
  readonly writer: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly direction: Direction;
  readonly sequences: readonly SequenceValue[];
}

/**
 * Indexes, constraints and what else waits for the rows; then sequences, then statistics. Every step finds out what
 * stands and is tried again when a connection breaks. Returns the views that the cluster refuses to query.
 */
export async function runAfterData(request: AfterDataRequest, context: Context): Promise<RefusedView[]> {
  const { writer, plan, tables, direction, jobs, mayRetry } = request;
  context.log.info('Building indexes and constraints');
  const { afterData } = ddlFor(plan, direction, writer);
  await refuseInvalidShardIndexes(writer, plan);
  const { existing } = await applyDdl(writer, afterData, request, context);
  const pool = new SessionPool((node) => writer.connect(node));
  const options = { log: context.log, ...(mayRetry === undefined ? {} : { mayRetry }) };
  const step = <T>(
    doing: string,
    work: (session: Session) => Promise<T>,
    signal = context.signal,
  ): Promise<T> =>
    retrying(doing, { ...options, signal }, () =>
      pool.use(writer.head, (session) => session.cancelledBy(signal, () => work(session))),
    );
  try {
    // A materialized view that was filled before the rows came would stay as it was.
    for (const { kind, about, sql } of afterData) {
      if (kind === 'refresh' && existing.includes(about))
        await step(`fill ${about}`, (session) => session.query(sql, `fill ${about}`));
    }
    const workers = writer.nodes.map(({ groupId }) => groupId).filter((group) => group !== 0);
    const advanced = await step('move the sequences', (session) =>
      advanceSequences(session, { ...request, workers }, context.log),
    );
    context.log.info(`Moved ${plural(advanced, 'sequence')}; gathering statistics`);
    await parallel(tables, jobs, context.signal, async (table, signal) => {
      const doing = `analyze ${table.table}`;
      await step(doing, (session) => session.query(`ANALYZE ${qualified(table)}`, doing), signal);
    });
    if (writer.kind !== 'citus') return [];
    const refused = await step('query the views', (session) => refusedViews(session, targetCatalog(plan)));
    for (const { view, reason } of refused)
      context.log.warn(`View ${view} cannot be queried on the cluster: ${reason}`);
    return refused;
  } finally {
    await pool.close();
  }
}
