import { type ErrorEntry, entry } from './entry.js';

/** Nothing was read or written. */
export const USAGE_ERRORS = {
  USAGE: entry('usage', 2, 'The command line is not understood.', 'See `migrate help COMMAND`.'),
  CONFIG_INVALID: entry(
    'usage',
    2,
    'The configuration has problems.',
    'Correct the listed keys; nothing was touched.',
  ),
  URL_INVALID: entry(
    'usage',
    2,
    'A connection URL cannot be read.',
    'Use postgresql://user@host:5432/database.',
  ),
  SOURCE_MISSING: entry(
    'usage',
    2,
    'No source database is named.',
    'Pass --source or set MIGRATE_SOURCE_URL.',
  ),
  TARGET_MISSING: entry(
    'usage',
    2,
    'No target database is named.',
    'Pass --target or set MIGRATE_TARGET_URL.',
  ),
  CONFIRMATION_NEEDED: entry(
    'usage',
    2,
    'This would destroy data and was not confirmed.',
    'Repeat it with --yes if that is meant.',
  ),
  STATEMENTS_MISSING: entry(
    'usage',
    2,
    'There are no statements to compare.',
    'Name a file with --file, or take the most expensive ones of pg_stat_statements with --top.',
  ),
  SAME_DATABASE: entry(
    'usage',
    2,
    'Source and target are the same database.',
    'Check --source and --target.',
  ),
} as const satisfies Record<string, ErrorEntry>;
