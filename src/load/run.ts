import { type BudgetOptions, fitJobs, followJobs } from '../citus/budget.js';
import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { formatCount, plural } from '../core/format.js';
import type { Jobs } from '../core/jobs.js';
import { childSignal } from '../core/parallel.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { SequenceValue } from '../export/manifest.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Direction } from '../plan/projection.js';
import { admit } from './admission.js';
import { runAfterData } from './after-data.js';
import type { CreateExecutor } from './executor.js';
import { type LoadResult, NOTHING_LOADED } from './load-chunks.js';
import { requireTables } from './preflight.js';
import { type Quarantine, type QuarantineOptions, quarantineOf, readQuarantine } from './quarantine.js';
import { chooseLanes, type Lanes, usesLanes, type Via } from './route.js';
import { applyDdl, ddlFor } from './schema.js';

export type LoadPhase = 'before-data' | 'data' | 'after-data' | 'all';

/** What `import` and `copy` have in common. */
export interface LoadRequest extends BudgetOptions {
  readonly writer: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly phase: LoadPhase;
  /** Empty the tables first. */
  readonly truncate: boolean;
  /** Called when that is done. */
  readonly onEmptied?: () => void;
  /** maintenance_work_mem of each index build, bytes; absent: what fits the nodes. */
  readonly indexMemory?: number;
  /** Default: straight into the shards where that is possible. */
  readonly via?: Via;
  /** A connection on which nothing moves for this long is given up and its chunk tried again; absent: never. */
  readonly stallMs?: number;
  /** Set refused rows aside; absent: the first one stops the load. */
  readonly quarantine?: QuarantineOptions;
  /** Where chunks are loaded; absent: in this thread. */
  readonly executor?: CreateExecutor;
}

/** How one kind of load differs from another. */
export interface LoadSteps {
  readonly direction: Direction;
  readonly loadId: string;
  /** The side that rows are read from, unless that is a dump. */
  readonly reader?: Database;
  loadData(ledger: Ledger, lanes: Lanes, jobs: Jobs, context: Context): Promise<LoadResult>;
  /** Where the sequences of the side that is read stand. */
  sequences(): Promise<readonly SequenceValue[]>;
}

/** True when `phase` is `wanted`, or everything is. */
export function wants(wanted: LoadPhase, phase: Exclude<LoadPhase, 'all'>): boolean {
  return wanted === 'all' || wanted === phase;
}

/** Runs the phases that are wanted, one load at a time on this target. */
export async function runLoad(request: LoadRequest, steps: LoadSteps, whole: Context): Promise<LoadResult> {
  const { writer, plan, tables, phase, via, truncate, stallMs, indexMemory } = request;
  const { direction, loadId, reader } = steps;
  const { signal, abort } = childSignal(whole.signal);
  const context = { ...whole, signal };
  if (phase === 'after-data') await requireTables(writer, tables, direction);
  const lanes = await chooseLanes(writer, tables, direction, via ?? 'auto', context);
  const throughCoordinator = tables.some(
    ({ table, placement }) => placement.kind === 'distributed' && lanes.get(table) === 'coordinator',
  );
  const budget = { ...request, throughCoordinator, ...(reader && wants(phase, 'data') ? { reader } : {}) };
  const streams = await fitJobs(budget, context);
  const jobs = streams.now;
  const keepsRows = wants(phase, 'data') && !truncate;
  const { log, fail } = context;
  const ledger = await admit({
    ...{ writer, tables, direction, loadId, keepsRows, log, fail },
    lanes: usesLanes(lanes),
    ...(stallMs === undefined ? {} : { stallMs }),
  });
  ledger.watch((error) => {
    abort(error);
    // Over the same link: an answer that is waited for there may never come.
    void writer.session.abandon();
  });
  try {
    tellOfSchema(request, log);
    const ddl = ddlFor(plan, direction, writer);
    // Without the lock another run may be at work.
    const mayRetry = (): boolean => ledger.locked;
    const applying = { jobs, mayRetry, ...(indexMemory === undefined ? {} : { indexMemory }) };
    if (wants(phase, 'before-data')) await applyDdl(writer, ddl.beforeData, applying, context);
    const loadData = async (): Promise<LoadResult> => {
      const deaf = followJobs(streams, budget, context);
      return steps.loadData(ledger, lanes, streams, context).finally(deaf);
    };
    const loaded = wants(phase, 'data') ? await loadData() : NOTHING_LOADED;
    // What follows is no affair of rows per second.
    context.progress.stop();
    const own = ownQuarantine(request, loadId);
    const committed = own ? await ledger.attempts(loadId) : new Set<string>();
    const quarantined = own ? await readQuarantine(own, (attempt) => committed.has(attempt)) : [];
    const result = { ...loaded, quarantined };
    if (!wants(phase, 'after-data')) return result;
    const sequences = await steps.sequences();
    const refusedViews = await runAfterData(
      { ...applying, writer, plan, tables, direction, sequences },
      context,
    );
    return { ...result, refusedViews };
  } finally {
    context.progress.stop();
    await ledger.close();
  }
}

/** A part of the schema would lack what its views, functions and foreign keys lead to. */
function tellOfSchema({ plan, tables, phase }: LoadRequest, log: Context['log']): void {
  const all = plan.catalog.tables.filter((table) => table.partitionOf === undefined).length;
  if (tables.length === all || (!wants(phase, 'before-data') && !wants(phase, 'after-data'))) return;
  log.info(
    `Making the schema of all ${plural(all, 'planned table')}; rows are loaded into ${formatCount(tables.length)} of them`,
  );
}

/** Where this load into this target sets refused rows aside. */
export function ownQuarantine({ quarantine, writer }: LoadRequest, loadId: string): Quarantine | undefined {
  const { systemIdentifier, databaseOid } = writer.facts;
  return quarantine && quarantineOf(quarantine, loadId, `${systemIdentifier}/${databaseOid}`);
}
