import { randomUUID } from 'node:crypto';
import type { Node } from '../citus/connector.js';
import type { SessionPool } from '../citus/pool.js';
import { readShards, type TableShards } from '../citus/shards.js';
import { BufferPool } from '../core/buffer-pool.js';
import { type Destinations, destinations } from '../core/destinations.js';
import { MigrateError } from '../core/errors.js';
import { qualified } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { keyHash, type RouteKey, RowRouter } from '../core/router.js';
import { OPEN_BYTES, type ShardRows } from '../core/shard-buffers.js';
import {
  type Arrived,
  addChunk,
  endAttempts,
  type LaneRow,
  lockChunk,
  readLaneRows,
  sumArrived,
} from '../ledger/rows.js';
import { columnsOf } from '../plan/projection.js';
import { type Lane, type LaneOptions, LOCK_TIMEOUT, type LoadChunk } from './lane.js';
import { NodeLane } from './node-lane.js';
import { keepRefused } from './quarantine.js';
import { groupsOf, isReplicated, requireSamePlacements } from './same-placements.js';

/**
 * Bytes of rows that one chunk may have waiting for its lanes; at most as many again are on their way to the shards.
 * Larger pieces mean fewer COPY statements and more memory: with 8 MB and two threads the peak was 30 MB higher, with
 * 2 MB it was 8 MB lower for a sixth more CPU.
 */
const FLUSH_BYTES = 4 * 1024 * 1024;

/** How rows of a table are routed; undefined when only the server can. */
export function routeKeyOf(table: TablePlan): RouteKey | undefined {
  const { placement } = table;
  if (placement.kind !== 'distributed') return undefined;
  const field = table.columns.findIndex((column) => column.name === placement.column);
  const key = { field, hashFunction: placement.hashFunction, type: placement.type };
  return keyHash(table.format, key) === undefined ? undefined : key;
}

/** What an earlier attempt has committed on one node. */
type NodeRow = LaneRow & { readonly node: Node };

/**
 * The lane straight into the shards. Rows are routed by PostgreSQL's own hash over the ranges of pg_dist_shard and
 * copied on the nodes where they belong, one local transaction per node and chunk with that node's ledger row in
 * it. A chunk that stopped between the commits of two nodes is read again, and only what is missing is written.
 */
export class DirectLane implements Lane {
  readonly #options: LaneOptions;
  readonly #pool: SessionPool;
  readonly #buffers = new BufferPool(2 * (FLUSH_BYTES + OPEN_BYTES));
  #shards: Promise<Map<string, TableShards>> | undefined;

  constructor(options: LaneOptions, pool: SessionPool) {
    this.#options = options;
    this.#pool = pool;
  }

  /** The map is read again after every failure: it may be why. */
  forgetShards(): void {
    this.#shards = undefined;
  }

  async load(chunk: LoadChunk, signal: AbortSignal): Promise<Arrived> {
    const { writer, loadId, fail } = this.#options;
    const shards = await this.#shardsOf(chunk.table);
    const done = chunk.resumed ? await this.#committed(chunk) : [];
    chunk.refusals?.restart(sumArrived(done).rejected);
    const ranges = done.flatMap((row) => row.ranges.map((range) => ({ ...range, node: row.node })));
    requireSamePlacements(chunk, shards, ranges);
    const routes = destinations(
      shards.shards.map((shard) => ({ ...shard.range!, nodes: shard.nodes })),
      ranges,
      isReplicated(shards),
    );
    const lanes = await this.#openLanes(chunk, shards, routes, done);
    try {
      const earlier = sumArrived(done);
      // Every node has its part and only the last word is missing: nothing is read again.
      const read =
        lanes.size === 0
          ? earlier.rows + earlier.rejected
          : await this.#copy(chunk, shards, routes, lanes, signal);
      const all = sumArrived([earlier, ...[...lanes.values()].map((lane) => lane.arrived)]);
      if (all.rows + all.rejected !== read) {
        throw new MigrateError('ROWS_DIFFER', {
          message: `${read} rows of ${chunk.chunk} were read, but ${all.rows + all.rejected} arrived in ${chunk.table.table} or were refused`,
          context: { table: chunk.table.table, chunk: chunk.chunk },
        });
      }
      await fail('lane: after the rows, before the ledger rows');
      const source = chunk.record?.(read);
      for (const lane of lanes.values()) await this.#record(lane, chunk, source);
      await fail('lane: after the ledger rows, before the first commit');
      for (const lane of lanes.values()) {
        await lane.commit();
        await fail('lane: after the commit of one node');
      }
      await fail('lane: after all commits, before the last word');
      const complete = { table: chunk.table.table, chunk: chunk.chunk, ...all, source };
      await this.#pool.use(writer.head, (session) => addChunk(session, loadId, complete, true));
      await fail('lane: after the last word');
      return all;
    } finally {
      await Promise.all([...lanes.values()].map((lane) => lane.end()));
    }
  }

