import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import { readChunk, requireFiles } from '../export/chunk-file.js';
import type { Manifest, ManifestChunk } from '../export/manifest.js';
import type { Ledger } from '../ledger/ledger.js';
import { columnsOf } from '../plan/projection.js';
import { admit } from './admission.js';
import { runAfterData } from './after-data.js';
import { CoordinatorLane, type LoadChunk } from './lane.js';
import { type LoadResult, loadChunks, NOTHING_LOADED } from './load-chunks.js';
import { explainRows, requireTables } from './preflight.js';
import { applyDdl, ddlFor } from './schema.js';
import { truncateTables } from './truncate.js';

export type LoadPhase = 'before-data' | 'data' | 'after-data' | 'all';

export interface ImportRequest {
  readonly writer: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly directory: string;
  readonly manifest: Manifest;
  readonly phase: LoadPhase;
  readonly truncate: boolean;
  readonly jobs: number;
}

/** True when `phase` is `wanted`, or everything is. */
export function wants(wanted: LoadPhase, phase: Exclude<LoadPhase, 'all'>): boolean {
  return wanted === 'all' || wanted === phase;
}

/** Loads a dump; a second run goes on behind the last committed chunk. Throws what lanes and preflight throw. */
export async function importDump(request: ImportRequest, context: Context): Promise<LoadResult> {
  const { writer, plan, tables, manifest, phase, jobs } = request;
  const { direction } = manifest;
  if (wants(phase, 'data')) {
    const chunks = tables.flatMap((table) => chunksIn(manifest, table));
    await requireFiles(request.directory, chunks);
  }
  const ledger = await admit({
    writer,
    tables,
    direction,
    loadId: manifest.dumpId,
    keepsRows: wants(phase, 'data') && !request.truncate,
  });
  try {
    if (wants(phase, 'before-data')) {
      await applyDdl(writer, ddlFor(plan, direction, writer).beforeData, jobs, context);
    }
    let result: LoadResult = NOTHING_LOADED;
    if (wants(phase, 'data')) result = await loadData(request, ledger, context);
    // What follows is no affair of rows per second.
    context.progress.stop();
    if (wants(phase, 'after-data')) {
      result = {
        ...result,
        refusedViews: await runAfterData(
          { writer, plan, tables, direction, sequences: manifest.sequences, jobs },
          context,
        ),
      };
    }
    return result;
  } finally {
    context.progress.stop();
    await ledger.close();
  }
}

async function loadData(request: ImportRequest, ledger: Ledger, context: Context): Promise<LoadResult> {
  const { writer, tables, directory, manifest, truncate, jobs } = request;
  const { direction, dumpId } = manifest;
  await requireTables(writer, tables, direction);
  if (truncate) await truncateTables(writer, ledger, tables);
  const inDump = tables.map((table) => ({ table, chunks: chunksIn(manifest, table) }));
  const loaded = await explainRows(
    writer,
    ledger,
    dumpId,
    inDump.map(({ table, chunks }) => ({ table, chunks: chunks.map((chunk) => chunk.file) })),
    context,
  );
  await ledger.addLoad(dumpId, 'import', manifest.planHash);
  context.progress.start(
    'import',
    inDump.map(({ table, chunks }) => ({
      label: table.table,
      totalRows: chunks.reduce((sum, chunk) => sum + chunk.rows, 0),
      totalBytes: 0,
    })),
  );
  const chunks = inDump.flatMap(({ table, chunks: files }) =>
    files.map(
      (file): LoadChunk => ({
        table,
        chunk: file.file,
        async *read() {
          yield* readChunk(directory, file);
          return file.rows;
        },
      }),
    ),
  );
  const lane = new CoordinatorLane({ writer, direction, ledger, loadId: dumpId, context });
  try {
    return await loadChunks(tables, chunks, loaded, lane, jobs, context);
  } finally {
    await lane.close();
  }
}

/** The chunks of a planned table; PLAN_DIFFERS when the dump has it with other columns or not at all. */
function chunksIn(manifest: Manifest, table: TablePlan): readonly ManifestChunk[] {
  const entry = manifest.tables.find((each) => each.schema === table.schema && each.name === table.name);
  const columns = columnsOf(table, manifest.direction).map((column) => column.name);
  if (
    entry === undefined ||
    entry.format !== table.format ||
    entry.columns.join('\n') !== columns.join('\n')
  ) {
    throw new MigrateError('PLAN_DIFFERS', {
      message: `The dump does not hold ${table.table} as the plan has it`,
      context: { table: table.table },
    });
  }
  return entry.chunks;
}
