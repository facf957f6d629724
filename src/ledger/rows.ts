import { createHash } from 'node:crypto';
import type { HashRange } from '../core/destinations.js';
import { quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** A chunk that is complete on the target. */
export interface NewChunk {
  readonly table: string;
  readonly chunk: string;
  readonly rows: number;
  /** Rows that the target refused and that were set aside. */
  readonly rejected: number;
  readonly source?: unknown;
}

/** What became of a chunk's rows. */
export interface Arrived {
  readonly rows: number;
  readonly rejected: number;
}

export function sumArrived(parts: readonly Arrived[]): Arrived {
  return {
    rows: parts.reduce((sum, part) => sum + part.rows, 0),
    rejected: parts.reduce((sum, part) => sum + part.rejected, 0),
  };
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
      rejected: chunk.rejected,
      source,
    }),
    'write the ledger',
  );
}

/** What became of a chunk that is complete; undefined when it is not. */
export async function chunkRows(
  session: Session,
  loadId: string,
  { table, chunk }: { table: string; chunk: string },
): Promise<Arrived | undefined> {
  const [row] = await session.query<{ rows: string; rejected: string }>(
    sql('ledger/chunk', { load_id: loadId, table_name: table, chunk }),
    'read the ledger',
  );
  return row && { rows: Number(row.rows), rejected: Number(row.rejected) };
}

/** What a lane has committed of a chunk on one node. */
export interface LaneRow {
  readonly loadId: string;
  readonly table: string;
  readonly chunk: string;
  readonly ranges: readonly HashRange[];
  /** Rows whose first placement is on that node. */
  readonly rows: number;
  readonly rejected: number;
  readonly attempt: string;
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
  const { table, chunk, rows, rejected, attempt } = row;
  await session.query(
    sql('ledger/add-lane', {
      load_id: loadId,
      table_name: table,
      chunk,
      rows,
      rejected,
      attempt,
      ranges,
      source,
    }),
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
    Omit<LaneRow, 'rows' | 'rejected' | 'ranges'> & {
      rejected: string;
      rows: string;
      ranges: [number, number][];
    }
  >(sql('ledger/lanes', { filter }), 'read the ledger');
  return rows.map((row) => ({
    ...row,
    rows: Number(row.rows),
    rejected: Number(row.rejected),
    ranges: row.ranges.map(([min, max]) => ({ min, max })),
  }));
}

/** The name of the only attempt at a chunk that can be committed when one transaction holds all of it. */
export function attemptOf(loadId: string, { table, chunk }: { table: string; chunk: string }): string {
  return createHash('sha256').update(`${loadId}\n${table}\n${chunk}`).digest('hex').slice(0, 32);
}

/**
 * Lets one transaction at a time work on a chunk on this node, and waits for one whose client has gone: what that one
 * commits is in the ledger before this returns.
 */
export async function lockChunk(
  session: Session,
  loadId: string,
  chunk: { table: string; chunk: string },
): Promise<void> {
  const key = BigInt.asIntN(64, BigInt(`0x${attemptOf(loadId, chunk).slice(0, 16)}`));
  await session.query(
    `SELECT pg_advisory_xact_lock(${key})`,
    `wait for an earlier attempt at ${chunk.chunk}`,
  );
}
