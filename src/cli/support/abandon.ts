import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Database } from '../../citus/database.js';
import { MigrateError } from '../../core/errors.js';
import { plural } from '../../core/format.js';
import { displayName } from '../../core/names.js';
import type { Plan } from '../../core/plan-types.js';
import { type Abandoned, abandon, lookAgain, wasAbandoned } from '../../cutover/abandon.js';
import { type LostNode, type NotBack, readNotBack } from '../../cutover/not-back.js';
import { LineFile } from '../../files/line-file.js';
import { readPlan } from '../../plan/plan-file.js';
import { connect } from '../../postgres/connect.js';
import { type Conninfo, resolveConninfo } from '../../postgres/conninfo.js';
import type { Invocation, Outcome } from '../frame/command.js';
import { declined } from '../frame/confirm.js';
import { withDatabases } from './databases.js';
import { nextCommand } from './next.js';

interface Cluster {
  /** Opened, when it answers; closed by the caller. */
  readonly database?: Database;
  /** Why it cannot be asked. */
  readonly why: string;
}

async function reachCluster(invocation: Invocation, conninfo: Conninfo | undefined): Promise<Cluster> {
  const { config, context, runId } = invocation;
  if (conninfo === undefined) return { why: 'no target was named' };
  try {
    const database = await Database.open(conninfo, {
      side: 'target',
      runId,
      readOnly: false,
      nodeAddresses: config.nodeAddresses,
      signal: context.signal,
    });
    return { database, why: 'it answers' };
  } catch (error) {
    if (error instanceof MigrateError && ['CONNECTION_REFUSED', 'CONNECTION_LOST'].includes(error.code))
      return { why: error.message };
    throw error;
  }
}

/** A node that still answers tells what had been captured there and not come back. */
async function lookAt(
  invocation: Invocation,
  conninfo: Conninfo | undefined,
  node: string,
  tell: (change: NotBack) => Promise<boolean>,
): Promise<LostNode> {
  const { config, context, runId } = invocation;
  const unknown = (reason: string): LostNode => ({ node, changes: null, reason, tables: {} });
  if (conninfo === undefined) return unknown('no target was named');
  const address = config.nodeAddresses[node] ?? node;
  const colon = address.lastIndexOf(':');
  const host = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  try {
    const options = { server: `target node ${node}`, applicationName: `migrate ${runId}`, readOnly: true };
    const there = { ...conninfo, hosts: [host], targetSessionAttrs: 'any' as const };
    const session = await connect(there, { ...options, signal: context.signal });
    try {
      return await readNotBack(session, node, tell);
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof MigrateError) || ['LOCAL_IO', 'LOCAL_DISK_FULL'].includes(error.code)) throw error;
    return unknown(error.message);
  }
}

