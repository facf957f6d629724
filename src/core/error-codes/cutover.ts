import { type ErrorEntry, entry } from './entry.js';

/** Moving writes to the other side, and what comes after it. */
export const CUTOVER_ERRORS = {
  PHASE_REFUSED: entry(
    'cutover',
    2,
    'The migration is not in a phase in which this can be done.',
    'Look where it stands: `migrate status` names the next command.',
  ),
  GATE_UNKNOWN: entry(
    'cutover',
    2,
    'A gate is named that does not exist, or without a reason.',
    'Name gates as `migrate cutover --dry-run` lists them, and say why with --reason.',
  ),
  MOVE_UNFINISHED: entry(
    'cutover',
    3,
    'Writes were given to the other side, but not everything behind that is done.',
    'Repeat the same command: it goes on from there. Until then the units may take no writes on either side.',
  ),
  CLUSTER_ANSWERS: entry(
    'cutover',
    2,
    'The cluster is to be abandoned, but it answers, and the source has not been opened without it.',
    'Use `migrate rollback` without --abandon: it brings back what was written there. To abandon it all the same, stop it first, so that nobody can write on both sides.',
  ),
} as const satisfies Record<string, ErrorEntry>;
