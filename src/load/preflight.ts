import type { Database } from '../citus/database.js';
import { settlePrepared } from '../citus/settle.js';
import { readShards, shardsOf, type TableShards } from '../citus/shards.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { qualified, quoteLiteral } from '../core/names.js';
import { capital } from '../core/places.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Ledger, LoadedChunk } from '../ledger/ledger.js';
import type { LaneRow } from '../ledger/rows.js';
import { columnsOf, type Direction } from '../plan/projection.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { isReplicated } from './same-placements.js';

interface ColumnRow {
  schema: string;
  name: string;
  column: string | null;
  type: string;
}

/** The columns of the tables that exist, with their types, by qualified name. */
async function readColumns(
  writer: Database,
  tables: readonly TablePlan[],
): Promise<Map<string, Map<string, string>>> {
  const names = tables
    .map((table) => `(${quoteLiteral(table.schema)}, ${quoteLiteral(table.name)})`)
    .join(', ');
  const rows = await writer.session.query<ColumnRow>(
    sql('load/columns', { tables: names }),
    'read the tables',
  );
  const columns = new Map<string, Map<string, string>>();
  for (const row of rows) {
    const name = qualified(row);
    const known = columns.get(name) ?? new Map<string, string>();
    columns.set(name, row.column === null ? known : known.set(row.column, row.type));
  }
  return columns;
}

function wrongColumns(
  table: TablePlan,
  direction: Direction,
  actual: ReadonlyMap<string, string> | undefined,
): string[] {
  return columnsOf(table, direction).flatMap((column) => {
    const planned = direction === 'forward' ? column.targetType : column.sourceType;
    const found = actual?.get(column.name);
    return found === planned
      ? []
      : [`${table.table}.${column.name} is ${found ?? 'missing'}, planned ${planned}`];
  });
}

function refuseDifferent(writer: Database, differences: readonly string[]): void {
  if (differences.length === 0) return;
  throw new MigrateError('TARGET_TABLE_DIFFERS', {
    message: `${capital(writer.place)} is not as planned: ${differences.join('; ')}`,
    ...(writer.options.side === 'source' ? { hint: 'Name an empty database with --source.' } : {}),
    context: { differences },
  });
}

/** Throws TARGET_TABLE_DIFFERS with every column of `existing` tables at once that is not as planned. */
export async function requireColumns(
  writer: Database,
  existing: readonly TablePlan[],
  direction: Direction,
): Promise<void> {
  if (existing.length === 0) return;
  const columns = await readColumns(writer, existing);
  refuseDifferent(
    writer,
    existing.flatMap((table) => wrongColumns(table, direction, columns.get(qualified(table)))),
  );
}

/** Throws TARGET_TABLE_MISSING or TARGET_TABLE_DIFFERS with every difference at once. */
export async function requireTables(
  writer: Database,
  tables: readonly TablePlan[],
  direction: Direction,
): Promise<void> {
  if (tables.length === 0) return;
  const columns = await readColumns(writer, tables);
  const missing = tables.filter((table) => !columns.has(qualified(table))).map((table) => table.table);
  if (missing.length > 0) {
    throw new MigrateError('TARGET_TABLE_MISSING', {
      message: `${capital(writer.place)} has no table ${missing.join(', ')}`,
      ...(writer.options.side === 'source' ? { hint: 'Run `migrate schema --reverse` first.' } : {}),
      context: { tables: missing },
    });
  }
  const shards = await readShards(writer.session, writer.connector);
  refuseDifferent(
    writer,
    tables.flatMap((table) => {
      const wrong = wrongColumns(table, direction, columns.get(qualified(table)));
      if (writer.kind !== 'citus') return wrong;
      const now = shardsOf(shards, table, writer.head);
      const { placement } = table;
      const planned =
        placement.kind === 'distributed' ? `distributed by ${placement.column}` : placement.kind;
      const actual = now.kind === 'distributed' ? `distributed by ${now.column}` : now.kind;
      return planned === actual ? wrong : [...wrong, `${table.table} is ${actual}, planned ${planned}`];
    }),
  );
}

