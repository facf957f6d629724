import type { Database } from '../citus/database.js';
import { SessionPool } from '../citus/pool.js';
import { readShards } from '../citus/shards.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { formatBytes, formatDuration, plural } from '../core/format.js';
import { displayName } from '../core/names.js';
import { parallel } from '../core/parallel.js';
import { writtenPlace } from '../core/places.js';
import type { Plan } from '../core/plan-types.js';
import { originalDdl, targetDdl } from '../plan/ddl.js';
import type { Direction } from '../plan/projection.js';
import type { Ddl, Statement } from '../plan/statement.js';
import type { Session } from '../postgres/session.js';
import { type BuildBudget, buildBudget, readResources } from './build-budget.js';
import { BuildWatch } from './build-watch.js';
import { inBudget } from './index-build.js';
import { retrying } from './retrying.js';

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

export interface ApplyOptions {
  /** Statements at once, where nothing else bounds them. */
  readonly jobs: number;
  /** maintenance_work_mem of each index build; absent: what fits the nodes. */
  readonly indexMemory?: number;
  /** See RetryOptions. */
  readonly mayRetry?: () => boolean;
}

/** Indexes of large tables take minutes or hours: each that is done is told. */
const WORTH_TELLING_MS = 2000;

const holds = async (session: Session, condition: string, doing: string): Promise<boolean> =>
  (await session.one<{ holds: boolean }>(`SELECT (${condition}) AS holds`, doing)).holds;

const stands = async (session: Session, { exists, about }: Statement): Promise<boolean> =>
  exists !== undefined && (await holds(session, exists, `look for ${about}`));

/** Neighbours of the same parallel group run side by side; all others one after the other. */
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

/** What is needed for statements that read every row of their tables. */
interface Builds {
  readonly pending: ReadonlySet<string>;
  readonly budget: BuildBudget;
  readonly watch: BuildWatch;
  /** Display name of a table → its shards, copies included. */
  readonly placements: ReadonlyMap<string, number>;
}

async function prepareBuilds(
  writer: Database,
  pending: readonly Statement[],
  { jobs, indexMemory }: ApplyOptions,
  context: Context,
): Promise<Builds> {
  const single = writer.kind === 'single';
  const wish = { jobs, single, ...(indexMemory === undefined ? {} : { memoryBytes: indexMemory }) };
  const budget = buildBudget(await readResources(writer), wish);
  const shards = await readShards(writer.session, writer.connector);
  const placements = new Map(
    [...shards.values()].map(({ table, shards: all }) => [
      displayName(table),
      all.reduce((sum, shard) => sum + shard.nodes.length, 0),
    ]),
  );
  const builds = pending.filter(({ reads }) => reads === 'build').length;
  if (builds > 0) {
    const each = single
      ? `${budget.statements} at once`
      : `${budget.statements} at once, ${plural(budget.perNode, 'shard')} of each at once on every node`;
    context.log.info(
      `Building ${plural(builds, 'index')}, ${each}, with maintenance_work_mem ${formatBytes(budget.memoryBytes)}`,
    );
  }
  context.progress.start(
    'after-data',
    pending.map(({ about }) => ({ label: about, totalRows: 0, totalBytes: 0, detail: 'waiting' })),
  );
  const labels = new Set(pending.map(({ about }) => about));
  return { pending: labels, budget, watch: new BuildWatch(writer, context), placements };
}

class Applying {
  readonly result: SchemaResult = { created: [], existing: [] };
  readonly #writer: Database;
  readonly #options: ApplyOptions;
  readonly #context: Context;
  readonly #pool: SessionPool;
  #builds: Builds | undefined;

  constructor(writer: Database, options: ApplyOptions, context: Context) {
    this.#writer = writer;
    this.#options = options;
    this.#context = context;
    this.#pool = new SessionPool((node) => writer.connect(node));
  }

