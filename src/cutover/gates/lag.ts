import { formatDuration, plural } from '../../core/format.js';
import { type ShimStatus, shimStatus } from '../../dualwrite/status.js';
import { type Finding, fails, type GateCheck, holds, some } from './gate.js';

export type LagFacts = Pick<ShimStatus, 'log' | 'problems'> | null;

/** null: nothing is captured. */
export function assessLag(shim: LagFacts, maxLag: number): Finding {
  if (shim === null)
    return fails(
      'nothing captures what is written on the source',
      'Run `migrate shim install`, then `migrate copy` again: only what is written from the install on is captured.',
    );
  if (shim.problems.length > 0)
    return fails(
      `the target cannot be brought up to date: ${some(shim.problems)}`,
      '`migrate shim status` says why; then plan, install and copy again.',
    );
  const { changes, seconds } = shim.log;
  if (changes === 0) return holds('no change of the source waits');
  const waits = `${plural(changes, 'change')} of the source ${changes === 1 ? 'waits' : 'wait'}, the oldest for ${formatDuration(seconds * 1000)}`;
  return seconds * 1000 <= maxLag
    ? holds(waits)
    : fails(
        `${waits}; up to ${formatDuration(maxLag)} is allowed`,
        'Run `migrate sync` and let it catch up (`migrate sync --until-drained` ends when it has).',
      );
}

export const lag: GateCheck = {
  gate: 'lag',
  title: 'the target follows the source closely',
  directions: ['forward'],
  async check({ source, limits }) {
    return assessLag(await shimStatus(source), limits.maxLag);
  },
};
