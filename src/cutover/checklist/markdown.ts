import type { Checklist, TickedStep } from './build.js';
import type { Criterion } from './go-no-go.js';

const MARK = { done: 'x', open: ' ', failed: ' ', 'by hand': ' ' } as const;
const WORD = { done: 'done', open: 'open', failed: '**failed**', 'by hand': 'by hand' } as const;

/** Names and evidence are text there, not marks; a bar would end a cell. */
const plain = (text: string): string =>
  text.replace(/[\r\n]+/g, ' ').replace(/[\\*_<>[\]|#]/g, (mark) => `\\${mark}`);

const dayName = (day: number): string => (day === 0 ? 'T' : day < 0 ? `T−${-day}` : `T+${day}`);

function step({ id, owner, does, commands, expect, abort, state, at, evidence }: TickedStep): string {
  const when = at === undefined ? '' : `, ${at.slice(0, 19)} UTC`;
  return [
    `- [${MARK[state]}] **${id}** (${plain(owner)}; ${WORD[state]}${when}${evidence === undefined ? '' : `: ${plain(evidence)}`})`,
    '',
    `  ${does}`,
    ...(commands.length === 0 ? [] : ['', '  ```sh', ...commands.map((line) => `  ${line}`), '  ```']),
    '',
    `  Expected: ${expect}`,
    '',
    `  Stop when: ${abort}`,
  ].join('\n');
}

const row = ({ criterion, title, verdict, evidence, reason }: Criterion): string =>
  `| \`${criterion}\` | ${plain(title)} | ${verdict === 'holds' ? 'holds' : `**${verdict}**`} | ${plain(reason === undefined ? evidence : `${evidence}; accepted: ${reason}`)} |`;

const DECISION = {
  go: '**GO**: every criterion holds or is accepted.',
  'no-go': '**NO-GO**: not every criterion holds.',
  unknown: '**NOT KNOWN**: nothing says no, and not everything is known.',
} as const;

/** One page for a ticket or a printer. */
export function renderChecklist({ phase, steps, goNoGo, unreachable, next }: Checklist): string {
  const days = [...new Set(steps.map(({ day }) => day))];
  const remedies = goNoGo.criteria.filter(
    ({ verdict, remedy }) => verdict !== 'accepted' && remedy !== undefined,
  );
  return [
    '# Cut-over checklist',
    `Phase: ${phase}.${next === null ? '' : ` Next: \`migrate ${next}\``}`,
    ...unreachable.map(({ side, reason }) => `The ${side} was not reached: ${plain(reason)}`),
    ...days.flatMap((day) => {
      const ours = steps.filter((one) => one.day === day);
      const date = ours[0]!.date;
      return [`## ${dayName(day)}${date === undefined ? '' : `, ${date}`}`, ...ours.map(step)];
    }),
    '## Go or no-go',
    DECISION[goNoGo.verdict],
    [
      '| criterion | what has to be so | verdict | evidence |',
      '| --- | --- | --- | --- |',
      ...goNoGo.criteria.map(row),
    ].join('\n'),
    ...(remedies.length === 0
      ? []
      : [
          [
            'What makes them hold:',
            '',
            ...remedies.map(({ criterion, remedy }) => `- \`${criterion}\`: ${remedy}`),
          ].join('\n'),
        ]),
    'Decided by: ____________________   Date and time: ____________________',
  ].join('\n\n');
}
