import { createHash } from 'node:crypto';
import { displayName, parseName, qualified, quoteIdent } from '../core/names.js';
import {
  ANY_LOCK,
  bucketSql,
  isNamespaced,
  namespaceColumn,
  type Side,
  VIA_LOCK,
} from '../core/ownership.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import { textHash } from '../core/text-hash.js';
import { plainColumn, sourceJoins } from '../plan/projection.js';
import { typeParts } from '../plan/types.js';
import { sql } from '../postgres/sql-files.js';
import { LOCK_CLASS } from './owner-schema.js';

/** The guard of all tables whose rows belong to no namespace. */
const COMMON_GUARD = 'citus_migrate.guard_common';

/** A table whose writes are guarded on one side. */
export interface Guarded {
  readonly table: TablePlan;
  /** Qualified name of the trigger function. */
  readonly guard: string;
  /** Its definition; null: it is shared. */
  readonly definition: string | null;
}

export interface GuardPlan {
  readonly guarded: readonly Guarded[];
  /** Why some tables cannot be guarded, one sentence each. */
  readonly problems: readonly string[];
}

const INTEGERS = new Set(['smallint', 'integer', 'bigint']);
const TEXTS = new Set(['text', 'character varying', 'character']);

/** Whether a value has one text, and the same on both sides whatever the settings: writes are counted by it. */
function sameText(from: string, to: string, hashFunction: string): boolean {
  if (textHash(hashFunction, to) === undefined) return false;
  const [one, other] = [typeParts(from).base, typeParts(to).base];
  return from === to || one === other || [INTEGERS, TEXTS].some((set) => set.has(one) && set.has(other));
}

/** Schemas where operators of the foreign keys' types live, beside pg_catalog. */
function searchPath(plan: Plan, { placement }: TablePlan): string {
  const via = placement.kind === 'distributed' ? placement.via : [];
  const schemas = via.flatMap((step) => {
    const def = plan.catalog.tables.find((one) => qualified(one) === qualified(step.references));
    return step.referencedColumns.flatMap((name) => {
      const type = def?.columns.find((one) => one.name === name)?.type ?? '';
      return type.includes('.') ? [quoteIdent(parseName(type).schema)] : [];
    });
  });
  return [...new Set(['pg_catalog', ...schemas, 'pg_temp'])].join(', ');
}

function definitionOf(plan: Plan, table: TablePlan, side: Side, column: string, guard: string): string {
  const joins = side === 'source' ? sourceJoins(table) : '';
  const namespace = plainColumn(table, table.columns.find(({ name }) => name === column)!, side);
  return sql('dualwrite/guard-table', {
    guard,
    search_path: searchPath(plan, table),
    body: sql('dualwrite/guard-namespaced-body', {
      joins,
      namespace,
      bucket: bucketSql(namespace),
      any_lock: ANY_LOCK,
      before:
        joins === '' ? '' : sql('dualwrite/guard-via-before', { lock_class: LOCK_CLASS, via_lock: VIA_LOCK }),
      // Who writes to tables that are placed by their parents is to be waited for twice, and looks at more.
      alone:
        joins === ''
          ? sql('dualwrite/guard-alone', {
              bucket: bucketSql(namespace),
              any_lock: ANY_LOCK,
              lock_class: LOCK_CLASS,
              side,
            })
          : '',
      more: joins === '' ? '' : `  buckets := buckets || ${VIA_LOCK};`,
    }),
  });
}

/** How the writes to every table of the plan are guarded on one side; its partitions are guarded like it. */
export function planGuards(plan: Plan, side: Side): GuardPlan {
  const column = namespaceColumn(plan);
  const partitions = new Set(plan.catalog.tables.filter(({ partitionOf }) => partitionOf).map(qualified));
  const known = new Set(plan.tables.map(qualified));
  const problems: string[] = [];
  const guarded: Guarded[] = [];
  for (const table of plan.tables.filter((one) => !partitions.has(qualified(one)))) {
    const { placement } = table;
    if (column === undefined || placement.kind !== 'distributed' || !isNamespaced(table, column)) {
      guarded.push({ table, guard: COMMON_GUARD, definition: null });
      continue;
    }
    const own = table.columns.find(({ name }) => name === column);
    if (own === undefined || !sameText(own.sourceType, own.targetType, placement.hashFunction)) {
      problems.push(`${table.table}: values of ${quoteIdent(column)} do not have one text on both sides`);
      continue;
    }
    const lost = placement.via.find((step) => !known.has(qualified(step.references)));
    if (lost !== undefined) {
      problems.push(
        `${table.table}: it is placed by ${displayName(lost.references)}, which the plan does not hold`,
      );
      continue;
    }
    const id = createHash('sha256').update(qualified(table)).digest('hex').slice(0, 12);
    const guard = `citus_migrate.guard_${id}`;
    guarded.push({ table, guard, definition: definitionOf(plan, table, side, column, guard) });
  }
  return { guarded, problems };
}
