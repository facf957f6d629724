/** Where a migration stands, in the order in which it goes well. */
export const PHASES = [
  'planned',
  'prepared',
  'copying',
  'catching-up',
  'verifying',
  'ready',
  'ramping',
  'cut-over',
  'completed',
  'rolling-back',
  'rolled-back',
  'failed',
] as const;
export type Phase = (typeof PHASES)[number];

/** Which side may take writes: of every unit, or `both`, each its own units; `either` as it was before. */
export type Writers = 'source' | 'both' | 'target' | 'either';

export interface PhaseSpec {
  readonly meaning: string;
  /** What the operator does next, without `migrate`; null: nothing is left to do. */
  readonly next: string | null;
  readonly writers: Writers;
  /** Phases that may follow; a phase may always be recorded again. */
  readonly to: readonly Phase[];
}

/**
 * Whatever is done with the rows before any write moves: each of these can be repeated, and leads to the others; also
 * behind a rollback, when the migration may be given up.
 */
const BEFORE = [
  'planned',
  'prepared',
  'copying',
  'catching-up',
  'verifying',
  'ready',
] as const satisfies Phase[];
type Before = (typeof BEFORE)[number];

const before = (phase: Before, more: readonly Phase[] = []): readonly Phase[] => [
  ...BEFORE.filter((each) => each !== phase),
  ...more,
  'completed',
  'failed',
];

/** The whole table: every phase, what it means, and what may come after it. */
export const PHASE_TABLE: Readonly<Record<Phase, PhaseSpec>> = {
  planned: {
    meaning: 'nothing was written to the target yet',
    next: 'shim install',
    writers: 'source',
    to: before('planned'),
  },
  prepared: {
    meaning: 'the target has the planned tables, without their rows',
    next: 'copy',
    writers: 'source',
    to: before('prepared'),
  },
  copying: {
    meaning: 'rows are being loaded, or a load was interrupted',
    next: 'copy',
    writers: 'source',
    to: before('copying'),
  },
  'catching-up': {
    meaning: 'the rows are loaded; what has changed since is being applied',
    next: 'sync --until-drained',
    writers: 'source',
    to: before('catching-up', ['ramping', 'cut-over']),
  },
  verifying: {
    meaning: 'both sides are being compared, or were not found to be the same',
    next: 'verify --live',
    writers: 'source',
    to: before('verifying', ['ramping', 'cut-over']),
  },
  ready: {
    meaning: 'the last comparison found both sides the same',
    next: 'cutover --dry-run',
    writers: 'source',
    to: before('ready', ['ramping', 'cut-over']),
  },
  ramping: {
    meaning: 'some namespaces are written on the target, the others on the source',
    next: 'cutover',
    writers: 'both',
    to: ['cut-over', 'rolling-back', 'rolled-back', 'failed'],
  },
  'cut-over': {
    meaning: 'every write goes to the target, and the source follows it',
    next: 'finish',
    writers: 'target',
    to: ['completed', 'rolling-back', 'rolled-back', 'failed'],
  },
  completed: {
    meaning: 'the migration is over, and its traces were removed',
    next: null,
    writers: 'either',
    to: [],
  },
  'rolling-back': {
    meaning: 'writes are moving back to the source',
    next: 'rollback',
    writers: 'both',
    to: ['ramping', 'cut-over', 'rolled-back', 'failed'],
  },
  'rolled-back': {
    meaning: 'every write goes to the source again, with what was written on the target',
    next: 'cutover --dry-run',
    writers: 'source',
    to: [
      'planned',
      'prepared',
      'copying',
      'catching-up',
      'verifying',
      'ready',
      'ramping',
      'cut-over',
      'completed',
      'failed',
    ],
  },
  failed: {
    meaning: 'the source was opened without the target: what had not come back from there is missing on it',
    next: 'finish',
    writers: 'source',
    // What is left of it would bring older rows over newer ones: it is closed, and another one begins.
    to: ['completed'],
  },
};

/** Whether `to` may be recorded where `from` holds. */
export function mayFollow(from: Phase, to: Phase): boolean {
  return from === to || PHASE_TABLE[from].to.includes(to);
}

/** What the rows of ownership say, however a run that wrote them has ended. */
export interface Ownership {
  /** Units that the target owns, and all there are. */
  readonly moved: number;
  readonly units: number;
}

/**
 * The phase as it is: a command that was killed has moved writes, and recorded nothing. Ownership decides who writes;
 * the record decides the rest.
 */
export function phaseOf(recorded: Phase, { moved, units }: Ownership): Phase {
  const { writers } = PHASE_TABLE[recorded];
  if (recorded === 'completed' || recorded === 'failed') return recorded;
  if (recorded === 'rolling-back') return moved === 0 ? 'rolled-back' : recorded;
  if (moved > 0 && moved < units) return 'ramping';
  if (moved > 0) return 'cut-over';
  return writers === 'source' ? recorded : 'rolled-back';
}
