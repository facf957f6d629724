import type { Database } from '../../citus/database.js';
import { onEachNode } from '../../citus/each-node.js';
import { formatBytes } from '../../core/format.js';
import { type ShimStatus, shimStatus } from '../../dualwrite/status.js';
import { sql } from '../../postgres/sql-files.js';
import { type Finding, fails, type GateCheck, type GateRequest, holds, some, unknown } from './gate.js';

/** Share of its limit that a change log may take up before the cut-over. */
const FULLEST = 0.8;

export interface DiskFacts {
  /** null: there is none. */
  readonly log: Pick<ShimStatus['log'], 'bytes' | 'limitBytes' | 'policy'> | null;
  readonly nodes: readonly { readonly node: string; readonly bytes: number }[];
}

/**
 * PostgreSQL does not tell how much a disk has left, so this never holds by itself on the way there. On the way back it
 * does: what comes back was written in the meantime, and nobody should be kept in trouble by a question.
 */
export function assessDisk({ log, nodes }: DiskFacts, direction: GateRequest['direction']): Finding {
  if (log !== null && log.bytes > FULLEST * log.limitBytes)
    return fails(
      `the change log takes ${formatBytes(log.bytes)} of ${formatBytes(log.limitBytes)}; at the limit: ${log.policy}`,
      'Run `migrate sync --until-drained`, which empties it; or give it more (`migrate shim install --log-limit`).',
    );
  const sizes = some(nodes.map(({ node, bytes }) => `${node} ${formatBytes(bytes)}`));
  const taken = `the database takes: ${sizes}${log === null ? '' : `; the change log ${formatBytes(log.bytes)} of ${formatBytes(log.limitBytes)}`}`;
  if (direction === 'reverse') return holds(taken);
  return unknown(
    `what the disks have left cannot be asked by SQL; ${taken}`,
    'Look on every node (`df -h` of its data directory): free should be the log limit and a tenth of the database. Then `--accept disk --reason "df: …"`.',
  );
}

async function sizesOf({ session, connector, options }: Database): Promise<DiskFacts['nodes']> {
  const doing = 'read the size of the database';
  const rows = await onEachNode<number>(session, connector, sql('cutover/database-size'), doing);
  const name = (node: string): string => (connector.kind === 'single' ? `the ${options.side}` : node);
  return rows.map(({ node, value }) => ({ node: name(node), bytes: value }));
}

export const disk: GateCheck = {
  gate: 'disk',
  title: 'disks have room',
  directions: ['forward', 'reverse'],
  async check({ source, target, direction }) {
    const shim = await shimStatus(source);
    const nodes = (await Promise.all([sizesOf(source), sizesOf(target)])).flat();
    return assessDisk({ log: shim?.log ?? null, nodes }, direction);
  },
};
