import { displayName, parseName, quoteLiteral } from '../core/names.js';
import { listOf, logOf, SEGMENTS, singleOf } from '../dualwrite/names.js';
import { isProbe } from '../dualwrite/probe-tables.js';
import { type CapturedRow, readCaptured, readState, whyDropped } from '../dualwrite/state.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** What is known of a node that was left behind. */
export interface LostNode {
  readonly node: string;
  /** Keys that were changed there and had not come back, those aside that a node before it has told, and tables that were emptied; null: nobody can tell yet. */
  readonly changes: number | null;
  readonly reason: string;
  /** How many of each table. */
  readonly tables: Readonly<Record<string, number>>;
}

/** One key that was changed on a node and had not come back, or a table that was emptied there. */
export interface NotBack {
  readonly table: string;
  /** Column → value as text, of the key and of what the row's place follows from; absent: TRUNCATE. */
  readonly key?: Readonly<Record<string, string | null>>;
  /** How often it was logged. */
  readonly times?: number;
  /** When last, by the node's clock. */
  readonly at: string;
}

/** Keys that are read at once. */
const BATCH = 10_000;

function versionsOf({ id, tracked }: CapturedRow, drained: string): string {
  const fresh = `NOT pg_visible_in_snapshot(l.xid, ${quoteLiteral(drained)}::pg_snapshot)`;
  const keyOf = (alias: string): string =>
    `json_build_object(${tracked.map((name, at) => `${quoteLiteral(name)}, ${alias}.${singleOf(at)}::text`).join(', ')})::text`;
  const lists = tracked.map((_, at) => `l.${listOf(at)}`).join(', ');
  const names = tracked.map((_, at) => singleOf(at)).join(', ');
  return SEGMENTS.flatMap((segment) => [
    `SELECT ${keyOf('l')} AS key, l.at FROM ${logOf(id, segment)} l WHERE l.a1 IS NULL AND ${fresh}`,
    `SELECT ${keyOf('u')}, l.at FROM ${logOf(id, segment)} l, unnest(${lists}) AS u (${names}) WHERE l.a1 IS NOT NULL AND ${fresh}`,
  ]).join(' UNION ALL ');
}

/**
 * Reads off one node what it has logged and the single node has not got, as far as the node was told of the last pass:
 * one that was cut off between its commit and that message is listed once more. `tell` gets every key, and says
 * whether it is new: rows of reference tables are logged on every node.
 */
export async function readNotBack(
  session: Session,
  node: string,
  tell: (change: NotBack) => Promise<boolean>,
): Promise<LostNode> {
  const state = await readState(session);
  const tables: Record<string, number> = {};
  if (state?.drained == null)
    return { node, changes: null, reason: 'it answered, but nothing was captured there', tables };
  const { drained } = state;
  const count = async (change: NotBack): Promise<void> => {
    if (await tell(change)) tables[change.table] = (tables[change.table] ?? 0) + 1;
  };
  await session.transaction(async () => {
    // What the way back was tried with is nobody's row.
    const captured = (await readCaptured(session)).filter(({ table }) => !isProbe(table));
    const names = new Map(captured.map((row) => [row.id, displayName(parseName(row.table))]));
    for (const row of captured) {
      const versions = versionsOf(row, drained);
      await session.query(`DECLARE not_back CURSOR FOR ${sql('cutover/not-back', { versions })}`);
      for (;;) {
        const keys = await session.query<{ key: string; times: number; at: string }>(
          `FETCH ${BATCH} FROM not_back`,
          'read the change log',
        );
        for (const { key, times, at } of keys)
          await count({ table: names.get(row.id)!, key: JSON.parse(key), times, at });
        if (keys.length < BATCH) break;
      }
      await session.query('CLOSE not_back');
    }
    const emptied = await session.query<{ id: number; at: string }>(
      `SELECT t.table_id AS id, max(t.at)::text AS at FROM citus_migrate.truncation t WHERE NOT pg_visible_in_snapshot(t.xid, ${quoteLiteral(drained)}::pg_snapshot) GROUP BY 1`,
      'read the change log',
    );
    for (const { id, at } of emptied) await count({ table: names.get(id) ?? `table ${id}`, at });
  }, 'ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const changes = Object.values(tables).reduce((sum, each) => sum + each, 0);
  const dropped = whyDropped(state);
  return dropped === undefined
    ? { node, changes, reason: 'it answered: these had not come back', tables }
    : {
        node,
        changes: null,
        reason: `it answered, but ${dropped}: more may have changed than it tells`,
        tables,
      };
}
