import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { throwIfAborted } from '../core/errors.js';
import { quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { type Asked, ask, explain, measure } from './ask.js';
import { type Assessment, assessQuery } from './assess.js';
import { indexesOf, type Route, routeOf, unplannedOf } from './explained.js';
import { type Latency, latencyOf } from './latency.js';
import { type Outline, outlineOf } from './outline.js';
import type { Statement } from './statements.js';

export interface CompareRequest {
  readonly source: Database;
  readonly target: Database;
  readonly statements: readonly Statement[];
  readonly runs: number;
  /** Milliseconds that p95 on the target should keep below. */
  readonly limits: { readonly singleShardP95: number; readonly crossShardP95: number };
}

export interface SideOfQuery {
  /** What came back; absent: it was not run there. */
  readonly rows?: number;
  readonly digest?: string;
  readonly latency?: Latency;
}

export interface QueryResult extends Assessment {
  readonly name: string;
  readonly statement: string;
  /** How often the source has counted it. */
  readonly calls?: string;
  /** Its result is compared in its order. */
  readonly ordered: boolean;
  /** Absent: the target's plan is not known. */
  readonly route?: Route;
  readonly source: SideOfQuery;
  readonly target: SideOfQuery;
  /** Absent: it was not timed on the target. */
  readonly limitMs?: number;
  readonly withinLimit?: boolean;
}

interface Sessions {
  readonly source: Session;
  readonly target: Session;
}

/**
 * Runs statements on both sides, one after the other, and compares what comes back. Only reading is run; of the others
 * the target is asked for its plan, so that what it would refuse is told. Throws when a server goes away.
 */
export async function compareQueries(request: CompareRequest, context: Context): Promise<QueryResult[]> {
  const sessions = { source: await request.source.connect(), target: await request.target.connect() };
  const { source, target } = sessions;
  try {
    for (const session of [source, target]) session.cancelOn(context.signal);
    const items = request.statements.map(({ name }) => ({ label: name, totalRows: 0, totalBytes: 0 }));
    context.progress.start('comparing statements', items);
    const results: QueryResult[] = [];
    for (const statement of request.statements) {
      throwIfAborted(context.signal);
      results.push(await compareOne(statement, sessions, request));
      context.progress.finish(statement.name);
    }
    return results;
  } finally {
    context.progress.stop();
    await Promise.all([source.close(), target.close()]);
  }
}

async function compareOne(
  statement: Statement,
  sessions: Sessions,
  { target, runs, limits }: CompareRequest,
): Promise<QueryResult> {
  const { name, text, calls } = statement;
  const outline = outlineOf(text);
  const parametersKnown = outline.parameters === 0 || statement.parameters !== undefined;
  // Of a statement whose parameters nobody knows a plan can still be asked for, with NULL in their places.
  const parameters = statement.parameters ?? new Array<null>(outline.parameters).fill(null);
  const plans = {
    source: await explain(sessions.source, text, parameters),
    target: await explainOnTarget(await explain(sessions.target, text, parameters), target),
  };
  const runnable = outline.reads && parametersKnown && !plans.source.refusal && !plans.target.refusal;
  const answers = runnable ? await runBoth({ text, parameters, outline, runs }, sessions) : plans;
  const approximate = await isApproximate(sessions, plans);
  const assessment = assessQuery({ outline, parametersKnown, approximate, ...answers });
  const { plan } = plans.target;
  const route = plan === undefined || !parametersKnown ? undefined : routeOf(plan);
  const measured = sideOf(answers.target, outline);
  const limitMs = route?.kind === 'fan-out' ? limits.crossShardP95 : limits.singleShardP95;
  return {
    name,
    statement: text,
    ...assessment,
    ...(calls === undefined ? {} : { calls }),
    ordered: outline.ordered,
    ...(route === undefined ? {} : { route }),
    source: sideOf(answers.source, outline),
    target: measured,
    ...(measured.latency === undefined ? {} : { limitMs, withinLimit: measured.latency.p95 < limitMs }),
  };
}

/** undefined_table: the shard lies on another node. */
const NOT_HERE = '42P01';

/** What the coordinator plans and a worker would refuse is asked of the workers, one after the other. */
async function explainOnTarget(asked: Asked, target: Database): Promise<Asked> {
  const [query] = asked.plan === undefined ? [] : unplannedOf(asked.plan);
  if (query === undefined) return asked;
  for (const node of target.nodes) {
    const session = await target.connect(node);
    try {
      const { refusal } = await explain(session, query, []);
      if (refusal !== undefined && refusal.sqlstate !== NOT_HERE) return { refusal, milliseconds: [] };
    } finally {
      await session.close();
    }
  }
  return asked;
}

interface Runnable {
  readonly text: string;
  readonly parameters: readonly unknown[];
  readonly outline: Outline;
  readonly runs: number;
}

/** When they differ, both are asked once more: a write in between is no difference between the sides. */
async function runBoth(
  { text, parameters, outline, runs }: Runnable,
  { source, target }: Sessions,
): Promise<{ source: Asked; target: Asked }> {
  const first = {
    source: await measure(source, text, parameters, runs),
    target: await measure(target, text, parameters, runs),
  };
  if (first.source.result === undefined || first.target.result === undefined) return first;
  const what = outline.ordered ? 'sequence' : 'set';
  if (first.source.result[what] === first.target.result[what]) return first;
  const again = { source: await ask(source, text, parameters), target: await ask(target, text, parameters) };
  const last = await ask(source, text, parameters);
  const changed = (one: Asked, other: Asked): boolean => one.result?.set !== other.result?.set;
  return {
    source: {
      ...first.source,
      ...again.source,
      unstable: first.source.unstable === true || changed(last, again.source),
      milliseconds: first.source.milliseconds,
    },
    target: {
      ...first.target,
      ...again.target,
      unstable: first.target.unstable === true,
      milliseconds: first.target.milliseconds,
    },
  };
}

function sideOf({ result, milliseconds }: Asked, { ordered }: Outline): SideOfQuery {
  const latency = latencyOf(milliseconds);
  return {
    ...(result === undefined ? {} : { rows: result.rows, digest: ordered ? result.sequence : result.set }),
    ...(latency === undefined ? {} : { latency }),
  };
}

async function isApproximate(
  { source }: Sessions,
  plans: { readonly source: Asked; readonly target: Asked },
): Promise<boolean> {
  // A shard's index has the shard's number behind the name that the source's may have, too.
  const names = [plans.source, plans.target]
    .flatMap(({ plan }) => indexesOf(plan))
    .flatMap((name) => [name, name.replace(/_\d+$/, '')]);
  if (names.length === 0) return false;
  const { approximate } = await source.one<{ approximate: boolean }>(
    sql('queries/approximate', { names: names.map(quoteLiteral).join(', ') }),
    'look at the indexes',
  );
  return approximate;
}