  async run(statements: readonly Statement[]): Promise<void> {
    const { signal } = this.#context;
    const pending: Statement[] = [];
    for (const statement of statements.filter(({ reads }) => reads !== undefined)) {
      const there = await this.#repeat('look around', signal, (session) => stands(session, statement));
      if (!there) pending.push(statement);
    }
    if (pending.length > 0)
      this.#builds = await prepareBuilds(this.#writer, pending, this.#options, this.#context);
    for (const stage of stages(statements)) {
      const reads = stage.some((statement) => statement.reads !== undefined);
      const jobs = (reads ? this.#builds?.budget.statements : undefined) ?? this.#options.jobs;
      await parallel(stage, jobs, signal, (statement, each) =>
        this.#repeat(`create ${statement.about}`, each, (session) => this.#apply(session, statement)),
      );
    }
  }

  async close(): Promise<void> {
    if (this.#builds !== undefined) {
      this.#context.progress.stop();
      await this.#builds.watch.close();
    }
    await this.#pool.close();
  }

  /** Each attempt finds out anew what stands: a commit whose answer was lost is not made twice. */
  #repeat<T>(doing: string, signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
    const { mayRetry } = this.#options;
    const options = { signal, log: this.#context.log, ...(mayRetry === undefined ? {} : { mayRetry }) };
    return retrying(doing, options, () =>
      // An index may build for an hour: cancelling has to reach the server.
      this.#pool.use(this.#writer.head, (session) => session.cancelledBy(signal, () => work(session))),
    );
  }

  async #apply(session: Session, statement: Statement): Promise<void> {
    const { log, clock, progress, fail } = this.#context;
    const { about, reads } = statement;
    if (await stands(session, statement)) {
      this.result.existing.push(about);
      if (this.#builds?.pending.has(about)) progress.finish(about);
      return;
    }
    await refuseBroken(session, statement, this.#writer);
    log.debug(`Creating ${about}`);
    await fail('schema: before a statement');
    const startedAt = clock.now();
    if (reads === undefined || this.#builds === undefined)
      await session.query(statement.sql, `create ${about}`);
    else await this.#build(session, statement, this.#builds);
    await fail('schema: after a statement');
    const took = clock.now() - startedAt;
    if (took >= WORTH_TELLING_MS) log.info(`Created ${about} in ${formatDuration(took)}`);
    this.result.created.push(about);
  }

  async #build(session: Session, statement: Statement, builds: Builds): Promise<void> {
    const { about, reads, table = '' } = statement;
    const { budget, watch, placements } = builds;
    const { progress } = this.#context;
    progress.advance(about, { detail: reads === 'check' ? 'checking' : 'building' });
    const running = { label: about, placements: placements.get(table) ?? 1 };
    await watch.during(session, running, () => inBudget(session, statement, budget, this.#writer.kind));
    progress.finish(about);
  }
}

/** Index builds here are transactions: one that was broken off leaves nothing. So this is somebody else's. */
async function refuseBroken(session: Session, { broken, about }: Statement, writer: Database): Promise<void> {
  if (broken === undefined || !(await holds(session, broken, `look at ${about}`))) return;
  throw new MigrateError('TARGET_INDEX_INVALID', {
    message: `On ${writtenPlace(writer.options.side)}, ${about} is invalid: a CREATE INDEX CONCURRENTLY was broken off`,
  });
}

/**
 * Runs statements in their order. Each commits by itself and is passed over when its result exists, so an
 * interrupted run continues where it stopped; one that a lost connection or a restarting node interrupts is tried
 * again. Throws TARGET_INDEX_INVALID and what the server refuses.
 */
export async function applyDdl(
  writer: Database,
  statements: readonly Statement[],
  options: ApplyOptions,
  context: Context,
): Promise<SchemaResult> {
  const applying = new Applying(writer, options, context);
  try {
    await applying.run(statements);
    return applying.result;
  } finally {
    await applying.close();
  }
}
