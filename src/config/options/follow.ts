import { VALUES } from '../file-schema.js';
import { define } from './spec.js';

/** How changes are captured and followed. */
export const FOLLOW = define({
  logLimit: {
    flag: 'log-limit',
    key: 'shim.logLimit',
    kind: 'text',
    value: VALUES.logLimit,
    placeholder: 'SIZE',
    describe: "What the change log may take on the source's disk, e.g. 10GB",
    shownDefault: '10GB',
  },
  logPolicy: {
    flag: 'log-policy',
    key: 'shim.logPolicy',
    kind: 'text',
    value: VALUES.logPolicy,
    placeholder: 'POLICY',
    choices: VALUES.logPolicy.options,
    describe: "At the limit: tell the server's log, or stop capturing (the migration then has to copy again)",
    shownDefault: 'warn',
  },
  untilDrained: {
    flag: 'until-drained',
    key: 'untilDrained',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Stop as soon as no change is left to apply',
  },
});
