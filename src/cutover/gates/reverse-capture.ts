import { type Finding, fails, type GateCheck, holds, type ReverseFacts, some } from './gate.js';

/** undefined: nothing brings writes back. */
export function assessReverse(facts: ReverseFacts | undefined): Finding {
  if (facts === undefined || !facts.installed)
    return fails(
      'nothing captures what will be written on the cluster',
      'Run `migrate shim install --reverse`; without it a rollback loses every write made after the cut-over.',
    );
  if (facts.problems.length > 0)
    return fails(
      `writes on the cluster would not come back: ${some(facts.problems)}`,
      '`migrate shim status --reverse` says why.',
    );
  if (facts.provenAt === null)
    return fails(
      'it is installed, but no probe write has come back yet',
      'Run `migrate sync` while it is installed: a pass brings the probe back.',
    );
  return holds(`a probe write came back (${facts.provenAt})`);
}

export const reverseCapture: GateCheck = {
  gate: 'reverse-capture',
  title: 'the way back is open and proven',
  directions: ['forward'],
  async check({ reverse }) {
    return assessReverse(await reverse?.());
  },
};
