import { readRooms } from '../../citus/rooms.js';
import type { NodeRoom } from '../../core/connections.js';
import { formatCount } from '../../core/format.js';
import { sql } from '../../postgres/sql-files.js';
import { type Finding, fails, type GateCheck, holds, sidesOf, some } from './gate.js';

export interface ConnectionFacts {
  /** Connections of applications to the side that gives the writes away: they will come to the other one. */
  readonly clients: number;
  /** Of the side that takes them: the single node or coordinator first. */
  readonly rooms: readonly NodeRoom[];
  readonly reserve: number;
}

/** The head has to take the applications; a worker what the coordinator opens for them: at least one each at once. */
export function assessConnections({ clients, rooms, reserve }: ConnectionFacts): Finding {
  const needed = (at: number): number => reserve + (at === 0 ? clients : 0);
  const short = rooms.flatMap((room, at) =>
    room.free < needed(at) ? [{ ...room, needed: needed(at) }] : [],
  );
  if (short.length > 0)
    return fails(
      some(
        short.map(
          ({ node, free, needed: wanted, bound }) =>
            `${node} has ${free} of ${wanted} connections free (${bound})`,
        ),
      ),
      'Raise max_connections or the limit that is named, or let applications open fewer; gates count connectionReserve on top.',
    );
  const least = rooms.map(({ node, free }) => `${node} ${formatCount(free)}`);
  return holds(`${formatCount(clients)} connections of applications to take over; free: ${some(least)}`);
}

export const connections: GateCheck = {
  gate: 'connections',
  title: 'there is room for the applications',
  directions: ['forward', 'reverse'],
  async check(request) {
    const { taking, giving } = sidesOf(request);
    const { clients } = await giving.session.one<{ clients: number }>(
      sql('cutover/clients'),
      'count the connections of applications',
    );
    const { rooms } = await readRooms(taking);
    return assessConnections({ clients, rooms, reserve: request.connectionReserve });
  },
};
