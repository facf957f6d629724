import { type Cut, takeCut } from '../citus/cut.js';
import type { Database } from '../citus/database.js';
import { SessionPool } from '../citus/pool.js';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { plural } from '../core/format.js';
import type { Jobs } from '../core/jobs.js';
import { capital, readPlace, writtenPlace } from '../core/places.js';
import type { TablePlan } from '../core/plan-types.js';
import { type Extent, readExtents } from '../export/extents.js';
import type { SequenceValue } from '../export/manifest.js';
import {
  belongsTo,
  type ChunkRecord,
  chunksOf,
  isUnchanged,
  recordOf,
  type SourceChunk,
  whyGone,
} from '../export/source-chunks.js';
import type { Ledger, LoadedChunk } from '../ledger/ledger.js';
import type { LaneRow } from '../ledger/rows.js';
import { requireDistributionValues } from '../plan/distribution-nulls.js';
import type { Direction } from '../plan/projection.js';
import { sequencesOf } from '../plan/scope.js';
import { requireReadable } from '../postgres/rights.js';
import { sql } from '../postgres/sql-files.js';
import { type ChunkTask, sideSetup, withExecutor } from './executor.js';
import { type LoadResult, loadChunks, refusedOf } from './load-chunks.js';
import { explainRows, requireTables } from './preflight.js';
import { type Lanes, laneOf, usesLanes } from './route.js';
import { type LoadRequest, ownQuarantine, runLoad, wants } from './run.js';
import { droppableIndexes, referencing, truncateTables } from './truncate.js';

export interface CopyRequest extends LoadRequest {
  readonly reader: Database;
  readonly direction: Direction;
  /** Wished size of a chunk, bytes on the source's disk. */
  readonly chunkBytes: number;
}

/** Export and import in one stream: every chunk goes from COPY to COPY without touching a disk. */
export async function copyData(request: CopyRequest, context: Context): Promise<LoadResult> {
  const { reader, plan, tables, direction } = request;
  await requireReadable(reader.session, [...tables, ...sequencesOf(plan.catalog, tables)]);
  if (direction === 'forward') await requireDistributionValues(reader.session, plan, tables);
  return runLoad(
    request,
    {
      direction,
      loadId: copyId(request),
      reader,
      loadData: (ledger, lanes, jobs, during) => loadData(request, lanes, ledger, jobs, during),
      sequences: () => readSequences(reader),
    },
    context,
  );
}

/** Over a connection of its own: the one that the run began with may have been cut off unnoticed since. */
async function readSequences(reader: Database): Promise<SequenceValue[]> {
  const session = await reader.connect();
  try {
    return await session.query<SequenceValue>(sql('export/sequences'), 'read the sequences');
  } finally {
    await session.close();
  }
}

async function loadData(
  request: CopyRequest,
  lanes: Lanes,
  ledger: Ledger,
  jobs: Jobs,
  context: Context,
): Promise<LoadResult> {
  const { reader, writer, tables, direction, truncate, chunkBytes } = request;
  await requireTables(writer, tables, direction);
  if (truncate) {
    const indexes = wants(request.phase, 'after-data')
      ? droppableIndexes(request.plan, direction, tables)
      : [];
    await truncateTables(writer, ledger, tables, indexes, context);
    request.onEmptied?.();
  }
  const loadId = copyId(request);
  const cut = await takeCut(reader, tables);
  const pool = new SessionPool((node) => cut.open(node));
  try {
    const extents = await readExtents(reader, pool, tables);
    const complete = (await ledger.chunks()).filter((row) => row.loadId === loadId);
    const begun = await ledger.begun(loadId);
    const planTasks = async (
      rows: readonly LoadedChunk[],
      parts: readonly LaneRow[],
    ): Promise<ChunkTask[]> => {
      const known = [...rows, ...new Map(parts.map((row) => [nameOf(row), row])).values()];
      const places = await unchangedPlaces(request, pool, extents, known, context);
      const refused = refusedOf(parts);
      const resumed = known.slice(rows.length).flatMap((row) => {
        const place = places.get(row);
        return place === undefined ? [] : [{ place, name: row.chunk, refused: refused.get(nameOf(row))! }];
      });
      const fresh = tables.flatMap((table) =>
        chunksOf(table, extents.get(table.table) ?? [], chunkBytes, known.map(recordIn)),
      );
      return [
        ...resumed.map(({ place, name, refused }) =>
          taskOf(place, cut, lanes, name, { resumed: true, refused }),
        ),
        ...fresh.map((chunk) => taskOf(chunk, cut, lanes, chunkName(chunk), { resumed: false, refused: 0 })),
      ];
    };
    let tasks = await planTasks(complete, begun);
    const expected = tables.map((table) => ({
      table,
      chunks: [...tasks.map(({ chunk, table: { table: name } }) => ({ table: name, chunk })), ...complete]
        .filter((chunk) => chunk.table === table.table)
        .map((chunk) => chunk.chunk),
    }));
    const loaded = await explainRows(writer, ledger, loadId, expected, begun, context);
    // Tables that were emptied by hand are read anew, all of them.
    if (loaded.length < complete.length) tasks = await planTasks(loaded, await ledger.begun(loadId));
    await ledger.addLoad({ loadId, kind: 'copy', planHash: request.plan.planHash, lanes: usesLanes(lanes) });
    context.progress.start('copy', progressItems(tables, extents));
    const quarantine = ownQuarantine(request, loadId);
    const setup = {
      writer: sideSetup(writer.connector, request.stallMs),
      reader: { ...sideSetup(reader.connector, request.stallMs), exported: cut.exported },
      direction,
      loadId,
      bucket: context.pace.bucket,
      ...(quarantine && { quarantine }),
    };
    return await withExecutor({ ...request, jobs: jobs.now }, setup, context, (executor) =>
      loadChunks(tables, tasks, loaded, executor, jobs, quarantine, context),
    );
  } finally {
    await pool.close();
    await cut.close();
  }
}

