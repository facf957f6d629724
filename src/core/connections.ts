/** What a node lets one more client have. */
export interface NodeRoom {
  /** How messages name it. */
  readonly node: string;
  /** Connections that this run may have there, the reserve not yet taken off. */
  readonly free: number;
  /** What sets that bound, for messages: `max_connections = 100, 3 of them for superusers, 41 in use`. */
  readonly bound: string;
  /** Of these, connections that the coordinator may open; absent: as many as are free. */
  readonly shared?: number;
}

/** A number that grows with the number of streams. */
export interface PerJob {
  readonly fixed: number;
  readonly perJob: number;
}

/**
 * The connections that one stage of the work opens to a node. None of them depends on the number of shards: a
 * statement on the coordinator that fans out keeps to citus.max_adaptive_executor_pool_size (measured with COPY,
 * CREATE INDEX, ANALYZE and constraints: docs/decisions.md).
 */
export interface StageNeed {
  /** Straight from here. */
  readonly own: PerJob;
  /** Sessions on the coordinator that keep a connection to this node each. */
  readonly sessions: PerJob;
  /** Those of them that run statements over all shards. */
  readonly fanning: PerJob;
}

export interface NodeNeed {
  readonly room: NodeRoom;
  /** One after the other: the largest counts. */
  readonly stages: readonly StageNeed[];
}

export interface Shortage {
  readonly node: string;
  readonly bound: string;
  readonly free: number;
  readonly wanted: number;
}

const at = ({ fixed, perJob }: PerJob, jobs: number): number => fixed + perJob * jobs;

const throughCoordinator = (stage: StageNeed, jobs: number, pool: number): number =>
  at(stage.sessions, jobs) + at(stage.fanning, jobs) * (pool - 1);

/** Connections to one node with `jobs` streams, when a statement on the coordinator opens up to `pool` of them. */
export const wanted = ({ stages }: NodeNeed, jobs: number, pool: number): number =>
  Math.max(...stages.map((stage) => at(stage.own, jobs) + throughCoordinator(stage, jobs, pool)));

function shortage(need: NodeNeed, jobs: number, pool: number, reserve: number): Shortage | undefined {
  const { node, bound, shared = Infinity } = need.room;
  const free = Math.max(0, need.room.free - reserve);
  const all = wanted(need, jobs, pool);
  if (all > free) return { node, bound: `${bound}, ${reserve} kept free`, free, wanted: all };
  const most = Math.max(...need.stages.map((stage) => throughCoordinator(stage, jobs, pool)));
  if (most <= shared) return undefined;
  return { node, bound: 'citus.max_shared_pool_size on the coordinator', free: shared, wanted: most };
}

/** The nodes on which `jobs` streams do not fit, even when no statement opens more than one connection to a node. */
export const shortages = (needs: readonly NodeNeed[], jobs: number, reserve: number): Shortage[] =>
  needs.flatMap((need) => shortage(need, jobs, 1, reserve) ?? []);

/** The largest number of streams up to `jobs` that fits on all nodes; 0 when not even one does. */
export function mostJobs(needs: readonly NodeNeed[], jobs: number, reserve: number): number {
  let most = jobs;
  while (most > 0 && shortages(needs, most, reserve).length > 0) most -= 1;
  return most;
}

/** The largest pool up to `pool` with which `jobs` streams fit; 1 when none is small enough. */
export function largestPool(needs: readonly NodeNeed[], jobs: number, reserve: number, pool: number): number {
  let largest = pool;
  while (largest > 1 && needs.some((need) => shortage(need, jobs, largest, reserve) !== undefined))
    largest -= 1;
  return largest;
}
