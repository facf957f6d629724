import type { BufferPool } from '../core/buffer-pool.js';
import { qualified } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { type Direction, fromClause, ROW, selectList } from '../plan/projection.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { cutExtent, type PageRange, tidRange } from './chunks.js';
import type { Extent } from './extents.js';

/** The unit of export and load: a range of pages of one part of a table. */
export interface SourceChunk {
  readonly table: TablePlan;
  readonly extent: Extent;
  readonly range: PageRange;
}

/** What is kept of a chunk that was read, to tell later whether reading it again would give the same rows. */
export interface ChunkRecord extends PageRange {
  readonly table: string;
  /** Node name: as the cluster says, and as the user does of a single node or coordinator. */
  readonly node: string;
  /** Citus's group of that node, 0 for a single node or coordinator; absent in older records. */
  readonly group?: number;
  /** Qualified name of the part. */
  readonly relation: string;
  readonly filenode: string;
  /** pg_current_snapshot() of that node under which it was read. */
  readonly visible: string;
  readonly rows: number;
}

export function recordOf(chunk: SourceChunk, visible: string, rows: number): ChunkRecord {
  return {
    table: chunk.table.table,
    node: chunk.extent.node.name,
    group: chunk.extent.node.groupId,
    relation: qualified(chunk.extent.relation),
    filenode: chunk.extent.filenode,
    from: chunk.range.from,
    to: chunk.range.to,
    visible,
    rows,
  };
}

/**
 * The same node. The single node and the coordinator have the address that the user gave, which may be spelled
 * otherwise today (localhost, 127.0.0.1, a name); which server it is was settled when the load was found to be the
 * same. Records without a group are older: there the names decide.
 */
const isSameNode = ({ node, group }: ChunkRecord, extent: Extent): boolean =>
  group === 0 ? extent.node.groupId === 0 : node === extent.node.name;

/** True when the record speaks of this part of the table as it lies now. */
export function belongsTo(record: ChunkRecord, extent: Extent): boolean {
  return (
    isSameNode(record, extent) &&
    record.relation === qualified(extent.relation) &&
    record.filenode === extent.filenode
  );
}

/** Why a part of a table is not where the record has it: its shard is on another node now, or its file is another. */
export function whyGone(record: ChunkRecord, extents: readonly Extent[]): 'moved' | 'rewritten' {
  const there = extents.filter((extent) => record.relation === qualified(extent.relation));
  return there.length > 0 && !there.some((extent) => isSameNode(record, extent)) ? 'moved' : 'rewritten';
}

/** The chunks of a table that `done` does not hold yet. */
export function chunksOf(
  table: TablePlan,
  extents: readonly Extent[],
  chunkBytes: number,
  done: readonly ChunkRecord[] = [],
): SourceChunk[] {
  return extents.flatMap((extent) =>
    cutExtent(
      extent,
      chunkBytes,
      done.filter((record) => belongsTo(record, extent)),
    ).map((range) => ({ table, extent, range })),
  );
}

/** The COPY stream of a chunk in buffers from `pool`, read in the session's snapshot; returns the server's row count. */
export function readSource(
  session: Session,
  chunk: SourceChunk,
  direction: Direction,
  signal: AbortSignal,
  pool: BufferPool,
): AsyncGenerator<Buffer, number> {
  const { table, extent, range } = chunk;
  return session.copyOut(
    sql('export/chunk', {
      columns: selectList(table, direction),
      from: fromClause(table, extent.relation, direction),
      format: table.format,
      ...tidRange(range),
    }),
    `read ${table.table}`,
    signal,
    pool,
  );
}

/**
 * True when the chunk still holds exactly the rows that were read: the part was not rewritten, no row is newer than
 * the recorded snapshot, and none is gone. An updated row is newer in its new place and gone from its old one.
 */
export async function isUnchanged(
  session: Session,
  chunk: SourceChunk,
  record: ChunkRecord,
  direction: Direction,
): Promise<boolean> {
  const { table, extent } = chunk;
  if (!belongsTo(record, extent)) return false;
  const steps =
    direction === 'forward' && table.placement.kind === 'distributed' ? table.placement.via.length : 0;
  const aliases = [ROW, ...Array.from({ length: steps }, (_, index) => `via${index + 1}`)];
  const now = await session.one<{ rows: string; newer: string }>(
    sql('export/unchanged', {
      from: fromClause(table, extent.relation, direction),
      xmins: aliases.map((alias, position) => `(${position}, ${alias}.xmin)`).join(', '),
      snapshot: record.visible,
      ...tidRange(record),
    }),
    `look for changes in ${table.table}`,
  );
  return now.newer === '0' && now.rows === String(record.rows);
}
