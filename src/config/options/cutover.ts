import { VALUES } from '../file-schema.js';
import { define } from './spec.js';

/** Where writes go, and how long they may be held up. */
export const CUTOVER = define({
  share: {
    flag: 'share',
    key: 'cutover.share',
    kind: 'number',
    value: VALUES.share,
    placeholder: 'N',
    describe: 'Percent of the namespaces whose writes the target takes afterwards; always the same ones',
    shownDefault: '100; rollback: 0',
  },
  maxPause: {
    flag: 'max-pause',
    key: 'cutover.maxPause',
    kind: 'text',
    value: VALUES.duration,
    placeholder: 'TIME',
    describe: 'Writes are held up for at most this long; then the attempt is cancelled, and all is as before',
    shownDefault: '10s',
  },
  dryRun: {
    flag: 'dry-run',
    key: 'cutover.dryRun',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Check every gate and print every step with its SQL; change nothing',
  },
  accept: {
    flag: 'accept',
    key: 'cutover.accept',
    kind: 'list',
    value: VALUES.gates,
    placeholder: 'GATE',
    describe: 'Go on although this gate does not hold; recorded for ever, with --reason; may be repeated',
  },
  reason: {
    flag: 'reason',
    key: 'cutover.reason',
    kind: 'text',
    value: VALUES.reason,
    placeholder: 'TEXT',
    describe: 'Why a gate is accepted',
  },
  abandon: {
    flag: 'abandon',
    key: 'cutover.abandon',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'The cluster is gone: open the source at once, without what had not come back from there',
  },
});
