import type { Named, SequenceDef } from '../../core/catalog-types.js';
import { plural } from '../../core/format.js';
import { displayName, qualified } from '../../core/names.js';
import { sql } from '../../postgres/sql-files.js';
import { readSequences, type SequenceStates } from '../../verify/sequence-state.js';
import { type Finding, fails, type GateCheck, type GateRequest, holds, sidesOf, some } from './gate.js';

export interface SequenceFacts {
  readonly planned: readonly Pick<SequenceDef, 'schema' | 'name'>[];
  readonly giving: SequenceStates;
  readonly taking: SequenceStates;
  /** Qualified names of those that the role may not move on the side that takes the writes. */
  readonly fixed: ReadonlySet<string>;
}

/** What is wrong with one of them, for a sentence that begins with its name. */
function trouble(
  name: string,
  { giving, taking, fixed }: SequenceFacts,
  wanted: GateRequest['sequences'],
): string | undefined {
  const there = taking.get(name);
  if (there === undefined) return 'does not exist';
  const given = giving.get(name)?.last;
  if (given === undefined || given === null) return undefined;
  const { last, up, min, max } = there;
  if (given > max || given < min - 1n) return 'cannot reach what the other side has given out';
  if (wanted === 'movable') return fixed.has(name) ? 'may not be moved by this role' : undefined;
  if (last === null) return 'may not be read by this role';
  return (up ? last >= given : last <= given) ? undefined : 'is behind';
}

export function assessSequences(facts: SequenceFacts, wanted: GateRequest['sequences']): Finding {
  const wrong = facts.planned.flatMap((sequence) => {
    const why = trouble(qualified(sequence), facts, wanted);
    return why === undefined ? [] : [`${displayName(sequence)} ${why}`];
  });
  if (wrong.length > 0)
    return fails(
      some(wrong),
      'Run `migrate copy --phase after-data`, which makes and moves the sequences, as their owner.',
    );
  const count = plural(facts.planned.length, 'sequence');
  return holds(
    wanted === 'ahead'
      ? `${count} past what the other side has given out`
      : `${count} there, to be moved ahead while writes are held`,
  );
}

export const sequences: GateCheck = {
  gate: 'sequences',
  title: 'new ids do not meet old ones',
  directions: ['forward', 'reverse'],
  async check(request) {
    const { taking, giving } = sidesOf(request);
    const fixed = await taking.session.query<Named>(sql('cutover/sequence-rights'), 'read the sequences');
    const facts = {
      planned: request.plan.catalog.sequences,
      giving: await readSequences(giving.session),
      taking: await readSequences(taking.session),
      fixed: new Set(fixed.map(qualified)),
    };
    return assessSequences(facts, request.sequences);
  },
};
