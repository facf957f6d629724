import { type ErrorEntry, entry } from './entry.js';

/** Who takes the writes, and the guards that hold others to it. */
export const OWNERSHIP_ERRORS = {
  OWNERSHIP_MISSING: entry(
    'ownership',
    2,
    'No side keeps there who owns the writes.',
    'Install the guards on both sides first.',
  ),
  UNIT_NOT_OWNED: entry(
    'ownership',
    3,
    'Writes belong to the other side already, or were given away meanwhile.',
    'Look at who owns them (`migrate status`); then repeat the command.',
  ),
  WRITERS_BUSY: entry(
    'ownership',
    3,
    'Transactions that write did not end in time.',
    'Nothing was moved, and writes go on where they were. End or wait for the long transactions; then repeat the command.',
  ),
  BLOCK_EXPIRED: entry(
    'ownership',
    3,
    'The pause of writes had run out before the move was decided.',
    'Nothing was moved, and writes go on where they were. Repeat the command, with a longer pause where that is needed.',
  ),
  UNGUARDABLE: entry(
    'ownership',
    2,
    'Writes to some tables cannot be guarded.',
    'Change these tables as it says, or leave them out; nothing was installed.',
  ),
} as const satisfies Record<string, ErrorEntry>;
