import type { Named, TableDef } from '../core/catalog-types.js';
import { qualified, quoteIdent } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Queryable } from '../core/queryable.js';
import { widenedKeys } from '../plan/keys.js';
import { castExpression } from '../plan/projection.js';
import { sql } from '../postgres/sql-files.js';
import { recordHash } from './canonical.js';
import { withPartitions } from './reference-checks.js';

interface RuleRow {
  schema: string;
  table: string;
  name: string;
  columns: (string | null)[];
  expressions: string[];
  predicate: string | null;
  nullsNotDistinct: boolean;
}

/** A unique rule of the source that the target keeps only within one value of the distribution column. */
export interface UniqueCheck {
  readonly table: TablePlan;
  readonly constraint: string;
  /** What names a row to people: its key, the distribution column, and the rule's columns. */
  readonly shown: readonly string[];
  readonly columns: readonly string[];
  /** By side: a 64-bit hash that is equal for values that the rule takes as equal, and which rows it is about. */
  readonly hash: Readonly<Record<'source' | 'target', string>>;
  readonly condition: string;
  /** It is about columns alone and about all rows: whoever has the same rows keeps it too. */
  readonly plain: boolean;
}

/**
 * The primary keys, unique constraints and unique indexes that were widened by the distribution column. Exclusion
 * constraints are not among them.
 */
export async function uniqueChecks(
  source: Queryable,
  plan: Plan,
  tables: readonly TablePlan[],
): Promise<UniqueCheck[]> {
  const scope = withPartitions(plan, tables);
  const btreeGist = plan.catalog.extensions.some((one) => one.name === 'btree_gist');
  const plans = new Map(plan.tables.map((table) => [qualified(table), table]));
  const widened = new Map(
    plan.catalog.tables
      .filter((definition) => scope.has(qualified(definition)))
      .map((definition) => [
        qualified(definition),
        {
          definition,
          names: widenedKeys(definition, plans.get(qualified(definition))!.placement, btreeGist),
        },
      ]),
  );
  if (![...widened.values()].some(({ names }) => names.length > 0)) return [];
  const rules = await source.query<RuleRow>(sql('verify/unique-rules'));
  return rules.flatMap((rule): UniqueCheck[] => {
    const name: Named = { schema: rule.schema, name: rule.table };
    const entry = widened.get(qualified(name));
    if (!entry?.names.includes(rule.name)) return [];
    return [checkOf(rule, entry.definition, plans.get(qualified(name))!)];
  });
}

function checkOf(rule: RuleRow, definition: TableDef, table: TablePlan): UniqueCheck {
  const value = (side: 'source' | 'target', at: number): string => {
    const column = rule.columns[at];
    // The rows' alias is needed where a column has the name of a function's parameter; expressions stand as printed.
    const plain = column == null ? `(${rule.expressions[at]})` : `t.${quoteIdent(column)}`;
    const known = definition.columns.find((one) => one.name === column);
    if (known?.hashFunction === undefined) return `textsend((${plain})::text)`;
    const planned = table.columns.find((one) => one.name === column);
    return side === 'source' && planned !== undefined
      ? castExpression(plain, planned.sourceType, planned.targetType)
      : plain;
  };
  const hash = (side: 'source' | 'target') => recordHash(rule.columns.map((_, at) => value(side, at)));
  const { placement } = table;
  const columns = rule.columns.filter((column) => column !== null);
  const distribution = placement.kind === 'distributed' ? [placement.column] : [];
  const filled = rule.expressions.map((expression, at) => {
    const column = rule.columns[at];
    return column == null ? `(${expression}) IS NOT NULL` : `t.${quoteIdent(column)} IS NOT NULL`;
  });
  return {
    table,
    constraint: rule.name,
    shown: [...new Set([...(table.key ?? []), ...distribution, ...columns])],
    columns,
    hash: { source: hash('source'), target: hash('target') },
    plain: columns.length === rule.columns.length && rule.predicate === null,
    condition: [
      ...(rule.nullsNotDistinct ? [] : filled),
      ...(rule.predicate === null ? [] : [`(${rule.predicate})`]),
      'true',
    ].join(' AND '),
  };
}
