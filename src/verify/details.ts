import { quoteIdent, quoteLiteral } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Discrepancy, DiscrepantValue } from '../core/verification.js';
import { ROW } from '../plan/projection.js';
import { sql } from '../postgres/sql-files.js';
import type { Found } from './classify.js';
import type { TablePair } from './comparison.js';
import type { UnitRunner } from './drill.js';
import type { RowDetail } from './types.js';
import type { Unit } from './units.js';

/** Keys that one query asks for. */
const KEYS = 200;

type Key = readonly (string | null)[];

/** What identifies the rows of a discrepancy: the key, or the row's digest where there is none. */
export interface Suspects {
  readonly keys: readonly Key[];
  readonly hashes: readonly string[];
}

export function suspectsOf(table: TablePlan, found: readonly Found[]): Suspects {
  if (table.key === null)
    return { keys: [], hashes: [...new Set(found.map(({ row }) => row.digest ?? row.hash))] };
  const keys = new Map(found.map(({ row }) => [JSON.stringify(row.key), row.key]));
  return { keys: [...keys.values()], hashes: [] };
}

/** SQL: the row has this key. The types are those of the side that is asked, so that its index serves. */
export function keyCondition(table: TablePlan, key: Key, side: 'source' | 'target'): string {
  return key
    .map((value, index) => {
      const column = table.columns.find(({ name }) => name === table.key![index])!;
      const name = `${ROW}.${quoteIdent(column.name)}`;
      const type = side === 'source' ? column.sourceType : column.targetType;
      return value === null ? `${name} IS NULL` : `${name} = ${quoteLiteral(value)}::${type}`;
    })
    .join(' AND ');
}

function* wanted(unit: Unit, { keys, hashes }: Suspects, side: 'source' | 'target'): Generator<string> {
  for (let at = 0; at < keys.length; at += KEYS) {
    yield keys
      .slice(at, at + KEYS)
      .map((key) => `(${keyCondition(unit.table, key, side)})`)
      .join(' OR ');
  }
  if (hashes.length > 0) yield `${unit.expressions.hash} = ANY ('{${hashes.join(',')}}'::bigint[])`;
}

/** The rows of some units that have one of the keys. */
export async function readDetails(
  units: readonly Unit[],
  suspects: Suspects,
  side: 'source' | 'target',
  run: UnitRunner,
): Promise<RowDetail[]> {
  const details: RowDetail[] = [];
  await Promise.all(
    units.map((unit) =>
      run(unit, async (session) => {
        const { expressions, bucket, home, from, condition, node, table } = unit;
        for (const each of wanted(unit, suspects, side)) {
          const rows = await session.query<Omit<RowDetail, 'node'>>(
            sql('verify/details', {
              bucket,
              home,
              key: expressions.key.join(', '),
              hash: expressions.hash,
              values: expressions.texts.join(', '),
              from,
              condition,
              wanted: each,
            }),
            `read the differing rows of ${table.table}`,
          );
          details.push(...rows.map((row) => ({ ...row, node: node.name })));
        }
      }),
    ),
  );
  return details;
}

/** The discrepancies with the values of the columns that differ, or of all where one side has no such row. */
export function withValues(
  { table, shards }: TablePair,
  found: readonly Found[],
  source: readonly RowDetail[],
  target: readonly RowDetail[],
): Discrepancy[] {
  return found.map(({ discrepancy, row }) => {
    const same = (detail: RowDetail): boolean =>
      table.key === null
        ? detail.hash === (row.digest ?? row.hash)
        : JSON.stringify(detail.key) === JSON.stringify(row.key);
    const left = discrepancy.kind === 'extra' ? undefined : source.find(same);
    const right =
      discrepancy.kind === 'missing'
        ? undefined
        : target.find(
            (detail) => same(detail) && shards.shards[detail.bucket - 1]?.shardId === discrepancy.shardId,
          );
    const columns = discrepancy.columns ?? table.columns.map(({ name }) => name);
    const values: [string, DiscrepantValue][] = columns.map((name) => {
      const index = table.columns.findIndex((column) => column.name === name);
      return [
        name,
        {
          ...(left === undefined ? {} : { source: left.values[index]! }),
          ...(right === undefined ? {} : { target: right.values[index]! }),
        },
      ];
    });
    return { ...discrepancy, values: Object.fromEntries(values) };
  });
}
