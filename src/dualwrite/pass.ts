import type { Database, Node } from '../citus/database.js';
import type { SessionPool } from '../citus/pool.js';
import { readShards, type Shard, shardsOf, type TableShards } from '../citus/shards.js';
import { BufferPool } from '../core/buffer-pool.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import type { TablePlan } from '../core/plan-types.js';
import { type RouteKey, RowRouter } from '../core/router.js';
import type { ShardRows } from '../core/shard-buffers.js';
import { ShardMap } from '../core/shard-map.js';
import { routeKeyOf } from '../load/direct-lane.js';
import { PIECES_KEPT } from '../postgres/copy-out.js';
import type { Session } from '../postgres/session.js';
import { NodePass } from './node-pass.js';
import { type PassCheck, requireSame } from './pass-check.js';
import type { Window, WindowSql } from './window.js';

/** Bytes of rows that wait for their shards while as many are written. */
const FLUSH_BYTES = 8 * 1024 * 1024;

export interface ApplyRequest {
  readonly target: Database;
  /** Inside the moment of the pass. */
  readonly reader: Session;
  readonly pool: SessionPool;
  readonly windows: readonly Window[];
  readonly sql: WindowSql;
  readonly searchPath: string;
  readonly resumed: boolean;
  readonly check: PassCheck;
}

/** A table of a pass with the shards that it goes to. */
interface Destination {
  readonly window: Window;
  readonly shards: TableShards;
  readonly map: ShardMap;
  readonly key: RouteKey | null;
  /** Shards in which places were cleared, where the table was not emptied. */
  readonly touched: Set<Shard>;
}

function destinationOf(window: Window, all: ReadonlyMap<string, TableShards>, head: Node): Destination {
  const { table } = window;
  const shards = shardsOf(all, table, head);
  if (shards.kind !== 'distributed')
    return { window, shards, map: ShardMap.single(0), key: null, touched: new Set() };
  const key = routeKeyOf(table);
  if (key === undefined) throw unroutable(table);
  return {
    window,
    shards,
    map: new ShardMap(shards.shards.map(({ range }, index) => ({ shardId: index, ...range! }))),
    key,
    touched: new Set(),
  };
}

export function unroutable(table: TablePlan): MigrateError {
  const type = table.placement.kind === 'distributed' ? table.placement.type : '';
  return new MigrateError('SHIM_UNCAPTURABLE', {
    message: `Changes of ${table.table} cannot be applied: values of type ${type} are not hashed here`,
    hint: 'Leave the table out with --exclude, and copy it in a short pause of writes.',
    context: { table: table.table },
  });
}

/**
 * Brings every table of a pass to the reader's moment: on each node one transaction that first clears every place
 * where a changed row may have been, in all tables, and then copies in the rows as they are now. So rows may swap
 * unique values, move between shards and refer to each other in any order. Applying it twice changes nothing.
 * Returns the number of rows that were copied in.
 */
export async function applyMoment(request: ApplyRequest, context: Context): Promise<number> {
  const { target, pool, windows, resumed, searchPath } = request;
  const shards = await readShards(target.session, target.connector);
  const all = windows
    .filter((window) => request.sql.touches(window))
    .map((window) => destinationOf(window, shards, target.head));
  const passes = new Map<Node, NodePass>();
  try {
    for (const node of target.nodes) {
      const mine = all.flatMap(({ shards: { shards: list } }) =>
        list.filter(({ nodes }) => nodes.includes(node)),
      );
      if (mine.length === 0) continue;
      const pass = await NodePass.open(pool, target.connector, node, { shards: mine, resumed, searchPath });
      passes.set(node, pass);
    }
    await context.fail('sync: before the first change');
    for (const each of all) await clearTable(request, each, passes, context);
    await context.fail('sync: after the places were cleared');
    let rows = 0;
    for (const each of all) rows += await writeTable(request, each, passes, context);
    for (const each of all) await requireEqual(request, each, passes);
    for (const each of all) if (each.window.unproven) await requireWhole(request, each, passes);
    await context.fail('sync: before the first commit');
    for (const pass of passes.values()) {
      await pass.commit();
      await context.fail('sync: after the commit of one node');
    }
    return rows;
  } finally {
    await Promise.all([...passes.values()].map((pass) => pass.end()));
  }
}

type Passes = ReadonlyMap<Node, NodePass>;

async function clearTable(
  { reader, sql }: ApplyRequest,
  { window, shards, map, key, touched }: Destination,
  passes: Passes,
  { signal }: Context,
): Promise<void> {
  const { id, table } = window;
  const onEach = (work: (pass: NodePass, shards: readonly Shard[]) => Promise<void>): Promise<unknown> =>
    Promise.all(
      [...passes.values()].map((pass) =>
        work(
          pass,
          shards.shards.filter(({ nodes }) => nodes.includes(pass.node)),
        ),
      ),
    );
  if (window.truncated) {
    await onEach(async (pass, mine) => {
      for (const shard of mine) await pass.empty(table, shard);
    });
    return;
  }
  await onEach(async (pass, mine) => {
    if (mine[0] !== undefined) await pass.prepare(id, table, mine[0]);
  });
  const { select } = sql.placesOf(window);
  await stream({ reader, select, table, map, key: key && { ...key, field: 0 }, signal }, async (batch) => {
    const perPass = new Map<NodePass, ShardRows[]>();
    for (const rows of batch) {
      const shard = shards.shards[map.ranges[rows.shardIndex]!.shardId as number]!;
      touched.add(shard);
      for (const node of shard.nodes) {
        const pass = passes.get(node)!;
        perPass.set(pass, [...(perPass.get(pass) ?? []), rows]);
      }
    }
    await Promise.all([...perPass].map(([pass, rows]) => pass.stage(id, table, rows)));
  });
  await onEach(async (pass, mine) => {
    for (const shard of mine) if (touched.has(shard)) await pass.clear(id, table, shard);
  });
}

