import type { Database } from '../citus/database.js';
import type { Named } from '../core/catalog-types.js';
import type { Context } from '../core/context.js';
import { displayName, qualified } from '../core/names.js';
import { Ledger } from '../ledger/ledger.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { captureOf, logOf } from './names.js';
import { dropOrphans, dropProbes } from './probe-tables.js';
import { NodeSessions } from './reverse-nodes.js';
import { TRIGGERS } from './shape.js';
import { withShortLock } from './short-lock.js';
import { lockShim, readCaptured, readState } from './state.js';

/** Takes the capture of one table off the cluster: the triggers through the coordinator, the rest node by node. */
export async function releaseReverse(
  target: Database,
  session: Session,
  nodes: NodeSessions,
  id: number,
  context: Context,
): Promise<void> {
  const capture = captureOf(id);
  const relations = await session.query<Named & { function: string }>(
    sql('dualwrite/trigger-relations'),
    'look for triggers of the shim',
  );
  // Citus takes them off the shards along with the table's own.
  const shards = new Set(
    target.kind === 'citus'
      ? (await session.query<Named>(sql('dualwrite/reverse-shards'))).map(qualified)
      : [],
  );
  for (const relation of relations) {
    if (`citus_migrate.${relation.function}` !== capture || shards.has(qualified(relation))) continue;
    await withShortLock(session, displayName(relation), context, async () => {
      if (target.kind === 'citus') await session.query('SET LOCAL citus.enable_unsafe_triggers = on');
      for (const trigger of TRIGGERS) {
        await session.query(
          `DROP TRIGGER IF EXISTS ${trigger} ON ${qualified(relation)}`,
          `take the triggers off ${displayName(relation)}`,
        );
      }
    });
  }
  const logs = { capture, log_1: logOf(id, 1), log_2: logOf(id, 2) };
  const forget = async (there: Session): Promise<void> => {
    await withShortLock(there, logOf(id, 1), context, async () => {
      await there.query(sql('dualwrite/reverse-forget', logs), 'drop a change log');
      if ((await readState(there)) !== undefined) {
        await there.query(`DELETE FROM citus_migrate.captured WHERE id = ${id}`, 'drop a change log');
      }
    });
  };
  const [head, ...workers] = nodes.all;
  for (const { session: there } of workers) await forget(there);
  // Citus keeps the function in its list of what every node has: dropped here as such, it leaves the list.
  await session.query(`DROP FUNCTION IF EXISTS ${capture}()`, 'drop a function of the shim');
  await forget(head!.session);
}

/** Takes the whole capture off every node. What was captured and not brought back is lost with it. Returns whether there was one. */
export async function removeReverse(target: Database, context: Context): Promise<boolean> {
  const session = await target.connect();
  let nodes: NodeSessions | undefined;
  try {
    await lockShim(session);
    nodes = await NodeSessions.open(target);
    const ids = new Set<number>();
    let found = false;
    for (const { session: there } of nodes.all) {
      if ((await readState(there)) === undefined) continue;
      found = true;
      for (const { id } of await readCaptured(there)) ids.add(id);
    }
    if (!found) return false;
    for (const id of ids) await releaseReverse(target, session, nodes, id, context);
    await dropProbes(session);
    if (target.kind === 'citus') for (const { session: there } of nodes.all) await dropOrphans(there);
    let used = false;
    for (const { session: there } of nodes.workersFirst) {
      await there.transaction(async () => {
        await there.query(sql('dualwrite/remove'), 'remove the shim');
        const left = await there.one<{ used: boolean }>(sql('dualwrite/leftovers'));
        used ||= left.used;
      });
    }
    if (!used) await removeSchema(session, nodes);
    return true;
  } finally {
    await nodes?.close();
    await session.close();
  }
}

/** Through the coordinator first, which strikes it off Citus's list of what every node has. */
async function removeSchema(session: Session, nodes: NodeSessions): Promise<void> {
  await session.query('DROP SCHEMA IF EXISTS citus_migrate', 'remove the shim');
  for (const { session: there } of nodes.all) {
    await there.query('DROP SCHEMA IF EXISTS citus_migrate', 'remove the shim');
  }
}

/**
 * Takes off the single node what the way back leaves there by itself: the ends of its probes, and a ledger of no load.
 * Throws RUN_LOCKED while another run writes there.
 */
export async function removeReturns(source: Database, { log }: Pick<Context, 'log'>): Promise<void> {
  const ledger = await Ledger.lock(source, { log });
  try {
    await source.session.query(sql('dualwrite/probe-forget'), 'remove the ends of the probes');
  } finally {
    await ledger.close();
  }
}
