import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { byNode, shardsOfSteps, transactionSettings } from './repair-file.js';
import type { RepairStep, TableRepair } from './repair-plan.js';
import { statementsOf } from './repair-sql.js';

/** A row that was left as it is, and why. */
export interface RefusedStep {
  readonly table: string;
  readonly key: Readonly<Record<string, string | null>> | null;
  readonly action: RepairStep['action'];
  readonly reason: string;
}

export interface RepairResult {
  /** Rows that are like the source's now. */
  readonly applied: number;
  readonly refused: readonly RefusedStep[];
}

const CHANGED = 'it has changed since it was compared';

export function refusedStep({ details }: TableRepair, step: RepairStep, reason: string): RefusedStep {
  const { table, key } = details.table;
  return {
    table,
    key: key === null ? null : Object.fromEntries(key.map((name, at) => [name, step.key[at] ?? null])),
    action: step.action,
    reason,
  };
}

/** Runs the steps of one place in one transaction; returns those that were refused because the row is another now. */
async function runTogether(
  session: Session,
  repair: TableRepair,
  steps: readonly RepairStep[],
  settings: readonly string[],
): Promise<ReadonlySet<RepairStep>> {
  const refused = new Set<RepairStep>();
  const { table } = repair.details.table;
  await session.transaction(async () => {
    for (const setting of settings) await session.query(setting);
    for (const shard of shardsOfSteps(steps)) {
      const { here } = await session.one<{ here: boolean }>(sql('repair/hold-shard', { shard }));
      if (here) continue;
      throw new MigrateError('TRANSIENT', {
        message: `Shard ${shard} of ${table} has moved to another node since it was compared`,
      });
    }
    for (const { step, text, rows } of statementsOf(repair.details, steps)) {
      if (refused.has(step)) continue;
      const changed = await session.query<{ one: number }>(
        `${text.replace(/;$/, '')} RETURNING 1 AS one`,
        `repair ${table}`,
      );
      if (changed.length === rows) continue;
      refused.add(step);
      // Some of several equal rows, but not all: nothing of this may stay.
      if (changed.length > 0) throw new PartlyChanged(step);
    }
  });
  return refused;
}

class PartlyChanged extends Error {
  constructor(readonly step: RepairStep) {
    super(CHANGED);
  }
}

/**
 * Why steps were refused; empty when none was. Undefined when one of several steps failed, so that nothing of them
 * was done and each has to be tried by itself.
 */
async function attempt(
  session: Session,
  repair: TableRepair,
  steps: readonly RepairStep[],
  settings: readonly string[],
): Promise<ReadonlyMap<RepairStep, string> | undefined> {
  try {
    const stale = await runTogether(session, repair, steps, settings);
    return new Map([...stale].map((step) => [step, CHANGED]));
  } catch (error) {
    if (!isOneRows(error)) throw error;
    if (steps.length > 1) return undefined;
    const reason = error instanceof PartlyChanged ? CHANGED : (error as MigrateError).message;
    return new Map(steps.map((step) => [step, reason]));
  }
}

/**
 * Mends the target: the steps of a table run in one transaction per place; when the server refuses one of them,
 * each runs by itself, so that one row does not keep the others.
 */
export async function applyRepair(
  database: Database,
  repairs: readonly TableRepair[],
  { signal }: Context,
): Promise<RepairResult> {
  const refused: RefusedStep[] = [];
  let applied = 0;
  const settings = transactionSettings({
    citus: database.kind === 'citus',
    silent: database.facts.superuser,
  });
  for (const repair of repairs) {
    for (const steps of byNode(repair.steps).values()) {
      if (steps.length === 0) continue;
      throwIfAborted(signal);
      const { shardId, node } = steps[0]!.place;
      const session = await database.connect(shardId === undefined ? database.head : node);
      const count = (outcome: ReadonlyMap<RepairStep, string>, tried: number): void => {
        for (const [step, reason] of outcome) refused.push(refusedStep(repair, step, reason));
        applied += tried - outcome.size;
      };
      try {
        const outcome = await attempt(session, repair, steps, settings);
        if (outcome !== undefined) {
          count(outcome, steps.length);
          continue;
        }
        for (const step of steps) {
          throwIfAborted(signal);
          count((await attempt(session, repair, [step], settings))!, 1);
        }
      } finally {
        await session.close();
      }
    }
  }
  return { applied, refused };
}

/** Whether the failure is about a row: another row, or the same one later, may fare better. */
function isOneRows(error: unknown): boolean {
  return (
    error instanceof PartlyChanged ||
    (error instanceof MigrateError && (error.code === 'ROW_REFUSED' || error.code === 'SERVER_ERROR'))
  );
}
