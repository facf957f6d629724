import type { Context, WaitSide } from '../core/context.js';
import { finishing } from '../core/finishing.js';
import type { Jobs } from '../core/jobs.js';
import type { Meter } from '../core/metered.js';
import { parallel } from '../core/parallel.js';
import type { TablePlan } from '../core/plan-types.js';
import type { LoadedChunk } from '../ledger/ledger.js';
import type { LaneRow } from '../ledger/rows.js';
import { Allowance, refuseEarlier } from './allowance.js';
import type { ChunkTask, Executor } from './executor.js';
import type { Quarantine, Quarantined } from './quarantine.js';
import type { RefusedView } from './views.js';

/**
 * What a load did to one table. Rows, chunks and rejected rows are those that this and earlier runs of the load
 * committed; bytes are those that this run read, attempts that failed included.
 */
export interface TableLoad {
  readonly table: string;
  rows: number;
  bytes: number;
  chunks: number;
  skippedChunks: number;
  rejectedRows: number;
}

export type WaitTotals = Record<WaitSide, number>;

export interface LoadResult {
  readonly tables: TableLoad[];
  /** Milliseconds, summed over all streams: the largest is the bottleneck. */
  readonly waitMs: WaitTotals;
  /** Views that the cluster refuses to query. */
  readonly refusedViews: readonly RefusedView[];
  /** Where refused rows lie. */
  readonly quarantined: readonly Quarantined[];
}

export const NOTHING_LOADED: LoadResult = {
  tables: [],
  waitMs: { source: 0, transform: 0, target: 0, throttle: 0 },
  refusedViews: [],
  quarantined: [],
};

/** By `table\nchunk`: the refused rows of chunks of which lanes have committed a part. */
export function refusedOf(parts: readonly LaneRow[]): Map<string, number> {
  const refused = new Map<string, number>();
  for (const { table, chunk, rejected } of parts) {
    const name = `${table}\n${chunk}`;
    refused.set(name, (refused.get(name) ?? 0) + rejected);
  }
  return refused;
}

/**
 * Puts every chunk that `loaded` does not name into the target, `jobs` at once. Throws TOO_MANY_BAD_ROWS before it
 * begins when earlier runs have set more rows aside than this one takes, with or without anything left to do.
 */
export async function loadChunks(
  tables: readonly TablePlan[],
  tasks: readonly ChunkTask[],
  loaded: readonly LoadedChunk[],
  executor: Executor,
  jobs: Jobs,
  quarantine: Quarantine | undefined,
  context: Context,
): Promise<LoadResult> {
  const results = new Map<string, TableLoad>(
    tables.map(({ table }) => [
      table,
      { table, rows: 0, bytes: 0, chunks: 0, skippedChunks: 0, rejectedRows: 0 },
    ]),
  );
  const waitMs: WaitTotals = { source: 0, transform: 0, target: 0, throttle: 0 };
  for (const row of loaded) {
    const result = results.get(row.table);
    if (result === undefined) continue;
    result.rows += row.rows;
    result.rejectedRows += row.rejected;
    result.chunks += 1;
    result.skippedChunks += 1;
    context.progress.advance(row.table, { rows: row.rows });
  }
  const known = new Set(loaded.map((row) => `${row.table}\n${row.chunk}`));
  const todo = tasks.filter((task) => !known.has(`${task.table.table}\n${task.chunk}`));
  const earlier = [...results.values()].reduce((sum, table) => sum + table.rejectedRows, 0);
  const refused = todo.reduce((sum, task) => sum + task.refused, earlier);
  refuseEarlier(refused, quarantine?.maxBadRows ?? 0);
  if (quarantine) new Allowance(quarantine).begin(refused);
  const finished = finishing(
    tables.map(({ table }) => table),
    todo.map((task) => task.table.table),
    context.progress,
  );
  const deaf = jobs.onChange((now) => executor.resize?.(now));
  await parallel(todo, jobs, context.signal, async (task, signal) => {
    await context.pace.ready(signal);
    const result = results.get(task.table.table)!;
    const meter: Meter = {
      bytes: (bytes) => {
        result.bytes += bytes;
        context.progress.advance(result.table, { bytes });
      },
      waited: (side, ms) => {
        waitMs[side] += ms;
        context.progress.advance(result.table, { waitMs: { [side]: ms } });
      },
    };
    const { rows, rejected } = await executor.run(task, signal, meter);
    result.rejectedRows += rejected;
    result.rows += rows;
    result.chunks += 1;
    context.progress.advance(task.table.table, { rows });
    finished(task.table.table);
    context.metrics.count('migrate_load_rows_total', rows, { table: task.table.table });
  }).finally(deaf);
  return { tables: [...results.values()], waitMs, refusedViews: [], quarantined: [] };
}
