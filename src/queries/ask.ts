import { MigrateError } from '../core/errors.js';
import type { Session } from '../postgres/session.js';
import { sqlState } from '../postgres/sqlstate.js';
import type { Refusal } from './assess.js';
import { type ResultDigest, ResultDigester } from './result-digest.js';

/** A statement that takes longer on one side is given up there. */
export const STATEMENT_TIMEOUT_MS = 60_000;

/** Time that the runs of one statement on one side may take together; what is left of them is not made. */
const BUDGET_MS = 20_000;

export interface Asked {
  readonly refusal?: Refusal;
  /** EXPLAIN's JSON. */
  readonly plan?: unknown;
  readonly result?: ResultDigest;
  readonly unstable?: boolean;
  /** Of each run. */
  readonly milliseconds: readonly number[];
}

/** A server's refusal, without values; whatever else went wrong is thrown on. */
function refusalOf(error: unknown, session: Session): Refusal {
  const sqlstate = sqlState(error);
  // Without an answer, or when the server goes away, nothing was refused.
  if (!(error instanceof MigrateError) || sqlstate === undefined || session.closed || error.retry !== 'never')
    throw error;
  return { sqlstate, reason: error.message.replace(`Failed on ${session.server}: `, '') };
}

async function attempt<T>(session: Session, work: () => Promise<T>): Promise<T | Refusal> {
  // What the statement finds it finds as the application does: by the role's and the database's own search path.
  await session.query(
    `RESET search_path; BEGIN READ ONLY; SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`,
  );
  try {
    return await work();
  } catch (error) {
    return refusalOf(error, session);
  } finally {
    if (!session.closed) await session.query('ROLLBACK');
  }
}

const isRefusal = (answer: object): answer is Refusal => 'sqlstate' in answer;

async function digest(session: Session, text: string, parameters: readonly unknown[]): Promise<ResultDigest> {
  const digester = new ResultDigester();
  const { columns } = await session.fetch(text, parameters, (values) => digester.add(values));
  return digester.finish(columns);
}

/** Plans the statement on this side and does not run it: also one that writes is only looked at. */
export async function explain(
  session: Session,
  text: string,
  parameters: readonly unknown[],
): Promise<Asked> {
  const found = await attempt(session, async () => {
    let json = '';
    await session.fetch(`EXPLAIN (FORMAT JSON, VERBOSE) ${text}`, parameters, ([line]) => {
      json += line ?? '';
    });
    return { plan: JSON.parse(json) as unknown };
  });
  return isRefusal(found) ? { refusal: found, milliseconds: [] } : { ...found, milliseconds: [] };
}

/** The result alone. */
export async function ask(session: Session, text: string, parameters: readonly unknown[]): Promise<Asked> {
  const found = await attempt(session, async () => ({ result: await digest(session, text, parameters) }));
  return isRefusal(found) ? { refusal: found, milliseconds: [] } : { ...found, milliseconds: [] };
}

/**
 * Runs the statement `runs` times in one READ ONLY transaction, which Citus hands on to its workers. The result is
 * taken before and after; what is timed is each run from sending it to its last row, with the workers' transactions
 * already begun, as for a statement that stands alone.
 */
export async function measure(
  session: Session,
  text: string,
  parameters: readonly unknown[],
  runs: number,
): Promise<Asked> {
  const milliseconds: number[] = [];
  const found = await attempt(session, async () => {
    const result = await digest(session, text, parameters);
    const begun = performance.now();
    for (let run = 0; run < runs && performance.now() - begun < BUDGET_MS; run += 1) {
      const sent = performance.now();
      await session.fetch(text, parameters, () => {});
      milliseconds.push(performance.now() - sent);
    }
    const again = await digest(session, text, parameters);
    return { result, unstable: again.set !== result.set };
  });
  return isRefusal(found) ? { refusal: found, milliseconds } : { ...found, milliseconds };
}
