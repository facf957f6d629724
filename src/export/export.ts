import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BudgetOptions, fitJobs, followJobs } from '../citus/budget.js';
import { type Cut, takeCut } from '../citus/cut.js';
import type { Database } from '../citus/database.js';
import { SessionPool } from '../citus/pool.js';
import { BufferPool } from '../core/buffer-pool.js';
import type { Context } from '../core/context.js';
import { throwIfAborted } from '../core/errors.js';
import { finishing } from '../core/finishing.js';
import type { Jobs } from '../core/jobs.js';
import { metered } from '../core/metered.js';
import { qualified } from '../core/names.js';
import { parallel } from '../core/parallel.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import { TokenBucket } from '../core/token-bucket.js';
import { localError } from '../files/local-error.js';
import { requireDistributionValues } from '../plan/distribution-nulls.js';
import { writePlan } from '../plan/plan-file.js';
import { columnsOf, type Direction } from '../plan/projection.js';
import { sequencesOf } from '../plan/scope.js';
import { PIECES_KEPT } from '../postgres/copy-out.js';
import { requireReadable } from '../postgres/rights.js';
import { sql } from '../postgres/sql-files.js';
import { counted, isWhole, writeChunk } from './chunk-file.js';
import { shareOf } from './chunks.js';
import { type Compression, SUFFIX } from './compression.js';
import { claimDirectory, removeOthers, syncDirectories, syncDirectory } from './directory.js';
import { type Extent, readExtents } from './extents.js';
import { foldersOf } from './folders.js';
import { Journal, type JournalEntry } from './journal.js';
import { FORMAT_VERSION, type Manifest, type SequenceValue, writeManifest } from './manifest.js';
import { belongsTo, chunksOf, isUnchanged, readSource, recordOf, type SourceChunk } from './source-chunks.js';

export interface ExportRequest extends BudgetOptions {
  readonly reader: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly direction: Direction;
  readonly out: string;
  readonly compression: Compression;
  /** Wished size of a chunk, bytes on the source's disk; less where there would be fewer than jobs. */
  readonly chunkBytes: number;
}

const PLAN_COPY = 'plan.json';

/**
 * One consistent snapshot of `tables` into a dump directory. An unfinished export continues in the same directory:
 * chunks whose rows have not changed since are kept, all others are read again, so that the result is the source as
 * of the new snapshot.
 */
export async function exportDump(request: ExportRequest, context: Context): Promise<Manifest> {
  const { reader, plan, tables, direction, out } = request;
  await requireReadable(reader.session, [...tables, ...sequencesOf(plan.catalog, tables)]);
  if (direction === 'forward') await requireDistributionValues(reader.session, plan, tables);
  const jobs = await fitJobs(request, context);
  const finished = await claimDirectory(request, context);
  if (finished !== undefined) return finished;
  const cut = await takeCut(reader, tables);
  const pool = new SessionPool((node) => cut.open(node));
  const deaf = followJobs(jobs, request, context);
  try {
    const extents = await readExtents(reader, pool, tables);
    const { journal, done } = await resume(request, pool, extents, context);
    context.progress.start('export', progressItems(tables, extents));
    for (const { record, chunk } of done) {
      context.progress.advance(record.table, { rows: record.rows, bytes: chunk.bytes });
    }
    const entries = await exportChunks({ request, jobs, cut, pool, extents, journal, done, context });
    const sequences = await reader.session.query<SequenceValue>(
      sql('export/sequences'),
      'read the sequences',
    );
    const manifest = manifestOf(request, cut, journal.header.dumpId, entries, sequences);
    await writePlan(join(out, PLAN_COPY), request.plan, { mode: 0o600 });
    const folders = dataFolders(request);
    await syncDirectories(out, new Set(tables.map((table) => folders(table))));
    await writeManifest(out, manifest);
    await journal.remove();
    await syncDirectory(out);
    return manifest;
  } catch (error) {
    throw localError(error, out);
  } finally {
    deaf();
    context.progress.stop();
    await Promise.all([pool.close(), cut.close()]);
  }
}

/** Of all tables of the plan: a later run may export others into the same directory. */
function dataFolders({ plan }: ExportRequest): (table: TablePlan) => string {
  const folders = foldersOf(plan.tables);
  return (table) => `data/${folders.get(qualified(table))}`;
}

function progressItems(tables: readonly TablePlan[], extents: ReadonlyMap<string, readonly Extent[]>) {
  return tables.map((table) => {
    const parts = extents.get(table.table) ?? [];
    const sum = (value: (extent: Extent) => number): number =>
      parts.reduce((total, part) => total + value(part), 0);
    return { label: table.table, totalRows: sum((part) => part.rows), totalBytes: sum((part) => part.bytes) };
  });
}

