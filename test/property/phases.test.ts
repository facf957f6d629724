import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayFollow, PHASE_TABLE, PHASES, type Phase, phaseOf } from '../../src/core/phases.js';

const phases = fc.constantFrom(...PHASES);

/** The history that remains when every phase is asked for in turn, and those that may not follow are left out. */
function recorded(wanted: readonly Phase[]): Phase[] {
  const history: Phase[] = ['planned'];
  for (const phase of wanted) if (mayFollow(history.at(-1)!, phase)) history.push(phase);
  return history;
}

const writersOf = (phase: Phase) => PHASE_TABLE[phase].writers;

describe('the table of phases', () => {
  it('has every phase within reach of a plan, and a way back to the source from each but the end', () => {
    const reach = (start: Phase): Set<Phase> => {
      const seen = new Set<Phase>([start]);
      for (const phase of seen) for (const to of PHASE_TABLE[phase].to) seen.add(to);
      return seen;
    };
    expect([...reach('planned')].sort()).toEqual([...PHASES].sort());
    for (const phase of PHASES) {
      if (phase === 'completed') expect(PHASE_TABLE[phase].to).toEqual([]);
      else expect([...reach(phase)].some((each) => writersOf(each) === 'source')).toBe(true);
    }
  });

  it('never lets a history end the run while both sides are written, nor go on behind its end', () => {
    fc.assert(
      fc.property(fc.array(phases, { maxLength: 60 }), (wanted) => {
        const history = recorded(wanted);
        history.forEach((phase, index) => {
          const before = history[index - 1];
          if (before === undefined) return;
          if (phase === 'completed' && before !== phase)
            expect(['source', 'target']).toContain(writersOf(before));
          if (before === 'completed') expect(phase).toBe('completed');
          // What is loaded or compared anew belongs to a target that nobody writes.
          if (['copying', 'prepared', 'ready'].includes(phase)) expect(writersOf(before)).toBe('source');
          // Where the target was written, the source takes writes alone only behind a rollback.
          if (['both', 'target'].includes(writersOf(before)) && writersOf(phase) === 'source')
            expect(['rolled-back', 'failed']).toContain(phase);
        });
      }),
    );
  });

  it('is corrected by who owns the writes, whatever a killed command had recorded', () => {
    const ownership = fc
      .integer({ min: 1, max: 101 })
      .chain((units) => fc.integer({ min: 0, max: units }).map((moved) => ({ moved, units })));
    fc.assert(
      fc.property(phases, ownership, (phase, owners) => {
        const found = phaseOf(phase, owners);
        if (phase === 'completed' || phase === 'failed') expect(found).toBe(phase);
        else if (owners.moved === 0) expect(writersOf(found)).toBe('source');
        else if (owners.moved < owners.units) expect(writersOf(found)).toBe('both');
        else expect(['cut-over', 'rolling-back']).toContain(found);
      }),
    );
  });

  it('names a next command in every phase but the last', () => {
    for (const phase of PHASES) expect(PHASE_TABLE[phase].next === null).toBe(phase === 'completed');
  });
});
