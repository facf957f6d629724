import { type Cut, takeCut } from '../citus/cut.js';
import type { Database } from '../citus/database.js';
import { SessionPool } from '../citus/pool.js';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import { type Extent, readExtents } from '../export/extents.js';
import type { SequenceValue } from '../export/manifest.js';
import {
  belongsTo,
  type ChunkRecord,
  chunksOf,
  isUnchanged,
  readSource,
  recordOf,
  type SourceChunk,
} from '../export/source-chunks.js';
import type { Ledger, LoadedChunk } from '../ledger/ledger.js';
import { requireDistributionValues } from '../plan/distribution-nulls.js';
import type { Direction } from '../plan/projection.js';
import { sequencesOf } from '../plan/scope.js';
import { requireReadable } from '../postgres/rights.js';
import { sql } from '../postgres/sql-files.js';
import { admit } from './admission.js';
import { runAfterData } from './after-data.js';
import { type LoadPhase, wants } from './import.js';
import { CoordinatorLane, type LoadChunk } from './lane.js';
import { type LoadResult, loadChunks, NOTHING_LOADED } from './load-chunks.js';
import { explainRows, requireTables } from './preflight.js';
import { applyDdl, ddlFor } from './schema.js';
import { referencing, truncateTables } from './truncate.js';

export interface CopyRequest {
  readonly reader: Database;
  readonly writer: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly direction: Direction;
  readonly phase: LoadPhase;
  readonly truncate: boolean;
  readonly chunkBytes: number;
  readonly jobs: number;
}

/** Export and import in one stream: every chunk goes from COPY to COPY without touching a disk. */
export async function copyData(request: CopyRequest, context: Context): Promise<LoadResult> {
  const { reader, writer, plan, tables, direction, phase, jobs } = request;
  await requireReadable(reader.session, [...tables, ...sequencesOf(plan.catalog, tables)]);
  if (direction === 'forward') await requireDistributionValues(reader.session, plan, tables);
  const ledger = await admit({
    writer,
    tables,
    direction,
    loadId: copyId(request),
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
      const sequences = await reader.session.query<SequenceValue>(
        sql('export/sequences'),
        'read the sequences',
      );
      result = {
        ...result,
        refusedViews: await runAfterData({ writer, plan, tables, direction, sequences, jobs }, context),
      };
    }
    return result;
  } finally {
    context.progress.stop();
    await ledger.close();
  }
}

async function loadData(request: CopyRequest, ledger: Ledger, context: Context): Promise<LoadResult> {
  const { reader, writer, tables, direction, truncate, chunkBytes, jobs } = request;
  await requireTables(writer, tables, direction);
  if (truncate) await truncateTables(writer, ledger, tables);
  const loadId = copyId(request);
  const cut = await takeCut(reader, tables);
  const pool = new SessionPool((node) => cut.open(node));
  const lane = new CoordinatorLane({ writer, direction, ledger, loadId, context });
  try {
    const extents = await readExtents(reader, pool, tables);
    const done = await unchangedChunks(request, pool, extents, await ledger.chunks(), loadId, context);
    const chunks = tables.flatMap((table) =>
      chunksOf(table, extents.get(table.table) ?? [], chunkBytes, done.map(recordIn)),
    );
    const expected = tables.map((table) => ({
      table,
      chunks: [...chunks.map((chunk) => ({ table: chunk.table.table, chunk: chunkName(chunk) })), ...done]
        .filter((chunk) => chunk.table === table.table)
        .map((chunk) => chunk.chunk),
    }));
    const loaded = await explainRows(writer, ledger, loadId, expected, context);
    await ledger.addLoad(loadId, 'copy', request.plan.planHash);
    context.progress.start('copy', progressItems(tables, extents));
    const toLoad = chunks.map((chunk) => loadChunk(chunk, cut, pool, direction));
    return await loadChunks(tables, toLoad, loaded, lane, jobs, context);
  } finally {
    await lane.close();
    await pool.close();
    await cut.close();
  }
}

/** The same for every run of this plan from this source: a later run continues an interrupted one. */
function copyId({ reader, plan, direction }: CopyRequest): string {
  const { systemIdentifier, databaseOid } = reader.facts;
  return `copy ${direction} ${systemIdentifier}/${databaseOid} ${plan.planHash.slice(0, 16)}`;
}

function chunkName({ extent, range }: SourceChunk): string {
  return `${extent.node.name} ${extent.relation.schema}.${extent.relation.name} ${extent.filenode} ${range.from}-${range.to ?? ''}`;
}

const recordIn = (row: LoadedChunk): ChunkRecord => row.source as ChunkRecord;

function loadChunk(chunk: SourceChunk, cut: Cut, pool: SessionPool, direction: Direction): LoadChunk {
  return {
    table: chunk.table,
    chunk: chunkName(chunk),
    async *read(signal) {
      const { node } = chunk.extent;
      const session = await pool.borrow(node);
      let read = false;
      try {
        const rows = yield* readSource(session, chunk, direction, signal);
        read = true;
        return rows;
      } finally {
        // One that stopped in the middle cannot be used again.
        if (read) pool.giveBack(node, session);
        else await session.close();
      }
    },
    record: (rows) => recordOf(chunk, cut.visible[chunk.extent.node.name]!, rows),
  };
}

function progressItems(tables: readonly TablePlan[], extents: ReadonlyMap<string, readonly Extent[]>) {
  return tables.map((table) => {
    const parts = extents.get(table.table) ?? [];
    return {
      label: table.table,
      totalRows: parts.reduce((total, part) => total + part.rows, 0),
      totalBytes: parts.reduce((total, part) => total + part.bytes, 0),
    };
  });
}

/**
 * What an earlier run of this copy loaded and the source still has, row for row. Rows that have changed since
 * cannot be taken out of the target again one by one: then the table has to start over.
 */
async function unchangedChunks(
  { writer, tables, direction }: CopyRequest,
  pool: SessionPool,
  extents: ReadonlyMap<string, readonly Extent[]>,
  ledger: readonly LoadedChunk[],
  loadId: string,
  { signal, log }: Context,
): Promise<LoadedChunk[]> {
  const mine = ledger.filter((row) => row.loadId === loadId);
  const kept: LoadedChunk[] = [];
  const changed = new Set<string>();
  for (const row of mine) {
    throwIfAborted(signal);
    const table = tables.find((each) => each.table === row.table);
    if (table === undefined) continue;
    const record = recordIn(row);
    const extent = extents.get(row.table)?.find((each) => belongsTo(record, each));
    const same =
      extent !== undefined &&
      (await pool.use(extent.node, (session) =>
        isUnchanged(session, { table, extent, range: record }, record, direction),
      ));
    if (same) kept.push(row);
    else changed.add(row.table);
  }
  if (changed.size > 0) {
    const over = tables.filter(({ table }) => changed.has(table));
    const names = [...changed, ...(await referencing(writer, over))];
    throw new MigrateError('SOURCE_CHANGED', {
      message: `Rows that are already on the target have changed on the source since: ${[...changed].join(', ')}`,
      hint: `Start these tables over with \`migrate copy${direction === 'reverse' ? ' --reverse' : ''} --phase data --truncate --tables ${names.join(',')}\`; then repeat this command.`,
      context: { tables: [...changed] },
    });
  }
  if (kept.length > 0) log.info(`Continuing: ${kept.length} chunks are on the target already`);
  return kept;
}
