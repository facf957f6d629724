import type { Database } from '../citus/database.js';
import { MigrateError } from '../core/errors.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** What one node has, as far as it tells. Bytes. */
export interface NodeResources {
  readonly host: string;
  /** Its own maintenance_work_mem. */
  readonly maintenanceBytes: number;
  readonly sharedBuffers: number;
  readonly freeConnections: number;
  /** Absent: the role may not ask, or the node does not run on Linux. */
  readonly availableBytes?: number;
  readonly cpus?: number;
}

export interface BuildBudget {
  /** Statements at once. */
  readonly statements: number;
  /** Shards of one statement that are worked on at once, on each node. */
  readonly perNode: number;
  /** maintenance_work_mem of each build. */
  readonly memoryBytes: number;
}

/** Two: the round trips and the last shards of one statement are hidden behind the next. */
const STATEMENTS = 2;
/** Of the memory that nobody uses; the rest keeps the pages that are read. */
const MEMORY_SHARE = 1 / 4;
/** Of the connections that nobody uses. */
const CONNECTION_SHARE = 1 / 2;
/** maintenance_work_mem's own bounds, kB (PostgreSQL 14 to 18 on 64-bit machines). */
const MIN_KB = 1024;
const MAX_KB = 2 ** 31 - 1;

export interface BudgetWish {
  /** Streams that the user allows: what is assumed for a node that does not tell its processors. */
  readonly jobs: number;
  /** Every statement is one build; otherwise it is one for each shard of a node. */
  readonly single: boolean;
  /** maintenance_work_mem that the user asks for; absent: what fits the node that has least. */
  readonly memoryBytes?: number;
}

/**
 * As many builds on each node as it has processors, and its free memory shared among them; a node that does not tell
 * how much that is counts with its shared_buffers, by custom a quarter of the memory. Never less memory than the
 * server itself is set to.
 */
export function buildBudget(nodes: readonly NodeResources[], wish: BudgetWish): BuildBudget {
  const cpus = Math.min(...nodes.map((node) => node.cpus ?? wish.jobs));
  const connections = Math.floor(Math.min(...nodes.map((node) => node.freeConnections)) * CONNECTION_SHARE);
  const statements = Math.max(1, Math.min(wish.jobs, connections, wish.single ? cpus : STATEMENTS));
  const perNode = wish.single ? 1 : Math.max(1, Math.min(cpus, Math.floor(connections / statements)));
  const neighbours = (node: NodeResources): number => nodes.filter(({ host }) => host === node.host).length;
  const fitting = Math.min(
    ...nodes.map((node) => {
      const share =
        node.availableBytes === undefined
          ? node.sharedBuffers
          : (node.availableBytes * MEMORY_SHARE) / neighbours(node);
      return Math.max(node.maintenanceBytes, share / (statements * perNode));
    }),
  );
  const kB = Math.floor((wish.memoryBytes ?? fitting) / 1024);
  return { statements, perNode, memoryBytes: Math.min(MAX_KB, Math.max(MIN_KB, kB)) * 1024 };
}

interface Answer {
  readonly host: string;
  readonly success: boolean;
  readonly result: string;
}

/** What every node answers. Workers are asked through the coordinator: from here they may be out of reach. */
async function ask(
  session: Session,
  writer: Database,
  file: string,
): Promise<(Partial<NodeResources> | undefined)[]> {
  const command = sql(file);
  const own = await session.one<{ result: Partial<NodeResources> }>(command).then(
    ({ result }) => result,
    (error) => {
      // Managed servers let nobody read files.
      if (error instanceof MigrateError && ['RIGHTS_MISSING', 'SERVER_ERROR'].includes(error.code))
        return undefined;
      throw error;
    },
  );
  if (writer.kind === 'single') return [own];
  const workers = await session.query<Answer>(sql('load/on-workers', { command }), 'ask the workers');
  return [
    own,
    ...workers.map(({ host, success, result }) =>
      success ? { ...(JSON.parse(result) as Partial<NodeResources>), host } : undefined,
    ),
  ];
}

/** Asks every node of `writer`; one that does not answer counts as the smallest of the others. */
export async function readResources(writer: Database): Promise<NodeResources[]> {
  const session = await writer.connect();
  try {
    const settings = await ask(session, writer, 'load/node-settings');
    const machines = await ask(session, writer, 'load/node-machine');
    const { host } = writer.head.conninfo.hosts[0]!;
    return settings.flatMap((each, place) =>
      each === undefined ? [] : [{ host, ...each, ...machines[place] } as NodeResources],
    );
  } finally {
    await session.close();
  }
}
