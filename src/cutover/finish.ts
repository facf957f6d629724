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

/** Phases in which a migration can be closed; `completed`: an earlier attempt was interrupted. */
const CLOSABLE: readonly Phase[] = ['cut-over', 'rolled-back', 'completed'];

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
  const open = untaken(source.ownership ?? [], target.ownership ?? []);
  // Whatever was done with the rows since: nothing of a migration that was rolled back writes on the target.
  const wasBack =
    PHASE_TABLE[phase].writers === 'source' &&
    [source, target].some(({ phases }) => phases.some((row) => row.phase === 'rolled-back'));
  if (!(CLOSABLE.includes(phase) || wasBack) || open.length > 0) {
    throw new MigrateError('PHASE_REFUSED', {
      message:
        open.length > 0
          ? 'Writes are on their way from one side to the other'
          : `The migration is in phase ${phase}: it can be finished when every write goes to one side (cut-over, or rolled-back)`,
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
 * phase is recorded first, and the records go last, the source's at the very end: interrupted, it is repeated.
 */
export async function removeTraces(
  source: Database,
  target: Database,
  writes: 'source' | 'target',
  context: Context,
): Promise<void> {
  for (const { session } of [target, source])
    if (await hasRecord(session)) await recordPhase(session, 'completed', { writes });
  await context.fail('finish: after the phase was recorded');
  await removeReverse(target, context);
  await removeShim(source, context);
  await context.fail('finish: after the shims were removed');
  // First where nobody writes any more: it is the other side that could refuse somebody.
  for (const database of writes === 'target' ? [target, source] : [source, target])
    await removeGuards(database, context);
  await context.fail('finish: after the guards were removed');
  await dropSchema(target);
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
