import type { Catalog, Named } from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { plural } from '../core/format.js';
import { qualified, quoteIdent } from '../core/names.js';
import type { Finding, Placement, Plan, TablePlan } from '../core/plan-types.js';
import type { Queryable } from '../core/queryable.js';
import { finding } from './findings.js';
import { keySource } from './key-source.js';

type Distributed = Extract<Placement, { kind: 'distributed' }>;

/** What to say about `rows` rows that no shard can take. */
export function nullFinding(table: TablePlan, placement: Distributed, rows: number): Finding {
  const first = placement.via[0];
  const columns = first ? first.columns : [placement.column];
  const missing = columns.map((column) => `${quoteIdent(column)} IS NULL`).join(' OR ');
  const query = `SELECT * FROM ${table.table} WHERE ${missing}`;
  const values = { rows: plural(rows, 'row'), column: columns.join(', ') };
  return finding('DISTRIBUTION_NULL', { table }, { ...values, query });
}

/** False where the catalog rules a NULL out on the whole way to the distribution column. */
function mayBeNull(catalog: Catalog, table: Named, { via, column }: Distributed): boolean {
  const last = via.at(-1)?.references ?? table;
  const places = [
    ...via.map((step, hop) => ({
      table: hop === 0 ? table : via[hop - 1]!.references,
      columns: step.columns,
    })),
    { table: last, columns: [column] },
  ];
  return places.some((place) => {
    const found = catalog.tables.find((one) => qualified(one) === qualified(place.table));
    return !found || found.columns.some((one) => !one.notNull && place.columns.includes(one.name));
  });
}

/**
 * Throws DISTRIBUTION_NULL, with every such table at once, when rows have come since the plan was made that have no
 * value in the distribution column. Tables whose columns are NOT NULL are not read.
 */
export async function requireDistributionValues(
  source: Queryable,
  plan: Plan,
  tables: readonly TablePlan[],
): Promise<void> {
  const found: Finding[] = [];
  for (const table of tables) {
    const { placement } = table;
    if (placement.kind !== 'distributed' || !mayBeNull(plan.catalog, table, placement)) continue;
    const { from, key } = keySource(table, placement, plan.catalog);
    const [row] = await source.query<{ rows: string }>(
      `SELECT count(*)::text AS rows FROM ${from} WHERE ${key} IS NULL`,
    );
    if (row!.rows !== '0') found.push(nullFinding(table, placement, Number(row!.rows)));
  }
  if (found.length === 0) return;
  throw new MigrateError('DISTRIBUTION_NULL', {
    message: found.map((one) => one.message).join(' '),
    hint: found.map((one) => one.remedy).join(' '),
    context: { tables: found.map((one) => one.table!) },
  });
}