const nameOf = ({ table, chunk }: { table: string; chunk: string }): string => `${table}\n${chunk}`;

/** The same for every run of this plan from this source: a later run continues an interrupted one. */
function copyId({ reader, plan, direction }: CopyRequest): string {
  const { systemIdentifier, databaseOid } = reader.facts;
  return `copy ${direction} ${systemIdentifier}/${databaseOid} ${plan.planHash.slice(0, 16)}`;
}

function chunkName({ extent, range }: SourceChunk): string {
  return `${extent.node.name} ${extent.relation.schema}.${extent.relation.name} ${extent.filenode} ${range.from}-${range.to ?? ''}`;
}

const recordIn = (row: { source: unknown }): ChunkRecord => row.source as ChunkRecord;

function taskOf(
  chunk: SourceChunk,
  cut: Cut,
  lanes: Lanes,
  // Of a chunk that was begun, what the ledger calls it: its node may be spelled otherwise today.
  name: string,
  earlier: Pick<ChunkTask, 'resumed' | 'refused'>,
): ChunkTask {
  const { table, ...place } = chunk;
  const { rows: _, ...record } = recordOf(chunk, cut.visible[chunk.extent.node.name]!, 0);
  const via = laneOf(lanes, table, earlier.resumed);
  return {
    table,
    chunk: name,
    via,
    ...earlier,
    source: { kind: 'source', chunk: place, record },
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

const whyOver = ({ options }: Database, tables: readonly string[], why: string): string[] =>
  tables.length === 0 ? [] : [`${capital(readPlace(options.side))}, ${tables.join(', ')}: ${why}`];

/**
 * Where the rows of chunks that are on the target already still lie on the source, row for row. Rows that have
 * changed since cannot be taken out of the target again one by one: then the table has to start over.
 */
async function unchangedPlaces<R extends { table: string; source: unknown }>(
  { reader, writer, tables, direction }: CopyRequest,
  pool: SessionPool,
  extents: ReadonlyMap<string, readonly Extent[]>,
  known: readonly R[],
  { signal, log }: Context,
): Promise<Map<R, SourceChunk>> {
  const places = new Map<R, SourceChunk>();
  const changed = new Set<string>();
  const gone = { moved: new Set<string>(), rewritten: new Set<string>() };
  for (const row of known) {
    throwIfAborted(signal);
    const table = tables.find((each) => each.table === row.table);
    if (table === undefined) continue;
    const record = recordIn(row);
    const extent = extents.get(row.table)?.find((each) => belongsTo(record, each));
    const chunk = extent && { table, extent, range: { from: record.from, to: record.to } };
    const same =
      chunk !== undefined &&
      (await pool.use(chunk.extent.node, (session) => isUnchanged(session, chunk, record, direction)));
    if (same) places.set(row, chunk);
    else changed.add(row.table);
    if (extent === undefined) gone[whyGone(record, extents.get(row.table) ?? [])].add(row.table);
  }
  if (changed.size > 0) {
    const over = tables.filter(({ table }) => changed.has(table));
    const names = [...changed, ...(await referencing(writer, over))];
    throw new MigrateError('SOURCE_CHANGED', {
      message: [
        ...whyOver(
          reader,
          [...changed].filter((table) => !gone.moved.has(table) && !gone.rewritten.has(table)),
          `rows that are already on ${writtenPlace(writer.options.side)} have changed there since`,
        ),
        ...whyOver(
          reader,
          [...gone.rewritten],
          `rewritten since (VACUUM FULL, CLUSTER, TRUNCATE, ALTER TABLE), so nobody can tell which of its rows are on ${writtenPlace(writer.options.side)} already`,
        ),
        ...whyOver(
          reader,
          [...gone.moved],
          `shards were moved to other nodes since, where their rows lie in other places, so nobody can tell which of them are on ${writtenPlace(writer.options.side)} already`,
        ),
      ].join('; '),
      hint: `Start these tables over with \`migrate copy${direction === 'reverse' ? ' --reverse' : ''} --phase data --truncate --tables ${names.join(',')}\`; then repeat this command.`,
      context: { tables: [...changed] },
    });
  }
  if (places.size > 0)
    log.info(
      `Continuing: ${plural(places.size, 'chunk')} ${places.size === 1 ? 'is' : 'are'} on ${writtenPlace(writer.options.side)} already`,
    );
  return places;
}
