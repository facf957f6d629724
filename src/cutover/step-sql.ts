import { APPLYING } from '../citus/applying.js';
import { displayName, qualified, quoteIdent, quoteList, quoteLiteral } from '../core/names.js';
import { ANY_LOCK, lockOf } from '../core/ownership.js';
import type { TablePlan } from '../core/plan-types.js';
import { planGuards } from '../dualwrite/guard-plan.js';
import { captureOf } from '../dualwrite/names.js';
import { LOCK_CLASS } from '../dualwrite/owner-schema.js';
import { columnsOf } from '../plan/projection.js';
import { sql } from '../postgres/sql-files.js';
import type { MoveRequest } from './move.js';
import type { StepName } from './steps.js';

const list = (units: readonly string[]): string => units.map(quoteLiteral).join(', ');

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
  const locks = [...new Set([...units.map(lockOf), ANY_LOCK])].sort((a, b) => a - b).join(', ');
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
      return plan.catalog.sequences.map(
        (sequence) =>
          `SELECT setval('${qualified(sequence)}', <past ${displayName(sequence)} of the ${from}>);`,
      );
    case 'catch-up':
    case 'last-pass':
      return [APPLYING, ...tables.map((table) => passSql(table, direction))];
    case 'block':
      return [sql('dualwrite/owner-block', { ...holding, ms: maxPauseMs })];
    case 'await-writers':
      return [sql('dualwrite/owner-writers', { lock_class: LOCK_CLASS, locks })];
    case 'give':
      return [
        sql('dualwrite/owner-locks', { lock_class: LOCK_CLASS, locks }),
        sql('dualwrite/owner-decide', {
          ...holding,
          change: `owner = ${quoteLiteral(to!)}, blocked_until = NULL, blocked_by = NULL, epoch = <next>`,
        }),
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