/** The journal to go on with, and the entries of it that still hold. All other chunk files are removed. */
async function resume(
  { reader, out, plan, tables, direction }: ExportRequest,
  pool: SessionPool,
  extents: ReadonlyMap<string, readonly Extent[]>,
  { log, signal }: Context,
): Promise<{ journal: Journal; done: JournalEntry[] }> {
  const old = await Journal.find(out);
  const done: JournalEntry[] = [];
  const server = `${reader.facts.systemIdentifier}/${reader.facts.databaseOid}`;
  // Pages and transactions of another database may have the same numbers.
  const comparable = old?.header.server === undefined || old.header.server === server;
  for (const entry of comparable ? (old?.entries ?? []) : []) {
    throwIfAborted(signal);
    const table = tables.find((each) => each.table === entry.record.table);
    const extent = extents.get(entry.record.table)?.find((each) => belongsTo(entry.record, each));
    const kept =
      table !== undefined &&
      extent !== undefined &&
      (await isWhole(out, entry.chunk)) &&
      (await pool.use(extent.node, (session) =>
        isUnchanged(session, { table, extent, range: entry.record }, entry.record, direction),
      ));
    if (kept) done.push(entry);
  }
  await removeOthers(out, new Set(done.map((entry) => entry.chunk.file)));
  if (old !== undefined) {
    log.info(
      `Continuing the unfinished export: ${done.length} of ${old.entries.length} finished chunks are unchanged`,
    );
  }
  const dumpId = old?.header.dumpId ?? randomUUID();
  const journal = await Journal.start(out, { dumpId, planHash: plan.planHash, direction, server }, done);
  return { journal, done };
}

interface Work {
  readonly request: ExportRequest;
  readonly jobs: Jobs;
  readonly cut: Cut;
  readonly pool: SessionPool;
  readonly extents: ReadonlyMap<string, readonly Extent[]>;
  readonly journal: Journal;
  readonly done: readonly JournalEntry[];
  readonly context: Context;
}

async function exportChunks({
  request,
  jobs,
  cut,
  pool,
  extents,
  journal,
  done,
  context,
}: Work): Promise<JournalEntry[]> {
  const { tables, out, compression, direction } = request;
  const parts = tables.map((table) => extents.get(table.table) ?? []);
  const bytes = parts.flat().reduce((sum, part) => sum + part.bytes, 0);
  const chunkBytes = shareOf(request.chunkBytes, bytes, jobs.now);
  const entries = [...done];
  const todo = tables.flatMap((table, index) => numbered(table, parts[index]!, chunkBytes, done));
  const folder = dataFolders(request);
  for (const table of tables) await mkdir(join(out, folder(table)), { recursive: true, mode: 0o700 });
  const finished = finishing(
    tables.map(({ table }) => table),
    todo.map(({ chunk }) => chunk.table.table),
    context.progress,
  );
  const buffers = new BufferPool(jobs.now * PIECES_KEPT);
  const bucket = new TokenBucket(context.pace.bucket, context.clock.now);
  await parallel(todo, jobs, context.signal, async ({ chunk, number }, signal) => {
    await context.pace.ready(signal);
    const { table, extent } = chunk;
    const label = table.table;
    const file = `${folder(table)}/${String(number).padStart(6, '0')}.copy${SUFFIX[compression]}`;
    const written = await pool.use(extent.node, (session) => {
      const source = counted(
        metered(
          readSource(session, chunk, direction, signal, buffers),
          signal,
          context.clock.now,
          {
            bytes: (bytes) => context.progress.advance(label, { bytes }),
            waited: (side, ms) => context.progress.advance(label, { waitMs: { [side]: ms } }),
          },
          bucket,
        ),
      );
      return writeChunk(out, file, compression, source, buffers);
    });
    await context.fail('export: after the chunk file, before its journal line');
    const entry = { record: recordOf(chunk, cut.visible[extent.node.name]!, written.rows), chunk: written };
    await journal.add(entry);
    entries.push(entry);
    context.progress.advance(label, { rows: written.rows });
    context.metrics.count('migrate_export_rows_total', written.rows, { table: label });
    finished(label);
  });
  return entries;
}

/** The chunks still to read, numbered behind those that are kept. */
function numbered(
  table: TablePlan,
  extents: readonly Extent[],
  chunkBytes: number,
  done: readonly JournalEntry[],
): { chunk: SourceChunk; number: number }[] {
  const mine = done.filter((entry) => entry.record.table === table.table);
  const taken = mine.map((entry) => Number(/(\d{6})\.copy/.exec(entry.chunk.file)![1]));
  const first = Math.max(0, ...taken) + 1;
  const records = mine.map((entry) => entry.record);
  return chunksOf(table, extents, chunkBytes, records).map((chunk, index) => ({
    chunk,
    number: first + index,
  }));
}

function manifestOf(
  { reader, plan, tables, direction }: ExportRequest,
  cut: Cut,
  dumpId: string,
  entries: readonly JournalEntry[],
  sequences: SequenceValue[],
): Manifest {
  return {
    formatVersion: FORMAT_VERSION,
    dumpId,
    planHash: plan.planHash,
    direction,
    snapshot: cut.name,
    serverVersion: reader.facts.version,
    database: reader.facts.database,
    tables: tables.map((table) => {
      const chunks = entries
        .filter((entry) => entry.record.table === table.table)
        .map((entry) => entry.chunk)
        .sort((a, b) => (a.file < b.file ? -1 : 1));
      return {
        table: table.table,
        schema: table.schema,
        name: table.name,
        columns: columnsOf(table, direction).map((column) => column.name),
        format: table.format,
        rows: chunks.reduce((sum, chunk) => sum + chunk.rows, 0),
        bytes: chunks.reduce((sum, chunk) => sum + chunk.bytes, 0),
        chunks,
      };
    }),
    sequences,
  };
}
