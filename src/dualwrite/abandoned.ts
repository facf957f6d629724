import type { Database } from '../citus/database.js';
import { MigrateError } from '../core/errors.js';
import { currentPhase } from '../ledger/record.js';

/** Whether the source was opened without the cluster, and that is not over. */
export async function isAbandoned(source: Database): Promise<boolean> {
  return (await currentPhase(source.session))?.phase === 'failed';
}

/**
 * Throws PHASE_REFUSED where the source was opened without the cluster: what is written on it since is newer than what
 * the cluster has of the same rows, and a pass in either direction would take one of them away.
 */
export async function refuseAbandoned(source: Database): Promise<void> {
  const last = await currentPhase(source.session);
  if (last?.phase !== 'failed') return;
  throw new MigrateError('PHASE_REFUSED', {
    message: `The source was opened without the cluster (${last.at.slice(0, 19)} UTC), and takes every write since: nothing travels between the two any more`,
    hint: 'When the cluster is back, `migrate rollback --abandon` closes it and lists what had not come back. `migrate finish` ends this migration; another one begins with `migrate plan`.',
    context: { phase: last.phase },
  });
}
