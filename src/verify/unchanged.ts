import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { Unit } from './units.js';

/** Rows that there are now, and those of them that an earlier snapshot saw too. */
export interface KnownRows {
  readonly rows: bigint;
  readonly known: bigint;
}

/** Identity of the server and of its history: snapshots of one can be told apart from those of another. */
export async function serverIdentity(session: Session): Promise<string> {
  const { identity } = await session.one<{ identity: string }>(sql('verify/server-identity'));
  return identity;
}

/**
 * Older than every transaction that was under way at the snapshot: pg_visible_in_snapshot would call rows of their
 * subtransactions seen, and on a standby, where the list of those under way is empty, all of theirs. The number in
 * full is the newest one with these 32 bits that is not in the future: a row from before the last wrap-around can
 * look new, never a new row old (as in sql/export/unchanged.sql).
 */
function wasVisible(column: string, snapshot: string): string {
  const full = `floor(now.xmax / 4294967296) * 4294967296 + g.${column}::text::numeric`;
  const past = `CASE WHEN ${full} >= now.xmax AND ${full} >= 4294967296 THEN ${full} - 4294967296 ELSE ${full} END`;
  return `(${past}) < pg_snapshot_xmin('${snapshot}'::pg_snapshot)::text::numeric`;
}

/**
 * By the shard that `bucket` evaluates to: a unit's rows now, and those that `visible` (pg_current_snapshot() of an
 * earlier time on the same server) saw for certain. As many as then, and all of them known: exactly the rows of then, for a
 * changed row is new, and a new one beside a deleted one is not known.
 */
export async function knownRows(
  session: Session,
  unit: Unit,
  visible: string,
  bucket: string,
): Promise<Map<number, KnownRows>> {
  const aliases = ['t', ...Array.from({ length: unit.joined }, (_, index) => `via${index + 1}`)];
  const rows = await session.query<{ bucket: number; rows: string; known: string }>(
    sql('verify/unchanged', {
      bucket,
      xmins: aliases.map((alias, index) => `${alias}.xmin AS x${index}`).join(', '),
      groups: aliases.map((_, index) => `x${index}`).join(', '),
      known: aliases.map((_, index) => wasVisible(`x${index}`, visible)).join(' AND '),
      from: unit.from,
      condition: unit.condition,
    }),
    `look for changes in ${unit.table.table}`,
  );
  return new Map(rows.map((row) => [row.bucket, { rows: BigInt(row.rows), known: BigInt(row.known) }]));
}

/** True when these are exactly `rows` rows, all of them known. */
export function isSame(found: KnownRows | undefined, rows: bigint): boolean {
  const { rows: now, known } = found ?? { rows: 0n, known: 0n };
  return now === rows && known === rows;
}
