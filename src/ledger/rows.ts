import type { HashRange } from '../core/destinations.js';
import { quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** A chunk that is complete on the target. */
export interface NewChunk {
  readonly table: string;
  readonly chunk: string;
  readonly rows: number;
  readonly source?: unknown;
}

/** Writes a chunk's row in whatever transaction the session has open. */
export async function addChunk(session: Session, loadId: string, chunk: NewChunk): Promise<void> {
  const source = chunk.source === undefined ? '' : JSON.stringify(chunk.source);
  await session.query(
    sql('ledger/add-chunk', {
      load_id: loadId,
      table_name: chunk.table,
      chunk: chunk.chunk,
      rows: chunk.rows,
      source,
    }),
    'write the ledger',
  );
}

/** Rows of a chunk that is complete; undefined when it is not. */
export async function chunkRows(
  session: Session,
  loadId: string,
  table: string,
  chunk: string,
): Promise<number | undefined> {
  const [row] = await session.query<{ rows: string }>(
    sql('ledger/chunk', { load_id: loadId, table_name: table, chunk }),
    'read the ledger',
  );
  return row === undefined ? undefined : Number(row.rows);
}

/** What a lane has committed of a chunk on one node. */
export interface LaneRow {
  readonly loadId: string;
  readonly table: string;
  readonly chunk: string;
  readonly ranges: readonly HashRange[];
  /** Rows whose first placement is on that node. */
  readonly rows: number;
  readonly source: unknown;
}

export interface NewLaneRow extends NewChunk {
  /** Tells this attempt's row from those of earlier ones. */
  readonly attempt: string;
  readonly ranges: readonly HashRange[];
}

export async function addLaneRow(session: Session, loadId: string, row: NewLaneRow): Promise<void> {
  const source = row.source === undefined ? '' : JSON.stringify(row.source);
  const ranges = JSON.stringify(row.ranges.map(({ min, max }) => [min, max]));
  const { table, chunk, rows, attempt } = row;
  await session.query(
    sql('ledger/add-lane', { load_id: loadId, table_name: table, chunk, rows, attempt, ranges, source }),
    'write the ledger',
  );
}

/** The lane rows of a node: of one load, and of one chunk where it is named. */
export async function readLaneRows(
  session: Session,
  loadId: string,
  chunk?: { readonly table: string; readonly chunk: string },
): Promise<LaneRow[]> {
  const filter = [
    `l.load_id = ${quoteLiteral(loadId)}`,
    ...(chunk
      ? [`l.table_name = ${quoteLiteral(chunk.table)}`, `l.chunk = ${quoteLiteral(chunk.chunk)}`]
      : []),
  ].join(' AND ');
  const rows = await session.query<
    Omit<LaneRow, 'rows' | 'ranges'> & { rows: string; ranges: [number, number][] }
  >(sql('ledger/lanes', { filter }), 'read the ledger');
  return rows.map((row) => ({
    ...row,
    rows: Number(row.rows),
    ranges: row.ranges.map(([min, max]) => ({ min, max })),
  }));
}