/** A plan that cannot be read keeps nobody from opening the source. */
async function planOf({ config, context }: Invocation): Promise<Plan | undefined> {
  if (!existsSync(config.plan)) return undefined;
  try {
    return await readPlan(config.plan);
  } catch (error) {
    context.log.warn(`The plan cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}

/** No disk of this machine keeps the source from being opened. */
async function openList(
  file: string,
  again: boolean,
  { context }: Invocation,
): Promise<LineFile | undefined> {
  try {
    return await LineFile.open(file);
  } catch (error) {
    if (again || !(error instanceof MigrateError)) throw error;
    context.log.warn(
      `The keys are only counted now, and listed when the command is repeated: ${error.message}`,
    );
    return undefined;
  }
}

/** Writes down what a node tells; of tables that lie on every node, what no node before it has told. */
function onceEach(
  plan: Plan | undefined,
  list: LineFile | undefined,
): (node: string, change: NotBack) => Promise<boolean> {
  const sharded = new Set(
    (plan?.tables ?? []).filter(({ placement }) => placement.kind === 'distributed').map(displayName),
  );
  const told = new Set<string>();
  return async (node, change) => {
    const { table, key } = change;
    const name = JSON.stringify([table, key]);
    // TRUNCATE is logged where it was said, on the table and not on its shards.
    if (key === undefined || !sharded.has(table)) {
      if (told.has(name)) return false;
      told.add(name);
    }
    await list?.add({ node, ...change });
    return true;
  };
}

const lost = ({ node, changes, reason, tables }: LostNode): string =>
  changes === null
    ? `  ${node}: not known (${reason})`
    : `  ${node}: ${plural(changes, 'key')}${
        changes === 0
          ? ''
          : ` (${Object.entries(tables)
              .map(([table, keys]) => `${table} ${keys}`)
              .join(', ')})`
      }`;

const isWhole = ({ nodes }: Abandoned): boolean =>
  nodes.length > 0 && nodes.every(({ changes }) => changes !== null);

function text(result: Abandoned, file: string | undefined, invocation: Invocation): string {
  const again = nextCommand(invocation, 'rollback --abandon');
  return [
    result.units > 0
      ? `The source takes every write again (${plural(result.units, 'unit')}, move ${result.epoch}), without the cluster.`
      : `The source takes every write since it was opened without the cluster (move ${result.epoch}).${result.closed ? ' The cluster answers again, and refuses every write now.' : ''}`,
    'What had been captured on the cluster and had not come back is missing on the source, by node:',
    ...result.nodes.map(lost),
    ...(result.nodes.length === 0 ? ['  not known: no node is on record'] : []),
    ...(file === undefined ? [] : [`Each key is in ${file}.`]),
    result.lastKnownAt === null
      ? 'It is not known when anything came back last.'
      : `A node that is not known may lack everything that was written there since ${result.lastKnownAt.slice(0, 19)} UTC, when something was recorded last.`,
    isWhole(result) && result.closed
      ? 'That is all of it. Bring over by hand what is to be kept, and then end the migration.'
      : `Keep applications away from the cluster. When nodes are back, repeat \`${again}\`: it closes the cluster, and lists what it can read by then.`,
    `Next: ${isWhole(result) && result.closed ? nextCommand(invocation, 'finish') : nextCommand(invocation, 'status')}`,
  ].join('\n');
}

/**
 * `rollback --abandon`: opens the source without a cluster that is gone, and writes down what had not come back as far
 * as nodes answer. Once more, when they are back: closes the cluster and lists the rest; exit code 4 as long as some
 * node tells nothing. Throws CLUSTER_ANSWERS, PHASE_REFUSED.
 */
export async function abandonCluster(invocation: Invocation): Promise<Outcome> {
  const { config, context, env } = invocation;
  const conninfo = config.target && resolveConninfo(config.target.reveal(), env);
  const { database: cluster, why } = await reachCluster(invocation, conninfo);
  try {
    return await withDatabases(invocation, { source: 'write' }, async ({ source }) => {
      const again = await wasAbandoned(source);
      if (!again && cluster !== undefined) throw new MigrateError('CLUSTER_ANSWERS');
      const question =
        'Open the source without the cluster? Writes that had not come back from there are lost to it.';
      if (!again && !(await invocation.confirm(question))) throw declined();
      const file = join(dirname(config.plan), 'migrate.not-back.jsonl');
      const list = await openList(file, again, invocation);
      try {
        const plan = await planOf(invocation);
        const tell = onceEach(plan, list);
        const look = async (node: string): Promise<LostNode> => {
          const found = await lookAt(invocation, conninfo, node, (change) => tell(node, change));
          if (found.changes === null) await list?.add({ node, unknown: found.reason });
          return found;
        };
        const request = { source, why, plan, look };
        const result = again ? await lookAgain(request, cluster, context) : await abandon(request, context);
        await list?.keep();
        return {
          exit: again && !isWhole(result) ? 4 : 0,
          document: {
            gates: [],
            writePauseMs: null,
            phase: 'failed',
            abandoned: { ...result, file: list?.file ?? null },
          },
          text: text(result, list?.file, invocation),
        };
      } finally {
        await list?.drop();
      }
    });
  } finally {
    await cluster?.close();
  }
}
