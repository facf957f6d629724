import { qualified, quoteIdent } from '../core/names.js';
import { sql } from '../postgres/sql-files.js';
import { uniqueChecks } from '../verify/unique-checks.js';
import type { Obstacle, WayBackScope } from './way-back.js';

/** Values that are read of one rule at most. */
const MOST = 1000;

/**
 * Values that are unique on the source and there more than once on the target, which keeps them apart only within one
 * value of the distribution column.
 */
export async function uniqueObstacles(
  { source, target, plan, tables }: WayBackScope,
  shown: number,
): Promise<Obstacle[]> {
  const found: Obstacle[] = [];
  for (const { table, constraint, columns, plain, hash, condition } of await uniqueChecks(
    source.session,
    plan,
    tables,
  )) {
    // Partitions are read with the table that they belong to.
    if (!tables.includes(table)) continue;
    const values = columns.map((name) => `t.${quoteIdent(name)}`);
    const text = plain
      ? values.map((value) => `${value}::text`).join(` || ', ' || `)
      : `min(${[...(table.key ?? [])].map((name) => `t.${quoteIdent(name)}::text`).join(` || ', ' || `) || `''`})`;
    const twice = await target.session.query<{ key: string; more: string }>(
      sql('cutover/key-twice', {
        ...{ key: plain ? values.join(', ') : hash.target, text, condition },
        ...{ table: qualified(table), most: MOST },
      }),
      `look for values of ${table.table} that are there twice`,
    );
    if (twice.length === 0) continue;
    found.push({
      table: table.table,
      columns,
      reason: `are there more than once, and unique on the source (${constraint})`,
      rows: twice.reduce((sum, { more }) => sum + Number(more), 0),
      keys: twice.slice(0, shown).map(({ key }) => key),
    });
  }
  return found;
}
