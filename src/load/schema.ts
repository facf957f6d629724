import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { throwIfAborted } from '../core/errors.js';
import { formatDuration } from '../core/format.js';
import { parallel } from '../core/parallel.js';
import type { Plan } from '../core/plan-types.js';
import { originalDdl, targetDdl } from '../plan/ddl.js';
import type { Direction } from '../plan/projection.js';
import type { Ddl, Statement } from '../plan/statement.js';
import type { Session } from '../postgres/session.js';

/** The statements that make the planned (or, on the way back, the original) schema on `writer`. */
export function ddlFor(plan: Plan, direction: Direction, writer: Pick<Database, 'kind'>): Ddl {
  return direction === 'reverse' ? originalDdl(plan) : targetDdl(plan, { citus: writer.kind === 'citus' });
}

export interface SchemaResult {
  /** What was made now. */
  created: string[];
  /** What was there already. */
  existing: string[];
}

/** Indexes of large tables take minutes or hours: each that is done is told. */
const WORTH_TELLING_MS = 2000;

/** Runs one statement unless the target has what it makes. */
async function apply(
  session: Session,
  statement: Statement,
  result: SchemaResult,
  { log, clock }: Context,
): Promise<void> {
  if (statement.exists !== undefined) {
    const { exists } = await session.one<{ exists: boolean }>(
      `SELECT (${statement.exists}) AS exists`,
      `look for ${statement.about}`,
    );
    if (exists) {
      result.existing.push(statement.about);
      return;
    }
  }
  log.debug(`Creating ${statement.about}`);
  const startedAt = clock.now();
  await session.query(statement.sql, `create ${statement.about}`);
  const took = clock.now() - startedAt;
  if (took >= WORTH_TELLING_MS) log.info(`Created ${statement.about} in ${formatDuration(took)}`);
  result.created.push(statement.about);
}

/** Neighbours of the same parallel group run side by side, on `jobs` sessions; all others one after the other. */
function stages(statements: readonly Statement[]): Statement[][] {
  const result: Statement[][] = [];
  let group: string | undefined;
  for (const statement of statements) {
    if (group !== undefined && statement.parallelGroup === group) result.at(-1)!.push(statement);
    else result.push([statement]);
    group = statement.parallelGroup;
  }
  return result;
}

/**
 * Runs statements in their order. Each commits by itself and is passed over when its result exists, so an
 * interrupted run continues where it stopped.
 */
export async function applyDdl(
  writer: Database,
  statements: readonly Statement[],
  jobs: number,
  context: Context,
): Promise<SchemaResult> {
  const result: SchemaResult = { created: [], existing: [] };
  for (const stage of stages(statements)) {
    throwIfAborted(context.signal);
    if (stage.length === 1) {
      // An index may build for an hour: cancelling has to reach the server.
      await writer.session.cancelledBy(context.signal, () =>
        apply(writer.session, stage[0]!, result, context),
      );
      continue;
    }
    await parallel(stage, jobs, context.signal, async (statement, signal) => {
      const session = await writer.connect();
      try {
        await session.cancelledBy(signal, () => apply(session, statement, result, context));
      } finally {
        await session.close();
      }
    });
  }
  return result;
}
