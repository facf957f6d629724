import { TELL_WORKERS } from '../citus/applying.js';
import type { Database, Node } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { captureDdl } from './capture-ddl.js';
import type { Installed } from './install.js';
import { captureOf, logOf } from './names.js';
import { dropProbes, isProbe, makeProbes, trackedProbes } from './probe-tables.js';
import { NodeSessions } from './reverse-nodes.js';
import { releaseReverse } from './reverse-remove.js';
import { planReverse, type TrackedBack } from './reverse-tracked.js';
import { type RelationShape, readShapes } from './shape.js';
import { LOCK_WAIT_MS, withShortLock } from './short-lock.js';
import { type CapturedRow, type LogPolicy, lockShim, readCaptured, readState } from './state.js';

export interface ReverseInstallRequest {
  /** The cluster. */
  readonly target: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  /** Bytes that the change log may take on the disk of each node. */
  readonly limitBytes: number;
  /** At the limit: tell that node's log, or stop capturing there, so that the way back has to be loaded again. */
  readonly policy: LogPolicy;
}

/** SQL, a regclass: NULL on a node where the shim was never installed, such as one that has joined since. */
const SEGMENT = "to_regclass('citus_migrate.segment')";

function refuse(tracked: readonly TrackedBack[], shapes: readonly RelationShape[]): void {
  const known = new Set(shapes.map(({ root }) => root));
  const missing = tracked.filter(({ table }) => !known.has(qualified(table))).map(({ table }) => table.table);
  if (missing.length > 0) {
    throw new MigrateError('TARGET_TABLE_MISSING', {
      message: `The cluster lacks tables whose changes are to be captured: ${missing.join(', ')}`,
      hint: 'Load them first: migrate copy. Or leave them out with --exclude.',
      context: { tables: missing },
    });
  }
}

function refuseUncapturable(refused: readonly string[]): void {
  if (refused.length === 0) return;
  throw new MigrateError('SHIM_UNCAPTURABLE', {
    message: `Changes of these tables cannot be captured on the cluster: ${refused.join('; ')}`,
    context: { tables: refused },
  });
}

/** Throws CAPTURE_LOST for a node that has joined the cluster since, and that holds or has held rows of captured tables. */
async function requireCovered(
  { session }: Database,
  { node, session: there }: { node: Node; session: Session },
  captured: readonly CapturedRow[],
): Promise<void> {
  const known = (await readState(there)) === undefined ? [] : await readCaptured(there);
  const ids = new Set(known.map(({ id }) => id));
  const { unseen } = await there.one<{ unseen: boolean }>(
    "SELECT to_regclass('citus_migrate.unseen') IS NOT NULL AS unseen",
    'look whether something was written before',
  );
  if (unseen) throw uncovered([node.name]);
  const lacking = captured.filter(({ id }) => !ids.has(id));
  if (lacking.length === 0) return;
  const { shards } = await session.one<{ shards: number }>(
    sql('dualwrite/reverse-held', {
      group: node.groupId,
      tables: lacking.map(({ table }) => `'${table.replaceAll("'", "''")}'`).join(', '),
    }),
    'look where captured tables lie',
  );
  if (shards > 0) throw uncovered([node.name]);
}

/** Nodes where rows may have changed unseen. */
export function uncovered(nodes: readonly string[]): MigrateError {
  return new MigrateError('CAPTURE_LOST', {
    message: `Nothing was captured on nodes that joined the cluster after the install: ${nodes.join(', ')}`,
    hint: 'Compare both sides and mend the single node, or load it anew (migrate copy --reverse --truncate); then `migrate shim remove --reverse` and install again.',
    context: { nodes },
  });
}

const TRANSITIONS: Readonly<Record<string, string>> = {
  insert: 'REFERENCING NEW TABLE AS new_rows ',
  update: 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows ',
  delete: 'REFERENCING OLD TABLE AS old_rows ',
  truncate: '',
};

/**
 * One statement at a time, for Citus passes the text of all on to every shard. It makes the triggers again where a
 * shard moves to. ALWAYS: also for writers with session_replication_role = replica.
 */