async function countRows(session: Session, table: TablePlan): Promise<number> {
  const { rows } = await session.one<{ rows: string }>(
    `SELECT count(*)::text AS rows FROM ${qualified(table)}`,
    `count ${table.table}`,
  );
  return Number(rows);
}

/**
 * Rows of a table, each once. Of a replicated shard those in its first placement, as the lanes count them: a query
 * through the coordinator takes whichever placement it likes, and a chunk may have reached only one of them.
 */
async function countTable(
  session: Session,
  table: TablePlan,
  shards: TableShards | undefined,
): Promise<number> {
  if (shards === undefined || shards.kind !== 'distributed' || !isReplicated(shards))
    return countRows(session, table);
  const { rows } = await session.one<{ rows: string }>(
    sql('load/first-placement-rows', { table: qualified(table) }),
    `count ${table.table}`,
  );
  return Number(rows);
}

/** Throws TARGET_NOT_EMPTY when there are such tables. */
export function refuseForeign(writer: Database, tables: readonly string[]): void {
  if (tables.length === 0) return;
  throw new MigrateError('TARGET_NOT_EMPTY', {
    message: `${capital(writer.place)} holds rows that this run did not load: ${tables.join(', ')}`,
    // On the way back these rows may be all that is left of the original: nobody is to be talked into emptying them.
    ...(writer.options.side === 'source'
      ? { hint: 'Name an empty database with --source: these rows may be the original ones.' }
      : {}),
    context: { tables },
  });
}

export async function holdsRows(session: Session, table: TablePlan): Promise<boolean> {
  const rows = await session.query(`SELECT 1 FROM ${qualified(table)} LIMIT 1`, `look into ${table.table}`);
  return rows.length > 0;
}

/**
 * What this load has already put into each table. Throws TARGET_NOT_EMPTY, naming all tables at once, where a table
 * with chunks still to come holds rows that the ledger does not explain. A table that was emptied by hand since is
 * loaded anew. `partial`: what lanes have committed of chunks that are not complete.
 */
export async function explainRows(
  writer: Database,
  ledger: Ledger,
  loadId: string,
  tables: readonly { table: TablePlan; chunks: readonly string[] }[],
  partial: readonly LaneRow[],
  { log, fail }: Context,
): Promise<LoadedChunk[]> {
  const all = await ledger.chunks();
  if (all.length > 0) await settlePrepared(writer);
  const shards = await readShards(writer.session, writer.connector);
  const kept: LoadedChunk[] = [];
  const foreign: string[] = [];
  const emptied: string[] = [];
  for (const { table, chunks } of tables) {
    const mine = all.filter((row) => row.loadId === loadId && row.table === table.table);
    const complete = new Set(mine.map((row) => row.chunk));
    const parts = partial.filter((row) => row.table === table.table && !complete.has(row.chunk));
    const loaded = [...mine, ...parts].reduce((sum, row) => sum + row.rows, 0);
    const here = shards.get(qualified(table));
    const replicated = here !== undefined && isReplicated(here);
    const count = (): Promise<number> => countTable(writer.session, table, here);
    if (!(replicated ? (await count()) > 0 : await holdsRows(writer.session, table))) {
      if (loaded > 0) emptied.push(table.table);
      else kept.push(...mine);
      continue;
    }
    const finished = chunks.every((chunk) => complete.has(chunk)) && mine.length > 0;
    if (finished || (await count()) === loaded) kept.push(...mine);
    else foreign.push(table.table);
  }
  refuseForeign(writer, foreign);
  if (emptied.length > 0) {
    log.warn(`Emptied since they were loaded, loading again: ${emptied.join(', ')}`);
    await ledger.forgetLanes(emptied, fail);
    await ledger.forget(writer.session, emptied);
  }
  return kept;
}
