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
      'it is installed, but nothing that was written on the cluster has come back yet',
      'Move one namespace that nobody minds (`migrate cutover --namespaces NAME --accept reverse-capture --reason "canary"`), write there, and let `migrate sync` run: what comes back is the proof.',
    );
  return holds(`what was written on the cluster came back (${facts.provenAt.slice(0, 19)} UTC)`);
}

export const reverseCapture: GateCheck = {
  gate: 'reverse-capture',
  title: 'the way back is open and proven',
  directions: ['forward'],
  async check({ reverse }) {
    return assessReverse(await reverse?.());
  },
};