function triggerStatements(relation: string, capture: string): string[] {
  return Object.entries(TRANSITIONS).flatMap(([operation, transitions]) => [
    `CREATE TRIGGER citus_migrate_${operation} AFTER ${operation.toUpperCase()} ON ${relation} ${transitions}FOR EACH STATEMENT EXECUTE FUNCTION ${capture}()`,
    `ALTER TABLE ${relation} ENABLE ALWAYS TRIGGER citus_migrate_${operation}`,
  ]);
}

interface TableInstall {
  readonly target: Database;
  readonly nodes: NodeSessions;
  /** On the coordinator, where DDL goes to all nodes. */
  readonly session: Session;
  readonly id: number;
  readonly tracked: TrackedBack;
  readonly shapes: readonly RelationShape[];
}

/** Logs and functions on every node; then, in one transaction with the coordinator's own, the triggers on all shards. */
async function installTable({ target, nodes, session, id, tracked, shapes }: TableInstall): Promise<void> {
  const { table, columns } = tracked;
  const capture = captureOf(id);
  const ddl = captureDdl({ id, table: qualified(table), columns, shapes, segment: SEGMENT });
  const logs = { capture, log_1: logOf(id, 1), log_2: logOf(id, 2) };
  for (const { node, session: there } of nodes.all) {
    if (node === target.head) continue;
    await there.transaction(async () => {
      // An install that was interrupted may have left some.
      await there.query(sql('dualwrite/reverse-forget', logs), 'forget an unfinished install');
      await there.query(`DELETE FROM citus_migrate.captured WHERE id = ${id}`);
      await there.query(ddl, `make the change log of ${table.table}`);
    });
  }
  const citus = target.kind === 'citus';
  if (citus) await session.query('SET LOCAL citus.enable_ddl_propagation = off');
  await session.query(ddl, `make the change log of ${table.table}`);
  if (citus) {
    await session.query('SET LOCAL citus.enable_ddl_propagation = on');
    await session.query('SET LOCAL citus.enable_unsafe_triggers = on');
    await session.query(TELL_WORKERS);
    await session.query(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}`);
  }
  await session.query(
    `LOCK TABLE ${shapes.map(qualified).join(', ')} IN SHARE ROW EXCLUSIVE MODE`,
    `lock ${table.table}`,
  );
  for (const shape of shapes) {
    for (const statement of triggerStatements(qualified(shape), capture)) {
      await session.query(statement, `make the triggers of ${displayName(shape)}`);
    }
  }
}

/** Throws SHIM_DIFFERS when a table is captured otherwise than it would be now. */
function requireSame(row: CapturedRow, { table, columns }: TrackedBack): void {
  const wanted = columns.map(({ name }) => name);
  if (wanted.join('\n') === row.tracked.join('\n')) return;
  throw new MigrateError('SHIM_DIFFERS', {
    message: `${table.table} is captured on the cluster by ${row.tracked.join(', ')}, and this plan needs ${wanted.join(', ')}`,
    hint: 'Take it away with `migrate shim remove --reverse` once its changes are drained, and install it again.',
    context: { table: table.table },
  });
}

/**
 * Captures every change that applications make on the cluster from now on, through whatever node: one short lock per
 * table, all tables or none. Tables that are captured already stay as they are. Throws SHIM_UNCAPTURABLE,
 * SHIM_DIFFERS, SHIM_LOCK, CAPTURE_LOST, TARGET_TABLE_MISSING.
 */
export async function installReverse(request: ReverseInstallRequest, context: Context): Promise<Installed> {
  const { target, tables, limitBytes, policy } = request;
  const { tracked, uncapturable } = planReverse(tables);
  refuseUncapturable(uncapturable.map(({ table, reason }) => `${table}: ${reason}`));
  const session = await target.connect();
  let nodes: NodeSessions | undefined;
  try {
    await lockShim(session);
    const shapes = await readShapes(
      session,
      tracked.map(({ table }) => qualified(table)),
    );
    refuse(tracked, shapes);
    refuseUncapturable(
      shapes
        .filter(({ inherits }) => inherits)
        .map((shape) => `${displayName(shape)}: it takes part in inheritance`),
    );
    nodes = await NodeSessions.open(target);
    const before = (await readState(session)) === undefined ? [] : await readCaptured(session);
    for (const each of nodes.all) await requireCovered(target, each, before);
    const probed = before.some(({ table }) => isProbe(table));
    const covering = [...tracked, ...(probed ? await trackedProbes(target, session) : [])];
    for (const { session: there } of nodes.workersFirst) {
      await there.transaction(async () => {
        await there.query(
          sql('dualwrite/create', {
            limit_bytes: limitBytes,
            policy,
            watch_body: sql('dualwrite/watch-body'),
          }),
          'make the shim',
        );
        if (target.facts.superuser) {
          await there.query(
            sql('dualwrite/watch-ddl', { body: sql('dualwrite/ddl-body') }),
            'watch for changes of the schema',
          );
        }
        await coverNode(there, before, covering);
      });
    }
    await makeProbes(
      target,
      session,
      tracked.map(({ table }) => qualified(table)),
    );
    const probes = await trackedProbes(target, session);
    const probeShapes = await readShapes(
      session,
      probes.map(({ table }) => qualified(table)),
    );
    const known = new Map(before.map((row) => [row.table, row]));
    let nextId = Math.max(0, ...before.map(({ id }) => id)) + 1;
    const installed: string[] = [];
    const already: string[] = [];
    const added: number[] = [];
    try {
      for (const each of [...tracked, ...probes]) {
        const name = qualified(each.table);
        const row = known.get(name);
        if (row !== undefined) {
          requireSame(row, each);
          if (!isProbe(name)) already.push(each.table.table);
          continue;
        }
        const id = nextId++;
        added.push(id);
        const parts = [...shapes, ...probeShapes].filter((shape) => shape.root === name);
        const all = nodes;
        await withShortLock(session, each.table.table, context, () =>
          installTable({ target, nodes: all, session, id, tracked: each, shapes: parts }),
        );
        if (!isProbe(name)) installed.push(each.table.table);
        await context.fail('shim: after one table');
      }
    } catch (error) {
      for (const id of added) {
        await releaseReverse(target, session, nodes, id, context).catch((failed: Error) =>
          context.log.warn(
            `A part of the shim is left on the cluster: ${failed.message}. Take it away with \`migrate shim remove --reverse\`.`,
          ),
        );
      }
      if (before.length === 0) await dropProbes(session).catch(() => {});
      throw error;
    }
    for (const { session: there } of nodes.workersFirst) {
      await there.query(sql('dualwrite/reverse-activate'), 'finish the shim');
    }
    if (target.kind === 'citus') {
      await nodes.all[0]!.session.query(sql('dualwrite/reverse-members'), 'note which nodes capture');
    }
    return { installed, already };
  } finally {
    await nodes?.close();
    await session.close();
  }
}

/**
 * Gives a node that has joined since, and holds no rows yet, what the others have; in the transaction that makes the
 * shim there, for from then on its triggers write.
 */
async function coverNode(
  session: Session,
  captured: readonly CapturedRow[],
  tracked: readonly TrackedBack[],
): Promise<void> {
  const ids = new Set((await readCaptured(session)).map(({ id }) => id));
  for (const row of captured) {
    if (ids.has(row.id)) continue;
    const columns = tracked.find(({ table }) => qualified(table) === row.table)?.columns;
    if (columns === undefined) {
      throw new MigrateError('SHIM_DIFFERS', {
        message: `A node has joined the cluster, and ${row.table}, which is captured on the others, is not among the chosen tables`,
        hint: 'Repeat the command with the tables that it was installed for.',
      });
    }
    const { id, table, shape: shapes } = row;
    const capture = captureOf(id);
    await session.query(`DROP TABLE IF EXISTS ${logOf(id, 1)}, ${logOf(id, 2)}`);
    await session.query(
      captureDdl({ id, table, columns, shapes, segment: SEGMENT }),
      `make the change log of ${capture}`,
    );
  }
}
