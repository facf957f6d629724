import type { Database } from '../citus/database.js';
import { shardsOf, type TableShards } from '../citus/shards.js';
import type { Context } from '../core/context.js';
import { type DigestColumns, EMPTY_DIGEST, mergeDigests, parseDigest } from '../core/digest.js';
import { MigrateError } from '../core/errors.js';
import { sqlState } from '../postgres/sqlstate.js';
import { type PassCheck, requireSame } from './pass-check.js';
import { ReverseKeys } from './reverse-keys.js';
import type { NodeMoment, ReverseMoment } from './reverse-moment.js';
import type { ReverseWrite } from './reverse-write.js';
import type { Window } from './window.js';

/** A table of a pass on one node. */
interface Part {
  readonly at: NodeMoment;
  readonly keys: ReverseKeys;
}

export interface ReverseRequest {
  readonly target: Database;
  readonly moment: ReverseMoment;
  /** Tables with something to do, each with the changes of all nodes. */
  readonly windows: readonly Window[];
  readonly check: PassCheck;
}

/**
 * Brings every table of a pass to what the cluster has at the moment: rows at changed keys are cleared, in all tables,
 * then they come in as they are now. So rows may swap unique values and refer to each other in any order. Applying it
 * twice changes nothing. Returns the number of rows that came. Throws WAY_BACK_CLOSED.
 */
export async function applyReverse(
  { target, moment, windows, check }: ReverseRequest,
  write: ReverseWrite,
  { fail, signal }: Context,
): Promise<number> {
  await fail('sync back: before the first change');
  const tables: { window: Window; parts: readonly Part[] }[] = [];
  for (const window of windows) {
    const shards: TableShards = shardsOf(moment.shards, window.table, target.head);
    const parts = moment.nodes.map((at) => ({ at, keys: new ReverseKeys(window, shards, at.node) }));
    tables.push({ window, parts });
    if (window.truncated) continue;
    await gather(window, parts);
    await write.prepare(window.id, window.table);
    for (const { at, keys } of parts) {
      if (!keys.reads) continue;
      const copy = `COPY (${keys.places}) TO STDOUT (FORMAT ${window.table.format})`;
      const doing = `read changes of ${window.table.table}`;
      await write.stage(window.id, window.table, at.session.copyOut(copy, doing, signal));
    }
  }
  for (const { window } of tables) if (!window.truncated) await write.spare(window.id, window.table);
  for (const { window } of tables) {
    await (window.truncated ? write.empty(window.table) : write.clear(window.id, window.table));
  }
  await fail('sync back: after the keys were cleared');
  let rows = 0;
  for (const { window, parts } of tables) {
    for (const part of parts) if (part.keys.reads) rows += await bring(window, part, write, signal);
  }
  for (const { window, parts } of tables) await requireEqual(window, parts, write, check);
  await fail('sync back: before the commit');
  return rows;
}

/** Before anything of the pass is committed: what lies now at the changed keys is what the cluster has. Throws ROWS_DIFFER. */
async function requireEqual(
  { id, table, truncated }: Window,
  parts: readonly Part[],
  write: ReverseWrite,
  check: PassCheck,
): Promise<void> {
  const hash = check.ownHash(table, 'target');
  const found = await Promise.all(
    parts
      .filter(({ keys }) => keys.reads)
      .map(async ({ at, keys }) => {
        const rows = await at.session.query<DigestColumns>(
          keys.digest(hash),
          `digest changed rows of ${table.table}`,
        );
        return rows.map(parseDigest);
      }),
  );
  const there = found.flat().reduce(mergeDigests, EMPTY_DIGEST);
  const here = await write.digest(id, table, check.ownHash(table, 'source'), truncated);
  requireSame(table, 'the single node', new Map([[1, there]]), here);
}

/** Gathers the changed keys of a table on the nodes that read them. */
async function gather(window: Window, parts: readonly Part[]): Promise<void> {
  const doing = `gather changes of ${window.table.table}`;
  const strayed = await Promise.all(
    parts.map(async ({ at, keys }) => {
      const mine = at.pending.find(({ id }) => id === window.id)!;
      // A local table is on the coordinator alone.
      if (mine.changes === 0 && !keys.reads) return false;
      await at.session.query(keys.prepare, doing);
      if (mine.changes === 0) return false;
      await at.session.query(keys.gather(at.state.drained), doing);
      const { strays } = await at.session.one<{ strays: boolean }>(
        `SELECT EXISTS (${keys.strays()}) AS strays`,
        doing,
      );
      return strays;
    }),
  );
  // Their shards have moved away since they were logged, or have their first placement elsewhere.
  for (const [index, from] of parts.entries()) {
    if (!strayed[index]) continue;
    for (const to of parts) {
      if (to === from || !to.keys.reads) continue;
      const copy = `COPY (${from.keys.strays(to.keys)}) TO STDOUT (FORMAT ${window.table.format})`;
      await to.at.session.copyIn(to.keys.copyIn, from.at.session.copyOut(copy, doing), doing);
    }
  }
}

async function bring(
  window: Window,
  { at, keys }: Part,
  write: ReverseWrite,
  signal: AbortSignal,
): Promise<number> {
  const { table } = window;
  const { misfits } = keys;
  if (misfits !== undefined) {
    const columns = await at.session.query<{ column: string }>(misfits, `read changes of ${table.table}`);
    if (columns.length > 0)
      throw tooLarge(
        window,
        columns.map(({ column }) => column),
      );
  }
  const copy = `COPY (${keys.rows}) TO STDOUT (FORMAT ${table.format})`;
  let read = 0;
  const stream = at.session.copyOut(copy, `read changed rows of ${table.table}`, signal);
  async function* counted(): AsyncGenerator<Buffer> {
    read = yield* stream;
  }
  let written: number;
  try {
    written = await write.write(table, counted());
  } catch (error) {
    if (sqlState(error)?.startsWith('22') !== true) throw error;
    throw new MigrateError('WAY_BACK_CLOSED', {
      message: `A changed row of ${table.table} has a value on the cluster that its type on the single node does not take`,
      context: { table: table.table },
      cause: error,
    });
  }
  if (written !== read) {
    throw new MigrateError('ROWS_DIFFER', {
      message: `${read} changed rows of ${table.table} were read on ${at.node.name}, but ${written} arrived on the source`,
      context: { table: table.table, node: at.node.name },
    });
  }
  return written;
}

function tooLarge({ table }: Window, columns: readonly string[]): MigrateError {
  const types = columns.map((name) => {
    const { sourceType } = table.columns.find((column) => column.name === name)!;
    return `${name} (${sourceType} there)`;
  });
  return new MigrateError('WAY_BACK_CLOSED', {
    message: `Changed rows of ${table.table} have values on the cluster that the single node cannot hold, in ${types.join(', ')}`,
    hint: `Give these rows other values on the cluster, and its sequence a lower start; or widen the column on the single node and plan again. Then repeat the command.`,
    context: { table: table.table, columns },
  });
}
