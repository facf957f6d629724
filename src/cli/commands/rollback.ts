import { Database } from '../../citus/database.js';
import { MigrateError } from '../../core/errors.js';
import { plural } from '../../core/format.js';
import { type Abandoned, abandon, type LostNode } from '../../cutover/abandon.js';
import { pendingOn } from '../../cutover/pending-on.js';
import { connect } from '../../postgres/connect.js';
import { type Conninfo, resolveConninfo } from '../../postgres/conninfo.js';
import type { Command, Invocation, Outcome } from '../frame/command.js';
import { declined } from '../frame/confirm.js';
import { withDatabases } from '../support/databases.js';
import { nextCommand } from '../support/next.js';
import { moveCommand } from '../support/writes.js';

/** Why the cluster cannot be asked. Throws CLUSTER_ANSWERS when it can. */
async function requireGone(invocation: Invocation, conninfo: Conninfo | undefined): Promise<string> {
  const { config, context, runId } = invocation;
  if (conninfo === undefined) return 'no target was named';
  let cluster: Database;
  try {
    cluster = await Database.open(conninfo, {
      side: 'target',
      runId,
      readOnly: true,
      nodeAddresses: config.nodeAddresses,
      signal: context.signal,
    });
  } catch (error) {
    if (error instanceof MigrateError && ['CONNECTION_REFUSED', 'CONNECTION_LOST'].includes(error.code))
      return error.message;
    throw error;
  }
  await cluster.close();
  throw new MigrateError('CLUSTER_ANSWERS');
}

/** A worker that still answers tells what had been captured there and not come back. */
async function lookAt(
  invocation: Invocation,
  conninfo: Conninfo | undefined,
  node: string,
): Promise<LostNode> {
  const { config, context, runId } = invocation;
  if (conninfo === undefined) return { node, changes: null, reason: 'no target was named' };
  const address = config.nodeAddresses[node] ?? node;
  const colon = address.lastIndexOf(':');
  const host = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  try {
    const options = { server: `target node ${node}`, applicationName: `migrate ${runId}`, readOnly: true };
    const there = { ...conninfo, hosts: [host], targetSessionAttrs: 'any' as const };
    const session = await connect(there, { ...options, signal: context.signal });
    try {
      const changes = await pendingOn(session);
      return { node, changes, reason: 'it answered: so many changes had not come back' };
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof MigrateError)) throw error;
    return { node, changes: null, reason: error.message };
  }
}

const lost = ({ node, changes, reason }: LostNode): string =>
  changes === null
    ? `  ${node}: not known, it was not reached (${reason})`
    : `  ${node}: ${plural(changes, 'change')} had not come back`;

function abandonedText(result: Abandoned, invocation: Invocation): string {
  return [
    `The source takes every write again (${plural(result.units, 'unit')}, move ${result.epoch}), without the cluster.`,
    'What had been captured on the cluster and had not come back is missing on the source:',
    ...result.nodes.map(lost),
    result.lastKnownAt === null
      ? 'It is not known when anything came back last.'
      : `What was recorded last before that: ${result.lastKnownAt.slice(0, 19)} UTC.`,
    'Should the cluster come back: routers believe the source, but nothing else keeps applications from writing there. Keep it closed.',
    `Next: ${nextCommand(invocation, 'status')}`,
  ].join('\n');
}

async function abandonCluster(invocation: Invocation): Promise<Outcome> {
  const { config, context, env } = invocation;
  const conninfo = config.target && resolveConninfo(config.target.reveal(), env);
  const why = await requireGone(invocation, conninfo);
  const question =
    'Open the source without the cluster? Writes that had not come back from there are lost to it.';
  if (!(await invocation.confirm(question))) throw declined();
  return withDatabases(invocation, { source: 'write' }, async ({ source }) => {
    const result = await abandon(source, why, (node) => lookAt(invocation, conninfo, node), context);
    return {
      exit: 0,
      document: { gates: [], writePauseMs: null, phase: 'failed', abandoned: result },
      text: abandonedText(result, invocation),
    };
  });
}

export const rollback: Command = {
  name: 'rollback',
  summary: 'Move writes back to the source, with every change made meanwhile',
  options: ['dryRun', 'share', 'namespaces', 'maxPause', 'accept', 'reason', 'abandon'],
  examples: [
    ['migrate rollback --dry-run', 'What cannot go back, every gate, and every step with its SQL'],
    ['migrate rollback', 'Everything; what was written on the target comes along'],
    ['migrate rollback --share 10', 'Leave a tenth of the namespaces on the target'],
    ['migrate rollback --abandon', 'The cluster is gone: open the source without it; asks for confirmation'],
  ],
  run(invocation) {
    const { abandon: alone, dryRun, share } = invocation.config.cutover;
    if (!alone) return moveCommand(invocation, 'reverse');
    if (dryRun || share !== undefined || invocation.flags.namespaces !== undefined) {
      throw new MigrateError('USAGE', {
        message: '--abandon opens the source for everything, and stands alone',
        hint: 'Leave the other options out.',
      });
    }
    return abandonCluster(invocation);
  },
};