async function writeTable(
  { reader, sql }: ApplyRequest,
  { window, shards, map, key }: Destination,
  passes: Passes,
  { signal }: Context,
): Promise<number> {
  const { table } = window;
  const select = sql.rowsOf(window);
  return stream({ reader, select, table, map, key, signal }, async (batch) => {
    const perPass = new Map<NodePass, Map<Shard, ShardRows[]>>();
    for (const rows of batch) {
      const shard = shards.shards[map.ranges[rows.shardIndex]!.shardId as number]!;
      for (const node of shard.nodes) {
        const pass = passes.get(node)!;
        const lists = perPass.get(pass) ?? new Map<Shard, ShardRows[]>();
        perPass.set(pass, lists.set(shard, [...(lists.get(shard) ?? []), rows]));
      }
    }
    await Promise.all(
      [...perPass].map(async ([pass, lists]) => {
        for (const [shard, rows] of lists) await pass.write(table, shard, rows);
      }),
    );
  });
}

/**
 * Before anything of the pass is committed: what lies now where rows were cleared is what the source has of them, on
 * every placement. Throws ROWS_DIFFER.
 */
async function requireEqual(
  { reader, sql, check }: ApplyRequest,
  { window, shards, touched }: Destination,
  passes: Passes,
): Promise<void> {
  const { id, table, truncated } = window;
  const hash = check.hash(table, 'target');
  const source = await check.onSource(reader, table, shards, sql.changedRows(window));
  await Promise.all(
    [...passes].map(async ([node, pass]) => {
      const here = shards.shards.flatMap((shard, index) =>
        shard.nodes.includes(node) ? [[index + 1, shard] as const] : [],
      );
      const written = here.filter(([, shard]) => truncated || touched.has(shard));
      const target = await pass.digest(id, table, new Map(written), hash, truncated);
      const mine = new Set(here.map(([bucket]) => bucket));
      // Rows that belong nowhere are told with the first shard.
      const wanted = [...source].filter(([bucket]) => mine.has(bucket) || (bucket === 0 && mine.has(1)));
      requireSame(table, node.name, new Map(wanted), target);
    }),
  );
}

/**
 * A copy that was interrupted leaves rows behind that no log speaks of. Throws COPIED_TOO_EARLY unless the target has
 * as many as the source, behind the changes of this pass.
 */
async function requireWhole(
  { reader, sql }: ApplyRequest,
  { window, shards }: Destination,
  passes: Passes,
): Promise<void> {
  const { table } = window.table;
  const { rows: wanted } = await reader.one<{ rows: string }>(
    `SELECT count(*)::text AS rows FROM ${sql.from(window)}`,
    `count ${table}`,
  );
  let found = 0;
  for (const shard of shards.shards) {
    const pass = passes.get(shard.nodes[0]!)!;
    found += await pass.count(window.table, shard);
  }
  if (found === Number(wanted)) return;
  throw new MigrateError('COPIED_TOO_EARLY', {
    message: `${table} was not copied whole: the source has ${wanted} rows, and with all captured changes the target would have ${found}`,
    hint: 'Repeat `migrate copy` until it ends with exit code 0; if it did, start the table over with --truncate.',
    context: { table },
  });
}

interface Stream {
  readonly reader: Session;
  readonly select: string;
  readonly table: TablePlan;
  readonly map: ShardMap;
  readonly key: RouteKey | null;
  readonly signal: AbortSignal;
}

/** Routes what a SELECT of the reader gives, one batch being delivered while the next is read. */
async function stream(
  { reader, select, table, map, key, signal }: Stream,
  deliver: (batch: ShardRows[]) => Promise<void>,
): Promise<number> {
  const router = new RowRouter({ format: table.format, key, shards: map });
  const copy = `COPY (${select}) TO STDOUT (FORMAT ${table.format})`;
  const pieces = new BufferPool(PIECES_KEPT);
  let delivering: Promise<void> = Promise.resolve();
  try {
    for await (const piece of reader.copyOut(copy, `read changes of ${table.table}`, signal, pieces)) {
      router.push(piece);
      pieces.give(piece);
      if (router.bufferedBytes < FLUSH_BYTES) continue;
      await delivering;
      delivering = deliver(router.flush());
      delivering.catch(() => {});
    }
    router.end();
    await delivering;
    if (router.rows > 0) await deliver(router.flush());
  } catch (error) {
    if (error instanceof MigrateError && error.code === 'DISTRIBUTION_NULL') {
      throw new MigrateError('DISTRIBUTION_NULL', {
        message: `A changed row of ${table.table} has no value in its distribution column`,
        hint: 'Give it one on the source; then repeat the command.',
        context: { table: table.table },
        cause: error,
      });
    }
    throw error;
  } finally {
    await delivering.catch(() => {});
  }
  return router.rows;
}
