import { APPLYING } from '../citus/applying.js';
import { displayName, qualified, quoteIdent, quoteList, quoteLiteral } from '../core/names.js';
import { ANY_LOCK, bucketUnit, lockOf } from '../core/ownership.js';
import type { TablePlan } from '../core/plan-types.js';
import { planGuards } from '../dualwrite/guard-plan.js';
import { captureOf } from '../dualwrite/names.js';
import { LOCK_CLASS } from '../dualwrite/owner-schema.js';
import { columnsOf } from '../plan/projection.js';
import { sql } from '../postgres/sql-files.js';
import type { MoveRequest } from './move.js';
import type { StepName } from './steps.js';

const list = (units: readonly string[]): string => units.map(quoteLiteral).join(', ');

/** Numbers that follow each other, from – to, as far as there are enough of them to be told so. */
const FEW = 4;

function runsOf(numbers: readonly number[]): { runs: (readonly [number, number])[]; rest: number[] } {
  const runs: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else runs.push([number, number]);
  }
  const long = runs.filter(([from, to]) => to - from >= FEW);
  const rest = runs
    .filter((run) => !long.includes(run))
    .flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
  return { runs: long, rest };
}

/** An SQL array of lock numbers that a person can read, and psql too. */
export function locksSql(locks: readonly number[]): string {
  const { runs, rest } = runsOf(locks);
  if (runs.length === 0) return `ARRAY[${locks.join(', ')}]`;
  return `ARRAY(${[
    ...runs.map(([from, to]) => `SELECT generate_series(${from}, ${to})`),
    ...rest.map((lock) => `SELECT ${lock}`),
  ].join(' UNION ALL ')})`;
}

/** The same of units. */
export function unitsSql(units: readonly string[]): string {
  const isBucket = (unit: string): boolean => /^b\d\d$/.test(unit);
  const { runs, rest } = runsOf(units.filter(isBucket).map(lockOf));
  if (runs.length === 0) return `ARRAY[${list(units)}]`;
  const others = [...rest.map(bucketUnit), ...units.filter((unit) => !isBucket(unit))];
  return `ARRAY(${[
    ...runs.map(
      ([from, to]) => `SELECT 'b' || lpad(n::text, 2, '0') FROM generate_series(${from}, ${to}) AS n`,
    ),
    ...(others.length === 0 ? [] : [`SELECT unnest(ARRAY[${list(others)}])`]),
  ].join(' UNION ALL ')})`;
}

/** Triggers of a guard, without the names of their transition tables. */
const guardSql = (relation: string, guard: string): string =>
  ['insert', 'update', 'delete', 'truncate']
    .map(
      (operation) =>
        `CREATE TRIGGER citus_migrate_guard_${operation} AFTER ${operation.toUpperCase()} ON ${relation} FOR EACH STATEMENT EXECUTE FUNCTION ${operation === 'truncate' ? 'citus_migrate.guard_truncate' : guard}();`,
    )
    .join('\n');

/** What a pass runs for one table, on each node that holds rows of it. */
function passSql(table: TablePlan, direction: MoveRequest['direction']): string {
  const columns = quoteList(columnsOf(table, direction).map(({ name }) => name));
  const name = qualified(table);
  return [
    `DELETE FROM ${name} t USING places p WHERE (${(table.key ?? []).map((key) => `t.${quoteIdent(key)}`).join(', ')}) = p; -- the keys that were logged`,
    `COPY ${name} (${columns}) FROM STDIN (FORMAT ${table.format}); -- these rows as they are now`,
  ].join('\n');
}

/**
 * The SQL of a step for people to read: what the step runs, with names in the place of what only the attempt knows
 * (its token, the number of the move, the values that sequences have).
 */
export function stepSql(step: StepName, request: MoveRequest): readonly string[] {
  const { direction, units, plan, tables, maxPauseMs, share, namespaces } = request;
  const [from, to] = direction === 'forward' ? ['source', 'target'] : ['target', 'source'];
  const holding = { units: list(units), side: from!, token: '<this attempt>' };
  const numbers = [...new Set([...units.map(lockOf), ANY_LOCK])].sort((a, b) => a - b);
  const locks = numbers.join(', ');
  const readable = (statement: string): string =>
    statement
      .replaceAll(`ARRAY[${holding.units}]`, unitsSql(units))
      .replaceAll(`ARRAY[${locks}]`, locksSql(numbers));
  switch (step) {
    case 'hand-over':
      return ['SELECT pg_try_advisory_lock(<place of sync>);'];
    case 'record':
      return [sql('ledger/record-create')];
    case 'guards':
      return (['source', 'target'] as const).flatMap((side) =>
        planGuards(plan, side).guarded.map(
          ({ table, guard }) => `-- ${side}\n${guardSql(qualified(table), guard)}`,
        ),
      );
    case 'capture-back':
      return tables.map((table, index) =>
        sql('dualwrite/capture-relation', { relation: qualified(table), capture: captureOf(index + 1) }),
      );
    case 'owners':
      return ['SELECT citus_migrate.settle_owners();'];
    case 'sequences-ahead':
    case 'sequences':
    case 'sequences-past':
      return plan.catalog.sequences.map(
        (sequence) =>
          `SELECT setval('${qualified(sequence)}', <past ${displayName(sequence)} of the ${from}>);`,
      );
    case 'catch-up':
    case 'last-pass':
      return [APPLYING, ...tables.map((table) => passSql(table, direction))];
    case 'block':
      return [readable(sql('dualwrite/owner-block', { ...holding, ms: maxPauseMs }))];
    case 'await-writers':
      return [readable(sql('dualwrite/owner-writers', { lock_class: LOCK_CLASS, locks }))];
    case 'give':
      return [
        readable(sql('dualwrite/owner-locks', { lock_class: LOCK_CLASS, locks })),
        readable(
          sql('dualwrite/owner-decide', {
            ...holding,
            change: `owner = ${quoteLiteral(to!)}, blocked_until = NULL, blocked_by = NULL, epoch = :next`,
          }),
        ),
      ];
    case 'take':
      return [
        `SELECT citus_migrate.adopt('[{"unit": "${units[0] ?? '*'}", "owner": "${to}", "epoch": <next>}, …]'::jsonb); -- ${units.length} units, on every node`,
      ];
    case 'note':
      return [
        sql('ledger/add-phase', {
          phase: '<as it is then>',
          detail: JSON.stringify({ share, namespaces }),
        }),
      ];
  }
}
