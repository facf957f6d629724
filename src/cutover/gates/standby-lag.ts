import { formatBytes, formatDuration, plural } from '../../core/format.js';
import type { StandbyState } from '../../core/throttle.js';
import { ThrottleChecks } from '../../load/throttle-checks.js';
import {
  type Finding,
  fails,
  type GateCheck,
  type GateLimits,
  holds,
  sidesOf,
  some,
  unknown,
} from './gate.js';

export function assessStandbys(
  standbys: readonly StandbyState[],
  { standbyLag, standbyLagBytes }: Pick<GateLimits, 'standbyLag' | 'standbyLagBytes'>,
): Finding {
  const late = standbys.filter(
    ({ behindMs, behindBytes }) => behindMs > standbyLag || behindBytes > standbyLagBytes,
  );
  if (late.length > 0)
    return fails(
      `standbys are behind: ${some(late.map(({ standby, node, behindMs, behindBytes }) => `${standby} of ${node} by ${formatDuration(behindMs)}, ${formatBytes(behindBytes)}`))}`,
      `Wait until they have caught up to ${formatDuration(standbyLag)} and ${formatBytes(standbyLagBytes)} (gates.standbyLag, gates.standbyLagBytes): a failover now would lose what they lack.`,
    );
  return holds(
    standbys.length === 0
      ? 'no node that takes the writes has a standby'
      : `${plural(standbys.length, 'standby')} of the nodes that take the writes, none behind`,
  );
}

export const standbyLag: GateCheck = {
  gate: 'standby-lag',
  title: 'standbys have caught up',
  directions: ['forward', 'reverse'],
  async check(request, { clock }) {
    const checks = new ThrottleChecks({ writer: sidesOf(request).taking });
    try {
      const limits = { replicationLag: request.limits.standbyLag };
      const look = await checks.look(limits, () => clock.now());
      const [failure] = look.errors;
      return failure === undefined
        ? assessStandbys(look.standbys, request.limits)
        : unknown(failure.message, failure.hint);
    } finally {
      await checks.close();
    }
  },
};
