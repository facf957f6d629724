import type { Database } from '../citus/database.js';
import { qualified, quoteIdent } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { sql } from '../postgres/sql-files.js';

/** Rows of the target that the source cannot take. */
export interface Obstacle {
  readonly table: string;
  readonly columns: readonly string[];
  /** What is wrong with them, as a sentence without its subject. */
  readonly reason: string;
  readonly rows: number;
  /** Keys of some of them, as text. */
  readonly keys: readonly string[];
}

const BOUNDS: Readonly<Record<string, readonly [min: string, max: string]>> = {
  smallint: ['-32768', '32767'],
  integer: ['-2147483648', '2147483647'],
};

/** Keys that are told of one obstacle. */
const SHOWN = 10;

/** Length that a type allows, as `character varying(20)` says it. */
const lengthOf = (type: string): number | undefined => {
  const match = /^(?:character varying|character|varchar)\((\d+)\)$/.exec(type);
  return match === null ? undefined : Number(match[1]);
};

interface Check {
  readonly columns: readonly string[];
  readonly reason: string;
  /** SQL over the table as `t`. */
  readonly condition: string;
}

/** Columns whose type is wider on the target than on the source. */
function rangeChecks(table: TablePlan): Check[] {
  return table.columns.flatMap(({ name, origin, sourceType, targetType }): Check[] => {
    if (origin !== 'own' || sourceType === targetType) return [];
    const column = `t.${quoteIdent(name)}`;
    const bounds = BOUNDS[sourceType];
    if (bounds !== undefined) {
      const condition = `(${column} < ${bounds[0]} OR ${column} > ${bounds[1]})`;
      return [{ columns: [name], reason: `do not fit ${sourceType}, its type on the source`, condition }];
    }
    const length = lengthOf(sourceType);
    if (length === undefined) return [];
    const condition = `length(${column}::text) > ${length}`;
    return [{ columns: [name], reason: `are longer than ${sourceType}, its type on the source`, condition }];
  });
}

/**
 * What would keep rows of the target from going back, before anything is moved: values out of the range of the
 * source's narrower types, and keys that the target holds more than once because there they are unique beside the
 * distribution column alone. Reads whole tables, but only those that have such columns.
 */
export async function findObstacles(target: Database, tables: readonly TablePlan[]): Promise<Obstacle[]> {
  const found: Obstacle[] = [];
  for (const table of tables) {
    const key = (table.key ?? []).map((name) => `t.${quoteIdent(name)}`);
    const text = key.length === 0 ? `''` : key.map((column) => `${column}::text`).join(` || ', ' || `);
    for (const { columns, reason, condition } of rangeChecks(table)) {
      const from = `FROM ${qualified(table)} t WHERE ${condition}`;
      const [row] = await target.session.query<{ rows: string }>(
        `SELECT count(*)::text AS rows ${from}`,
        `look for values of ${table.table} that do not fit the source`,
      );
      const rows = Number(row?.rows ?? 0);
      if (rows === 0) continue;
      const keys = await target.session.query<{ key: string }>(
        `SELECT ${text} AS key ${from} ORDER BY 1 LIMIT ${SHOWN}`,
      );
      found.push({ table: table.table, columns, reason, rows, keys: keys.map((each) => each.key) });
    }
    const { placement } = table;
    // Where the distribution column is part of the key, the target keeps it unique by itself.
    if (placement.kind !== 'distributed' || key.length === 0 || table.key!.includes(placement.column))
      continue;
    const twice = await target.session.query<{ key: string; more: string }>(
      sql('cutover/key-twice', { key: key.join(', '), text, table: qualified(table), most: 1000 }),
      `look for keys of ${table.table} that are there twice`,
    );
    if (twice.length === 0) continue;
    found.push({
      table: table.table,
      columns: table.key!,
      reason: 'are there more than once, and unique on the source',
      rows: twice.reduce((sum, { more }) => sum + Number(more), 0),
      keys: twice.slice(0, SHOWN).map((each) => each.key),
    });
  }
  return found;
}
