import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { PHASE_TABLE, type Phase } from '../core/phases.js';
import { removeGuards } from '../dualwrite/guards.js';
import { removeShim } from '../dualwrite/remove.js';
import { removeReverse } from '../dualwrite/reverse-remove.js';
import { hasRecord, recordPhase } from '../ledger/record.js';
import { sql } from '../postgres/sql-files.js';
import { mergeOwnership, shareOf, untaken } from './standing.js';
import { lastPhase, type SideStanding } from './status.js';

/**
 * Whether a migration can be closed: every write goes to one side, so that nothing has to travel any more. That it was
 * never begun, given up, or abandoned, is no reason to keep its traces. `completed`: an earlier attempt was interrupted.
 */
const closable = (phase: Phase): boolean =>
  phase === 'cut-over' || phase === 'completed' || PHASE_TABLE[phase].writers === 'source';

export interface ClosingReport {
  readonly phase: Phase;
  /** Who takes the writes from now on. */
  readonly writes: 'source' | 'target';
  readonly share: number;
  readonly phases: readonly unknown[];
  readonly evidence: readonly unknown[];
  readonly tables: readonly { readonly table: string; readonly rows: number }[];
}

/** What both sides have recorded, in the order of time; a run records on both, and is told once. */
function together<T extends { readonly at: string; readonly runId: string }>(
  sides: readonly (readonly T[])[],
  name: (row: T) => string,
): T[] {
  const seen = new Map<string, T>();
  const inOrder = sides.flat().sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  for (const row of inOrder) {
    const key = `${row.runId} ${name(row)}`;
    if (!seen.has(key)) seen.set(key, row);
  }
  return [...seen.values()];
}

/** What is left of a migration when its traces are gone. Throws PHASE_REFUSED where it is not over. */
export function closingReport(source: SideStanding, target: SideStanding, phase: Phase): ClosingReport {
  // An attempt that was interrupted has taken the rows of one side away already.
  const open = phase === 'completed' ? [] : untaken(source.ownership ?? [], target.ownership ?? []);
  if (!closable(phase) || open.length > 0) {
    throw new MigrateError('PHASE_REFUSED', {
      message:
        open.length > 0
          ? 'Writes are on their way from one side to the other'
          : `The migration is in phase ${phase}: it can be finished when every write goes to one side (\`migrate cutover\`, or \`migrate rollback\`)`,
      context: { phase },
    });
  }
  const { share } = shareOf(mergeOwnership(source.ownership, target.ownership));
  const recorded = lastPhase([source, target]);
  const before = recorded?.phase === 'completed' ? recorded.detail.writes : undefined;
  const writes =
    before === 'source' || before === 'target'
      ? before
      : PHASE_TABLE[phase].writers === 'source'
        ? 'source'
        : 'target';
  return {
    phase,
    writes,
    share,
    phases: together([source.phases, target.phases], (row) => row.phase),
    evidence: together(
      [source.evidence, target.evidence],
      (row) => `${row.kind} ${JSON.stringify(row.detail)}`,
    ),
    tables: [...target.loaded].map(([table, rows]) => ({ table, rows })),
  };
}

/**
 * Takes every trace of the migration from both sides: triggers, guards, logs, ledger, record, and the schema. The
 * phase is recorded first, and the records go last, the source's at the very end: interrupted, it is repeated. Without
 * a target: it is gone, and was abandoned.
 */
export async function removeTraces(
  source: Database,
  target: Database | undefined,
  writes: 'source' | 'target',
  context: Context,
): Promise<void> {
  for (const side of [target, source])
    if (side !== undefined && (await hasRecord(side.session)))
      await recordPhase(side.session, 'completed', { writes });
  await context.fail('finish: after the phase was recorded');
  if (target !== undefined) await removeReverse(target, context);
  await removeShim(source, context);
  await context.fail('finish: after the shims were removed');
  // First where nobody writes any more: it is the other side that could refuse somebody.
  for (const database of writes === 'target' ? [target, source] : [source, target])
    if (database !== undefined) await removeGuards(database, context);
  await context.fail('finish: after the guards were removed');
  if (target !== undefined) await dropSchema(target);
  await context.fail('finish: after the target was cleared');
  await dropSchema(source);
}

/** Through the coordinator first, which strikes it off Citus's list of what every node has. */
async function dropSchema(database: Database): Promise<void> {
  const drop = sql('cutover/drop-schema');
  await database.session.query(drop, 'remove the schema of the migration');
  if (database.kind !== 'citus') return;
  for (const node of database.nodes) {
    const session = await database.connect(node);
    try {
      await session.query(
        `SET citus.enable_ddl_propagation = off; ${drop}`,
        'remove the schema of the migration',
      );
    } finally {
      await session.close();
    }
  }
}
