import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import type { Jobs } from '../core/jobs.js';
import type { TablePlan } from '../core/plan-types.js';
import { requireFiles } from '../export/chunk-file.js';
import type { Manifest, ManifestChunk } from '../export/manifest.js';
import type { Ledger } from '../ledger/ledger.js';
import { columnsOf } from '../plan/projection.js';
import { type ChunkTask, sideSetup, withExecutor } from './executor.js';
import { type LoadResult, loadChunks, refusedOf } from './load-chunks.js';
import { explainRows, requireTables } from './preflight.js';
import { type Lanes, laneOf, usesLanes } from './route.js';
import { type LoadRequest, ownQuarantine, runLoad, wants } from './run.js';
import { droppableIndexes, truncateTables } from './truncate.js';

export interface ImportRequest extends LoadRequest {
  readonly directory: string;
  readonly manifest: Manifest;
}

/** Loads a dump; a second run goes on behind the last committed chunk. Throws what lanes and preflight throw. */
export async function importDump(request: ImportRequest, context: Context): Promise<LoadResult> {
  const { manifest, tables, phase, directory } = request;
  if (wants(phase, 'data')) {
    const chunks = tables.flatMap((table) => chunksIn(manifest, table));
    await requireFiles(directory, chunks);
  }
  const { direction, dumpId: loadId, sequences } = manifest;
  return runLoad(
    request,
    {
      direction,
      loadId,
      loadData: (ledger, lanes, jobs, during) => loadData(request, lanes, ledger, jobs, during),
      sequences: async () => sequences,
    },
    context,
  );
}

async function loadData(
  request: ImportRequest,
  lanes: Lanes,
  ledger: Ledger,
  jobs: Jobs,
  context: Context,
): Promise<LoadResult> {
  const { writer, tables, directory, manifest, truncate } = request;
  const { direction, dumpId } = manifest;
  await requireTables(writer, tables, direction);
  if (truncate) {
    const indexes = wants(request.phase, 'after-data')
      ? droppableIndexes(request.plan, direction, tables)
      : [];
    await truncateTables(writer, ledger, tables, indexes, context);
    request.onEmptied?.();
  }
  const inDump = tables.map((table) => ({ table, files: chunksIn(manifest, table) }));
  const partial = await ledger.begun(dumpId);
  const loaded = await explainRows(
    writer,
    ledger,
    dumpId,
    inDump.map(({ table, files }) => ({ table, chunks: files.map(({ file }) => file) })),
    partial,
    context,
  );
  await ledger.addLoad({
    loadId: dumpId,
    kind: 'import',
    planHash: manifest.planHash,
    lanes: usesLanes(lanes),
  });
  context.progress.start(
    'import',
    inDump.map(({ table, files }) => ({
      label: table.table,
      totalRows: files.reduce((sum, file) => sum + file.rows, 0),
      totalBytes: 0,
    })),
  );
  const begun = refusedOf(partial);
  const tasks = inDump.flatMap(({ table, files }) =>
    files.map((file): ChunkTask => {
      const refused = begun.get(`${table.table}\n${file.file}`);
      const resumed = refused !== undefined;
      const source = { kind: 'dump', directory, file } as const;
      return {
        table,
        chunk: file.file,
        via: laneOf(lanes, table, resumed),
        resumed,
        refused: refused ?? 0,
        source,
      };
    }),
  );
  const quarantine = ownQuarantine(request, dumpId);
  const setup = {
    writer: sideSetup(writer.connector, request.stallMs),
    direction,
    loadId: dumpId,
    bucket: context.pace.bucket,
    ...(quarantine && { quarantine }),
  };
  return withExecutor({ ...request, jobs: jobs.now }, setup, context, (executor) =>
    loadChunks(tables, tasks, loaded, executor, jobs, quarantine, context),
  );
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
