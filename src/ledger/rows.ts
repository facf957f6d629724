import { createHash } from 'node:crypto';
import type { HashRange } from '../core/destinations.js';
import { MigrateError } from '../core/errors.js';
import { quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** Advisory lock key that every transaction of a lane shares and a new run takes alone: "cmil" as a number. */
export const LANE_KEY = 0x63_6d_69_6c;

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

/**
 * Writes a chunk's row in whatever transaction the session has open. `committed`: its rows are there for good
 * already, so that this row may be too.
 */
export async function addChunk(
  session: Session,
  loadId: string,
  chunk: NewChunk,
  committed = false,
): Promise<void> {
  const source = chunk.source === undefined ? '' : JSON.stringify(chunk.source);
  await session.query(
    sql(committed ? 'ledger/complete-chunk' : 'ledger/add-chunk', {
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
  readonly ranges: readonly LaneRange[];
  /** Rows whose first placement (lowest group) is on that node. */
  readonly rows: number;
  readonly rejected: number;
  readonly attempt: string;
  readonly source: unknown;
}

export interface LaneRange extends HashRange {
  /** Groups of the nodes that held a replicated shard, in order; absent where there is one placement. */
  readonly groups?: readonly number[];
}

export interface NewLaneRow extends NewChunk {
  /** Tells this attempt's row from those of earlier ones. */
  readonly attempt: string;
  readonly ranges: readonly LaneRange[];
}

export async function addLaneRow(session: Session, loadId: string, row: NewLaneRow): Promise<void> {
  const source = row.source === undefined ? '' : JSON.stringify(row.source);
  const ranges = JSON.stringify(
    row.ranges.map(({ min, max, groups }) => [min, max, ...(groups === undefined ? [] : [groups])]),
  );
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

async function hasLanes(session: Session): Promise<boolean> {
  const { exists } = await session.one<{ exists: boolean }>(
    `SELECT to_regclass('citus_migrate.lane') IS NOT NULL AS exists`,
  );
  return exists;
}

/** Forgets what lanes have committed of `tables` on a node. */
export async function forgetLaneRows(session: Session, tables: readonly string[]): Promise<void> {
  if (!(await hasLanes(session))) return;
  await session.query(
    `DELETE FROM citus_migrate.lane WHERE table_name IN (${tables.map(quoteLiteral).join(', ')})`,
    'forget what was loaded',
  );
}

/** The lane rows of a node: of one load, and of one chunk where it is named. A node that has joined since has none. */
export async function readLaneRows(
  session: Session,
  loadId: string,
  chunk?: { readonly table: string; readonly chunk: string },
): Promise<LaneRow[]> {
  if (!(await hasLanes(session))) return [];
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
      ranges: [min: number, max: number, groups?: number[]][];
    }
  >(sql('ledger/lanes', { filter }), 'read the ledger');
  return rows.map((row) => ({
    ...row,
    rows: Number(row.rows),
    rejected: Number(row.rejected),
    ranges: row.ranges.map(([min, max, groups]) => ({ min, max, ...(groups ? { groups } : {}) })),
  }));
}

/** The name of the only attempt at a chunk that can be committed when one transaction holds all of it. */
export function attemptOf(loadId: string, { table, chunk }: { table: string; chunk: string }): string {
  return createHash('sha256').update(`${loadId}\n${table}\n${chunk}`).digest('hex').slice(0, 32);
}

const chunkKey = (loadId: string, chunk: { table: string; chunk: string }): string =>
  String(BigInt.asIntN(64, BigInt(`0x${attemptOf(loadId, chunk).slice(0, 16)}`)));

/**
 * In a transaction at READ COMMITTED that has written nothing yet: lets one transaction at a time work on a chunk on
 * this node, and waits for one whose client has gone: what that one commits is in the ledger before this returns.
 * Throws RUN_LOCKED when another run has taken over since this one began.
 */
export async function lockChunk(
  session: Session,
  { loadId, runId }: { loadId: string; runId: string },
  chunk: { table: string; chunk: string },
): Promise<void> {
  const [owner] = await session.query<{ runId: string }>(
    sql('ledger/lock-chunk', { lanes: LANE_KEY, chunk: chunkKey(loadId, chunk) }),
    `wait for an earlier attempt at ${chunk.chunk}`,
  );
  if (owner?.runId === runId) return;
  throw new MigrateError('RUN_LOCKED', {
    message: `Another run has taken over this target: ${owner?.runId ?? 'unknown'}`,
    hint: 'This run had lost its lock. Nothing is lost or repeated: wait for the other one.',
  });
}

/** Ends what earlier attempts at a chunk may still have open on this node. */
export async function endAttempts(
  session: Session,
  loadId: string,
  chunk: { table: string; chunk: string },
): Promise<void> {
  await session.query(sql('ledger/end-attempts', { chunk: chunkKey(loadId, chunk) }), 'end earlier attempts');
}