  /** The refused rows first: once the node has committed they are nowhere else. */
  async #record(lane: NodeLane, chunk: LoadChunk, source: unknown): Promise<void> {
    const { loadId, direction, quarantine } = this.#options;
    const attempt = randomUUID();
    if (quarantine !== undefined) {
      await keepRefused(
        quarantine,
        { table: chunk.table, chunk: chunk.chunk, direction, attempt },
        lane.refused,
      );
    }
    await lane.record(loadId, { chunk, source, attempt });
  }

  async #shardsOf(table: TablePlan): Promise<TableShards> {
    const { writer } = this.#options;
    this.#shards ??= this.#pool.use(writer.head, (session) => readShards(session, writer));
    const shards = (await this.#shards).get(qualified(table));
    if (shards?.kind === 'distributed') return shards;
    throw new MigrateError('TARGET_TABLE_DIFFERS', {
      message: `${table.table} is not distributed on the target`,
    });
  }

  /** What earlier attempts at this chunk have committed, on any node, once none of them can commit any more. */
  async #committed(chunk: LoadChunk): Promise<NodeRow[]> {
    const { writer, loadId } = this.#options;
    const { runId } = writer.options;
    const name = { table: chunk.table.table, chunk: chunk.chunk };
    const read = (node: Node) =>
      this.#pool.use(node, async (session) => {
        await endAttempts(session, loadId, name);
        return session.transaction(async () => {
          await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
          await lockChunk(session, { loadId, runId }, name);
          return readLaneRows(session, loadId, name);
        }, 'ISOLATION LEVEL READ COMMITTED');
      });
    const rows = await Promise.all(
      writer.nodes.map(async (node) => (await read(node)).map((row) => ({ ...row, node }))),
    );
    return rows.flat();
  }

  /** A transaction on every node that still needs rows, behind the fence against shard moves. */
  async #openLanes(
    chunk: LoadChunk,
    shards: TableShards,
    { map, to }: Destinations<Node>,
    done: readonly NodeRow[],
  ): Promise<Map<Node, NodeLane>> {
    const replicated = isReplicated(shards);
    const lanes = new Map<Node, NodeLane>();
    try {
      // In the order of the nodes, so that two chunks never wait for each other's fences crosswise.
      for (const node of this.#options.writer.nodes) {
        const mine = to.flatMap((destination, index) => (destination.nodes.includes(node) ? [index] : []));
        if (mine.length === 0) continue;
        lanes.set(
          node,
          await NodeLane.open(this.#pool, this.#options.writer, node, {
            table: chunk.table,
            loadId: this.#options.loadId,
            chunk: chunk.chunk,
            resumed: chunk.resumed,
            known: done.filter((row) => row.node === node).length,
            columns: columnsOf(chunk.table, 'forward').map((column) => column.name),
            shards: [...new Set(mine.map((index) => shards.shards[to[index]!.shard]!))],
            ranges: mine.map((index) => ({
              ...map.ranges[index]!,
              ...(replicated ? { groups: groupsOf(shards.shards[to[index]!.shard]!) } : {}),
            })),
            ...(chunk.refusals && { refusals: chunk.refusals }),
          }),
        );
      }
      return lanes;
    } catch (error) {
      await Promise.all([...lanes.values()].map((lane) => lane.end()));
      throw error;
    }
  }

  /** Streams the chunk into its lanes, one batch while the next is routed. Returns the number of rows read. */
  async #copy(
    chunk: LoadChunk,
    shards: TableShards,
    { map, to }: Destinations<Node>,
    lanes: ReadonlyMap<Node, NodeLane>,
    signal: AbortSignal,
  ): Promise<number> {
    const router = new RowRouter({
      format: chunk.table.format,
      key: routeKeyOf(chunk.table)!,
      shards: map,
      pool: this.#buffers,
    });
    const write = async (batch: ShardRows[]): Promise<void> => {
      const perNode = new Map<NodeLane, { shard: (typeof shards.shards)[number]; rows: ShardRows }[]>();
      for (const rows of batch) {
        const { shard, nodes } = to[rows.shardIndex]!;
        for (const node of nodes) {
          const lane = lanes.get(node)!;
          const list = perNode.get(lane) ?? [];
          perNode.set(lane, list);
          list.push({ shard: shards.shards[shard]!, rows });
        }
      }
      await Promise.all([...perNode].map(([lane, list]) => lane.write(list)));
      // Every server has answered: nothing of this batch is on its way any more.
      for (const { bytes } of batch) this.#buffers.give(bytes);
    };
    let writing: Promise<void> = Promise.resolve();
    const stream = chunk.read(signal);
    let read: number;
    try {
      for (;;) {
        const { done, value } = await stream.next();
        if (done) {
          read = value;
          break;
        }
        router.push(value);
        chunk.done(value);
        if (router.bufferedBytes >= FLUSH_BYTES) {
          await writing;
          writing = write(router.flushFullest());
          writing.catch(() => {});
        }
      }
      router.end();
      await writing;
      await write(router.flush());
    } finally {
      await writing.catch(() => {});
      await stream.return(0);
    }
    if (router.rows !== read) {
      throw new MigrateError('ROWS_DIFFER', {
        message: `${read} rows of ${chunk.chunk} were read, but ${router.rows} came through`,
      });
    }
    return read;
  }
}
