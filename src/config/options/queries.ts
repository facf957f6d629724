import { VALUES } from '../file-schema.js';
import { define } from './spec.js';

/** Which statements of the application are compared, and how often. */
export const QUERIES = define({
  queryFile: {
    flag: 'file',
    key: 'queries.file',
    kind: 'text',
    value: VALUES.file,
    placeholder: 'FILE',
    describe:
      'Statements to compare, each ending with a semicolon; a line -- params: ["a", 1] above one has its parameters, -- name: its name',
  },
  top: {
    flag: 'top',
    key: 'queries.top',
    kind: 'number',
    value: VALUES.top,
    placeholder: 'N',
    describe:
      "Instead of a file: the N statements of the source's pg_stat_statements that took most time in all",
  },
  runs: {
    flag: 'runs',
    key: 'queries.runs',
    kind: 'number',
    value: VALUES.queryRuns,
    placeholder: 'N',
    describe: 'How often each statement is timed on each side',
    shownDefault: '30',
  },
});
