import { plural } from '../../core/format.js';
import { type Finding, fails, type GateCheck, holds, type ReverseFacts, some, unknown } from './gate.js';

/** undefined: nothing brings writes back. */
export function assessReverse(facts: ReverseFacts | undefined): Finding {
  if (facts === undefined || !facts.installed)
    return fails(
      'nothing captures what will be written on the cluster',
      'Run `migrate shim install --reverse`; without it a rollback loses every write made after the cut-over.',
    );
  const { problems, failed = [], unproven, provenAt, nodes = [] } = facts;
  if (problems.length > 0)
    return fails(
      `writes on the cluster would not come back: ${some(problems)}`,
      '`migrate shim status --reverse` says why.',
    );
  if (failed.length > 0)
    return fails(
      `it was tried, and ${some(failed)}`,
      'Mend that; then `migrate shim install --reverse`, repeated, tries it again.',
    );
  if (provenAt === null)
    return unknown(
      unproven ?? 'nothing was written yet to try it',
      '`migrate cutover` tries it before anything moves, with rows of its own; `migrate shim install --reverse`, repeated, does so now.',
    );
  return holds(
    `what was written on ${plural(nodes.length, 'node')} to try it came back (${provenAt.slice(0, 19)} UTC)`,
  );
}

export const reverseCapture: GateCheck = {
  gate: 'reverse-capture',
  title: 'the way back is open and proven',
  directions: ['forward'],
  async check({ reverse }) {
    return assessReverse(await reverse?.());
  },
};
