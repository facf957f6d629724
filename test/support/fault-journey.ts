import type { FaultBench } from './fault-bench.js';
import { FAULTS, type Fault, type FaultCase, MAX_PAUSE_MS, STALLS } from './fault-case.js';
import { type Aim, completeMove, pointsOf } from './moves.js';

/** There and back again, in every way that a command can ask for; each begins where the one before it ends. */
export const JOURNEY: readonly Aim[] = [
  { direction: 'forward', share: 100 },
  { direction: 'reverse', share: 0 },
  { direction: 'forward', share: 45 },
  { direction: 'reverse', share: 0 },
  { direction: 'forward', namespaces: ['ns1', 'ns4'] },
  { direction: 'reverse', namespaces: ['ns1', 'ns4'] },
  { direction: 'forward', share: 100 },
  { direction: 'reverse', share: 45 },
  { direction: 'forward', share: 100 },
  { direction: 'reverse', share: 0 },
];

/**
 * Every point of a move with every fault, in both directions by turns, so that each move has somewhere to go: in as
 * many rounds as there are faults, so that a run that is cut short has had some of each. The seed turns what goes with
 * them: who helps, and when a server is back.
 */
export function allCases(seed: number, faults: readonly Fault[] = FAULTS): FaultCase[] {
  const points = { forward: pointsOf('forward'), reverse: pointsOf('reverse') };
  const length = 2 * Math.max(points.forward.length, points.reverse.length);
  return faults.flatMap((_, round) =>
    Array.from({ length }, (_one, index): FaultCase => {
      const aim = JOURNEY[index % JOURNEY.length]!;
      const list = points[aim.direction];
      const place = index >> 1;
      return {
        ...aim,
        number: round * length + index + 1,
        fault: faults[(place + round + (aim.direction === 'forward' ? 0 : 3)) % faults.length]!,
        point: list[place % list.length]!,
        helps: (index + round + seed) % 3 !== 0,
        backFirst: (place + round + seed) % 2 === 0,
      };
    }),
  );
}

/** Where a link that swallows everything could keep the command, or writers, waiting. */
export function stallCases(first: number): FaultCase[] {
  const points = ['after catch-up', 'after await-writers', 'owners: before the decision', 'after give'];
  const [forward, reverse] = JOURNEY;
  return STALLS.flatMap((fault) =>
    points.flatMap((point) => [forward!, reverse!].map((aim) => ({ fault, point, aim }))),
  ).map(({ fault, point, aim }, index) => ({
    ...aim,
    number: first + index,
    fault,
    point: point.startsWith('after')
      ? `${aim.direction === 'forward' ? 'cutover' : 'rollback'}: ${point}`
      : point,
    helps: true,
    backFirst: false,
  }));
}

/** Behind a case that failed: the next ones can be tried all the same. */
export async function goOn(bench: FaultBench, { direction, share, namespaces }: Aim): Promise<void> {
  await bench.quiet();
  const aim = { direction, ...(share === undefined ? {} : { share }), ...(namespaces && { namespaces }) };
  await completeMove({ ...bench.aim(false), ...aim, maxPauseMs: MAX_PAUSE_MS });
}
