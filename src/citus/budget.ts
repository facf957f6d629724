import { setTimeout as pause } from 'node:timers/promises';
import {
  largestPool,
  mostJobs,
  type NodeNeed,
  type PerJob,
  type Shortage,
  type StageNeed,
  shortages,
  wanted,
} from '../core/connections.js';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { Jobs } from '../core/jobs.js';
import type { Database } from './database.js';
import { readRooms } from './rooms.js';

/** Connections that are left to others on every node unless the user says otherwise. */
export const CONNECTION_RESERVE = 5;

export interface BudgetOptions {
  /** Chunks in flight at once. */
  readonly jobs: number;
  /** Fewer streams will do when so many do not fit: nobody asked for just this number. */
  readonly mayReduce?: boolean;
  /** Connections that stay free on every node. */
  readonly connectionReserve?: number;
}

export interface BudgetRequest extends BudgetOptions {
  readonly reader?: Database;
  readonly writer?: Database;
  /** Rows of distributed tables go through the coordinator. */
  readonly throughCoordinator?: boolean;
}

/**
 * What a killed run has left behind is waited for before it counts: its backends look for their client every five
 * seconds (sql/postgres/session.sql).
 */
const LOOKS = 20;
const LOOK_EVERY_MS = 500;

const NONE: PerJob = { fixed: 0, perJob: 0 };

/**
 * On the head: the session of the command, the check of throttles, the holder of the snapshot, what measures chunks,
 * and the lock of a cluster-wide snapshot. On a worker: the holder, what measures, and one that Citus keeps for
 * itself; the coordinator opens one there for the command's session, the checks and the lock each.
 */
const READS = {
  head: { own: { fixed: 5, perJob: 1 }, sessions: NONE, fanning: NONE },
  worker: { own: { fixed: 3, perJob: 1 }, sessions: { fixed: 3, perJob: 0 }, fanning: NONE },
} as const satisfies Record<string, StageNeed>;

/**
 * On the head: the session of the command, the lock of the ledger, its look at the nodes, the check of throttles,
 * and one that settles transactions; besides a lane, or a session that builds indexes, for every stream, and on a
 * cluster two that Citus keeps for itself. On a worker a lane for every stream, and what the coordinator's sessions
 * open there: the last word on a chunk goes to a reference table.
 */
function writes(throughCoordinator: boolean, isCluster: boolean): Record<'head' | 'worker', StageNeed[]> {
  const head = { own: { fixed: isCluster ? 7 : 5, perJob: 1 }, sessions: NONE, fanning: NONE };
  const sessions = { fixed: 4, perJob: 1 };
  const rows = {
    own: { fixed: 4, perJob: 1 },
    sessions,
    fanning: { fixed: 1, perJob: throughCoordinator ? 1 : 0 },
  };
  const ddl = { own: { fixed: 4, perJob: 0 }, sessions, fanning: { fixed: 1, perJob: 1 } };
  return { head: [head], worker: [rows, ddl] };
}

async function measure({ reader, writer, throughCoordinator }: BudgetRequest) {
  const of = async (database: Database, stages: Record<'head' | 'worker', StageNeed[]>) => {
    const { rooms, poolSize, otherRuns } = await readRooms(database);
    const needs = rooms.map(
      (room, index): NodeNeed => ({ room, stages: index === 0 ? stages.head : stages.worker }),
    );
    return { needs, poolSize, otherRuns };
  };
  const read = reader && (await of(reader, { head: [READS.head], worker: [READS.worker] }));
  const isCluster = writer?.kind === 'citus';
  const written = writer && (await of(writer, writes(throughCoordinator ?? false, isCluster)));
  return {
    needs: [...(read?.needs ?? []), ...(written?.needs ?? [])],
    pool: written ?? { needs: [], poolSize: 1 },
    otherRuns: (read?.otherRuns ?? 0) + (written?.otherRuns ?? 0),
  };
}

