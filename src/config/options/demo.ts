import { VALUES } from '../file-schema.js';
import { define } from './spec.js';

/** The demonstration on throw-away servers. */
export const DEMO = define({
  rows: {
    flag: 'rows',
    key: 'rows',
    kind: 'number',
    value: VALUES.rows,
    placeholder: 'N',
    describe: 'Rows to generate',
    shownDefault: '20000',
  },
  keep: {
    flag: 'keep',
    key: 'keep',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Leave the throw-away servers running and print how to reach them',
  },
});
