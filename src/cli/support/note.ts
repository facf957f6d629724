import type { Database } from '../../citus/database.js';
import type { Phase as LoadPhase } from '../../config/config.js';
import { MigrateError } from '../../core/errors.js';
import type { Plan } from '../../core/plan-types.js';
import type { LiveResult } from '../../dualwrite/live.js';
import { createRecord, type Note, noteRun } from '../../ledger/record.js';
import type { LoadResult } from '../../load/load-chunks.js';
import type { VerifyResult } from '../../verify/types.js';
import type { VerifyRequest } from '../../verify/verify.js';
import type { Invocation } from '../frame/command.js';
import { movedTables } from './plan.js';

/**
 * Notes what a command did on each side that keeps a record; with `make` the record is begun where there is none. What the command found stands without it: a role that
 * may not write there gets its answer all the same.
 */
export async function note(
  { context: { log } }: Pick<Invocation, 'context'>,
  sides: readonly (Database | undefined)[],
  what: Note,
  { make = false } = {},
): Promise<void> {
  for (const database of sides) {
    if (database === undefined) continue;
    try {
      if (make) await createRecord(database.session);
      await noteRun(database, what);
    } catch (error) {
      if (!(error instanceof MigrateError)) throw error;
      log.warn(`This run was not recorded on the ${database.options.side}: ${error.message}`, {
        code: error.code,
      });
    }
  }
}

/** What is noted of a load that has come to its end. */
export function loaded(command: string, plan: Plan, phase: LoadPhase, { tables }: LoadResult): Note {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return {
    ...(phase === 'after-data' || phase === 'all' ? { phase: 'catching-up' as const } : {}),
    evidence: {
      kind: 'load',
      detail: { command, phase, planHash: plan.planHash, tables: tables.map(({ table }) => table), rows },
    },
  };
}

/** What is noted of a comparison; a phase follows from a whole one alone, on the way in. */
export function verified(
  { config }: Pick<Invocation, 'config'>,
  { plan, tables }: Pick<VerifyRequest, 'plan' | 'tables'>,
  found: VerifyResult | LiveResult,
  { verdict, mode, sampled, skipped }: VerifyResult,
): Note {
  const { namespaces, live } = config.verify;
  const moved = movedTables(plan);
  const whole = mode !== 'counts' && sampled === undefined && namespaces.length === 0;
  const detail = {
    verdict,
    mode,
    live,
    direction: config.reverse ? 'reverse' : 'forward',
    planHash: plan.planHash,
    tables: tables.map(({ table }) => table),
    whole: whole && tables.length === moved.length,
    skipped: skipped.map(({ part, reason }) => `${part}: ${reason}`),
    ...('fence' in found ? { visible: found.fence.visible } : {}),
  };
  const evidence = { kind: 'verification', detail };
  if (config.reverse || !detail.whole) return { evidence };
  return { evidence, phase: verdict === 'match' ? 'ready' : 'verifying' };
}