const listed = (short: readonly Shortage[]): string =>
  short
    .map(({ node, bound, free, wanted }) => `${node} has ${free} left (${bound}) and ${wanted} are wanted`)
    .join('; ');

const streams = (jobs: number): string => (jobs === 1 ? 'a single stream' : `${jobs} streams`);

function tooFew(short: readonly Shortage[], jobs: number, most: number): MigrateError {
  const advice = most > 0 ? `Use --jobs ${most}, free` : 'Free';
  return new MigrateError('CONNECTIONS_SHORT', {
    message: `Not enough connections for ${streams(jobs)}: ${listed(short)}`,
    hint: `${advice} connections there, raise the limit, or lower --connection-reserve. Nothing was touched.`,
    context: { jobs, mostJobs: most, nodes: short.map(({ node }) => node) },
  });
}

/**
 * The number of streams that this run may have, so that all the connections it opens stay below every node's limit
 * with a reserve. Fewer than `jobs` only where `mayReduce` says so, with a line in the log; else, and when not even
 * one fits, throws CONNECTIONS_SHORT. Statements on the coordinator are told to open as few connections to the
 * workers as fit beside all else. Later wishes for another number are granted as far as they fit then.
 */
export async function fitJobs(request: BudgetRequest, context: Context): Promise<Jobs> {
  const { signal } = context;
  const {
    jobs: wished,
    mayReduce = false,
    connectionReserve: reserve = CONNECTION_RESERVE,
    writer,
  } = request;
  let measured = await measure(request);
  for (let look = 0; look < LOOKS && measured.otherRuns > 0; look += 1) {
    if (shortages(measured.needs, wished, reserve).length === 0) break;
    if (look === 0)
      context.log.info('Waiting up to 10 s for connections that another run may be about to leave');
    await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => throwIfAborted(signal));
    measured = await measure(request);
  }
  const { needs, pool } = measured;
  const short = shortages(needs, wished, reserve);
  const most = mostJobs(needs, wished, reserve);
  if (short.length > 0) {
    if (!mayReduce || most === 0) throw tooFew(short, wished, most);
    context.log.warn(`Working with ${streams(most)} instead of ${wished}: ${listed(short)}`);
  }
  const size = largestPool(pool.needs, most, reserve, pool.poolSize);
  if (writer?.kind === 'citus' && size < pool.poolSize) {
    context.log.debug(`Statements open up to ${size} connections to a worker instead of ${pool.poolSize}`);
    await writer.limitPool(size);
  }
  return new Jobs(most);
}

/** The most connections that a load with so many streams opens to one node, if it has to do with few. */
export function connectionsOfLoad(jobs: number, isCluster: boolean): number {
  const { head, worker } = writes(false, isCluster);
  const room = { node: '', free: 0, bound: '' };
  return Math.max(
    ...[head, ...(isCluster ? [worker] : [])].map((stages) => wanted({ room, stages }, jobs, 1)),
  );
}

/** Grants wishes for another number of streams while the work runs, as far as they fit. Returns how to stop. */
export function followJobs(jobs: Jobs, request: BudgetRequest, { pace, log }: Context): () => void {
  const { connectionReserve: reserve = CONNECTION_RESERVE } = request;
  let asked = Promise.resolve();
  const grant = async (wished: number): Promise<void> => {
    const { needs } = await measure(request);
    const most = Math.max(1, mostJobs(needs, wished, reserve));
    const less = most < wished ? ` instead of ${wished}: ${listed(shortages(needs, wished, reserve))}` : '';
    log[less === '' ? 'info' : 'warn'](`Going on with ${streams(most)}${less}`);
    jobs.set(most);
  };
  return pace.onJobs((wished) => {
    asked = asked
      .then(() => grant(wished))
      .catch((error: Error) => {
        log.warn(`Still ${streams(jobs.now)}: whether ${wished} fit could not be told: ${error.message}`);
      });
  });
}
