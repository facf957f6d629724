import { quoteLiteral } from '../core/names.js';
import { isState, type Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { logOf, type Segment } from './names.js';
import { rotate, type SegmentSize } from './rotation.js';

const LOCK_NOT_AVAILABLE = '55P03';

export async function readSizes(session: Session): Promise<SegmentSize[]> {
  const rows = await session.query<{ id: number; segment: Segment; bytes: string }>(
    sql('dualwrite/log-sizes'),
    'measure the change log',
  );
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes) }));
}

/** Sends writers to the other segment when theirs has grown, and empties what has been applied. */
export async function rotateSegments(session: Session, current: Segment, drained: string): Promise<void> {
  const { write, empty } = rotate(current, await readSizes(session));
  if (write !== current) {
    await session.query(sql('dualwrite/turn', { segment: write }), 'turn to the other segment');
  }
  for (const { id, segment } of empty) await emptySegment(session, logOf(id, segment), drained);
}

/**
 * Behind the lock nobody who has written to the segment is still open, so what is not in the snapshot is all that may
 * not go. NOWAIT: whoever writes never queues behind this.
 */
async function emptySegment(session: Session, log: string, drained: string): Promise<void> {
  try {
    await session.transaction(async () => {
      await session.query(`LOCK TABLE ${log} IN ACCESS EXCLUSIVE MODE NOWAIT`, 'empty a segment');
      const left = await session.query(
        `SELECT FROM ${log} WHERE NOT pg_visible_in_snapshot(xid, ${quoteLiteral(drained)}::pg_snapshot) LIMIT 1`,
      );
      if (left.length === 0) await session.query(`TRUNCATE ${log}`, 'empty a segment');
    }, 'ISOLATION LEVEL READ COMMITTED');
  } catch (error) {
    if (!isState(error, LOCK_NOT_AVAILABLE)) throw error;
  }
}
