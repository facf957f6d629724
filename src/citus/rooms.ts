import type { NodeRoom } from '../core/connections.js';
import { sql } from '../postgres/sql-files.js';
import type { Database } from './database.js';
import { onEachNode, ownBackends } from './each-node.js';

/** What sql/citus/connections.sql says of one node; limits that do not bind this role are null or negative. */
export interface ConnectionFacts {
  readonly maxConnections: number;
  readonly forSuperusers: number;
  readonly reserved: number;
  readonly used: number;
  /** Of these, connections of other runs of this program. */
  readonly otherRuns: number;
  readonly roleLimit: number | null;
  readonly roleUsed: number;
  readonly databaseLimit: number | null;
  readonly databaseUsed: number;
  readonly clientLimit: number | null;
  readonly clientUsed: number;
}

/** The tightest of the bounds on one node's connections. */
export function roomOf(node: string, facts: ConnectionFacts): NodeRoom {
  const { maxConnections, forSuperusers, reserved, used } = facts;
  const kept = forSuperusers + reserved;
  const bounds = [
    {
      free: maxConnections - kept - used,
      bound: `max_connections = ${maxConnections}, ${kept} of them reserved, ${used} in use`,
    },
    ...(
      [
        ['connection limit of the role', facts.roleLimit, facts.roleUsed],
        ['connection limit of the database', facts.databaseLimit, facts.databaseUsed],
        ['citus.max_client_connections', facts.clientLimit, facts.clientUsed],
      ] as const
    ).flatMap(([name, limit, inUse]) =>
      limit === null || limit < 0
        ? []
        : [{ free: limit - inUse, bound: `${name} = ${limit}, ${inUse} in use` }],
    ),
  ];
  const tightest = bounds.reduce((least, bound) => (bound.free < least.free ? bound : least));
  return { node, ...tightest, free: Math.max(0, tightest.free) };
}

export interface Rooms {
  /** Of the single node; of the coordinator and then of every worker. */
  readonly rooms: readonly NodeRoom[];
  /** Connections to one worker that a statement on the coordinator opens at most; 1 on a single node. */
  readonly poolSize: number;
  /** Connections of other runs of this program, on all nodes: those of a killed one go within seconds. */
  readonly otherRuns: number;
}

interface PoolRow {
  poolSize: number;
  sharedPool: number | null;
}

/** How many connections every node of one side still has for this run. Its own are not counted as used. */
export async function readRooms({ session, connector }: Database): Promise<Rooms> {
  const { side } = connector.options;
  const mine = await ownBackends(session, connector);
  const facts = await onEachNode<ConnectionFacts>(
    session,
    connector,
    sql('citus/connections', { mine }),
    'count the connections',
  );
  const otherRuns = facts.reduce((sum, { value }) => sum + value.otherRuns, 0);
  if (connector.kind === 'single') return { rooms: [roomOf(side, facts[0]!.value)], poolSize: 1, otherRuns };
  const { poolSize, sharedPool } = await session.one<PoolRow>(
    sql('citus/coordinator-pool'),
    'read the settings of the coordinator',
  );
  // Negative: the coordinator counts nothing.
  const counted = sharedPool !== null && sharedPool > 0;
  const uses = counted
    ? await session.query<{ node: string; inUse: number }>(
        sql('citus/shared-pool-use'),
        'count the connections to the workers',
      )
    : [];
  const inUse = new Map(uses.map((use) => [use.node, use.inUse]));
  const rooms = facts.map(({ node, value }, index) => {
    const room = roomOf(index === 0 ? `coordinator ${node}` : `worker ${node}`, value);
    if (index === 0 || !counted) return room;
    return { ...room, shared: Math.max(0, sharedPool - (inUse.get(node) ?? 0)) };
  });
  return { rooms, poolSize, otherRuns };
}
