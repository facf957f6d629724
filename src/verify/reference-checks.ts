import type { Named, TableDef } from '../core/catalog-types.js';
import { qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Direction } from '../plan/projection.js';

/** What has to hold of the rows of one table because of one foreign key of the source. */
export interface ReferenceCheck {
  readonly table: TablePlan;
  readonly constraint: string;
  readonly parent: Named;
  /** Whether `child` and `parent` are partitioned: their rows lie in their partitions. */
  readonly partitioned: { readonly child: boolean; readonly parent: boolean };
  /** Compared pairwise. Where the target's key was rewritten, the distribution columns come first. */
  readonly columns: readonly string[];
  readonly references: readonly string[];
  /** Types of `columns` on the checked side. */
  readonly types: readonly string[];
  /** The source's columns: which NULLs let a row off is decided by them. */
  readonly own: readonly string[];
  readonly match: 'SIMPLE' | 'FULL';
  /** False: the source itself may hold orphans. */
  readonly validated: boolean;
  /** The parent's distribution column is among `references`: the value tells the shard. */
  readonly route?: { readonly column: string; readonly type: string; readonly hashFunction: string };
}

/** The tables themselves and their partitions. */
export function withPartitions(plan: Pick<Plan, 'catalog'>, tables: readonly Named[]): Set<string> {
  const chosen = new Set(tables.map(qualified));
  const byTable = new Map(plan.catalog.tables.map((table) => [qualified(table), table]));
  const isChosen = (table: TableDef): boolean => {
    const parent = table.partitionOf && byTable.get(qualified(table.partitionOf));
    return chosen.has(qualified(table)) || (parent !== undefined && isChosen(parent));
  };
  return new Set(plan.catalog.tables.filter(isChosen).map(qualified));
}

/**
 * The checks for every foreign key of the chosen tables. On the target a key that was rewritten is checked as it was
 * rewritten; one that Citus refused is checked as the source has it, across all shards.
 */
export function referenceChecks(
  plan: Plan,
  tables: readonly TablePlan[],
  direction: Direction,
): ReferenceCheck[] {
  const scope = withPartitions(plan, tables);
  const plans = new Map(plan.tables.map((table) => [qualified(table), table]));
  const definitions = new Map(plan.catalog.tables.map((table) => [qualified(table), table]));
  const fates = new Map(plan.foreignKeys.map((one) => [`${one.table}.${one.constraint}`, one.fate]));
  return plan.catalog.tables
    .filter((table) => scope.has(qualified(table)))
    .flatMap((definition) =>
      definition.constraints.flatMap(({ name, columns, validated, foreign }): ReferenceCheck[] => {
        if (foreign === undefined) return [];
        const table = plans.get(qualified(definition))!;
        const child = table.placement;
        const parent = plans.get(qualified(foreign.references))?.placement;
        const pairs = columns.map((column, at) => [column, foreign.columns[at]!] as const);
        const rewritten =
          direction === 'forward' &&
          fates.get(`${table.table}.${name}`) === 'rewritten' &&
          child.kind === 'distributed' &&
          parent?.kind === 'distributed' &&
          !columns.includes(child.column);
        const checked = rewritten ? [[child.column, parent.column] as const, ...pairs] : pairs;
        const typeOf = (column: string): string => {
          const planned = table.columns.find((one) => one.name === column);
          const own = definition.columns.find((one) => one.name === column)?.type;
          return (direction === 'forward' ? planned?.targetType : own) ?? own ?? planned!.sourceType;
        };
        const routed =
          parent?.kind === 'distributed'
            ? checked.find(([, references]) => references === parent.column)
            : undefined;
        return [
          {
            table,
            constraint: name,
            parent: foreign.references,
            partitioned: {
              child: definition.partitionBy !== undefined,
              parent: definitions.get(qualified(foreign.references))?.partitionBy !== undefined,
            },
            columns: checked.map(([column]) => column),
            references: checked.map(([, references]) => references),
            types: checked.map(([column]) => typeOf(column)),
            own: columns,
            match: foreign.match,
            validated,
            ...(routed && parent?.kind === 'distributed'
              ? { route: { column: routed[0], type: parent.type, hashFunction: parent.hashFunction } }
              : {}),
          },
        ];
      }),
    );
}
