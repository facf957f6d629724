import { formatDuration, plural } from '../../core/format.js';
import type { EvidenceRow } from '../../ledger/record.js';
import { type ChecklistFacts, latest } from './facts.js';

/** Who does it, by the part that they play. */
export const ROLES = ['lead', 'database', 'application', 'on-call'] as const;
export type Role = (typeof ROLES)[number];

/** `by hand`: nothing that is recorded could tick it. */
export interface Tick {
  readonly state: 'done' | 'open' | 'failed' | 'by hand';
  /** When, as it was recorded. */
  readonly at?: string;
  readonly evidence?: string;
}

export interface ChecklistStep {
  readonly id: string;
  /** Days from the day of the cut-over: -7 … 7. */
  readonly day: number;
  readonly role: Role;
  readonly does: string;
  /** To be typed as they stand. */
  readonly commands: readonly string[];
  /** What the operator should see. */
  readonly expect: string;
  /** When to stop, and what then. */
  readonly abort: string;
  tick(facts: ChecklistFacts): Tick;
}

const OPEN: Tick = { state: 'open' };
const BY_HAND: Tick = { state: 'by hand' };
const done = (evidence: string, at?: string): Tick => ({
  state: 'done',
  evidence,
  ...(at === undefined ? {} : { at }),
});
const failed = (evidence: string, at?: string): Tick => ({ ...done(evidence, at), state: 'failed' });

/** The share that a recorded move has left with the target; undefined: it was of namespaces by their names. */
const shareOf = ({ detail }: EvidenceRow): number | undefined =>
  Array.isArray(detail.namespaces) && detail.namespaces.length > 0 ? undefined : Number(detail.share);

function moved(facts: ChecklistFacts, share: number): Tick {
  const now = facts.status.writes?.share ?? 0;
  const move = facts.evidence.findLast(
    (row) => row.kind === 'move' && row.detail.direction === 'forward' && (shareOf(row) ?? 0) >= share,
  );
  if (now >= share) return done(`the target takes the writes of ${now} % of the namespaces`, move?.at);
  return move === undefined ? OPEN : failed(`moved, and back at ${now} %`, move.at);
}

function compared(facts: ChecklistFacts): Tick {
  const row = latest(facts, 'queries');
  if (row === undefined) return OPEN;
  const { verdict, statements } = row.detail;
  const evidence = `${verdict}, ${plural(Number(statements), 'statement')}`;
  return verdict === 'match' ? done(evidence, row.at) : failed(evidence, row.at);
}

function verified(facts: ChecklistFacts): Tick {
  const row = latest(
    facts,
    'verification',
    ({ whole, direction }) => whole === true && direction === 'forward',
  );
  if (row === undefined) return OPEN;
  const { verdict, live, mode } = row.detail;
  const evidence = `${verdict}, mode ${mode}${live === true ? ', while writes went on' : ''}`;
  return verdict === 'match' ? done(evidence, row.at) : failed(evidence, row.at);
}

function copied(facts: ChecklistFacts): Tick {
  const row = latest(facts, 'load', ({ phase }) => phase === 'all' || phase === 'after-data');
  if (row === undefined) return OPEN;
  if (facts.plan !== undefined && row.detail.planHash !== facts.plan.hash)
    return failed('rows were loaded by another plan', row.at);
  return done(`${plural(facts.status.tables.length, 'table')} loaded`, row.at);
}

function following({ status: { lag } }: ChecklistFacts): Tick {
  if (lag === null) return OPEN;
  const waits = `${plural(lag.changes, 'change')} ${lag.changes === 1 ? 'waits' : 'wait'}, the oldest for ${formatDuration(lag.seconds * 1000)}`;
  return done(lag.changes === 0 ? 'no change waits' : waits);
}

function gated(facts: ChecklistFacts): Tick {
  const row = latest(facts, 'gates', ({ direction }) => direction === 'forward');
  const shut = (facts.gates ?? []).filter(({ verdict }) => verdict === 'fails' || verdict === 'inconclusive');
  if (facts.gates === undefined)
    return row === undefined ? OPEN : done('recorded with the last move', row.at);
  return shut.length === 0
    ? done('every gate holds or is accepted')
    : failed(`not open: ${shut.map(({ gate }) => gate).join(', ')}`);
}

const phase =
  (name: string, evidence: string) =>
  (facts: ChecklistFacts): Tick => {
    const row = facts.phases.findLast((one) => one.phase === name);
    return facts.status.phase === name ? done(evidence, row?.at) : OPEN;
  };

const STOP_BEFORE =
  'Anything unexpected: stop here. Nothing of the application has changed, and every command can be repeated.';
const GO_BACK =
  'Errors of the application, latency over its target for 10 minutes, or `verify` with a mismatch: `migrate rollback`.';

/** The plan of the day, in the order of the work. */
export const CHECKLIST: readonly ChecklistStep[] = [
  {
    id: 'plan',
    day: -7,
    role: 'database',
    does: 'Plan, read every finding, and put the plan file under version control.',
    commands: ['migrate plan'],
    expect: 'Exit code 0, no blocking finding; `migrate.plan.json` is committed.',
    abort: 'A blocking finding that cannot be solved before the day: move the day.',
    tick: ({ plan }) =>
      plan === undefined
        ? OPEN
        : plan.blockers > 0
          ? failed(plural(plan.blockers, 'blocking finding'))
          : done(`plan ${plan.hash.slice(0, 12)}, ${plural(plan.tables, 'table')}`),
  },
  {
    id: 'rehearsal',
    day: -7,
    role: 'lead',
    does: 'Rehearse the whole way on staging, rollback included (docs/runbooks/rehearsal.md).',
    commands: ['migrate demo'],
    expect: 'Every step of this list done once on staging, with its times written down.',
    abort: 'A step that did not work on staging does not work on the day.',
    tick: () => BY_HAND,
  },
  {
    id: 'backup',
    day: -3,
    role: 'database',
    does: 'Make a backup of the source, restore it somewhere, and name it in the configuration (gates.backupFile).',
    commands: [],
    expect: 'The gate `backup` holds.',
    abort: 'No backup that was restored once: no cut-over.',
    tick({ gates }) {
      const gate = gates?.find((one) => one.gate === 'backup');
      if (gate === undefined) return OPEN;
      return gate.verdict === 'holds' || gate.verdict === 'accepted'
        ? done(gate.reason ?? gate.evidence)
        : gate.verdict === 'fails'
          ? failed(gate.evidence)
          : OPEN;
    },
  },
  {
    id: 'shim',
    day: -3,
    role: 'database',
    does: 'Capture what is written on the source from now on.',
    commands: ['migrate shim install', 'migrate shim status'],
    expect: 'Every table is captured, no problem is listed.',
    abort: STOP_BEFORE,
    tick({ status: { tables, lag } }) {
      const captured = tables.filter((table) => table.captured === true).length;
      return lag === null ? OPEN : done(`${plural(captured, 'table')} captured`);
    },
  },
  {
    id: 'copy',
    day: -3,
    role: 'database',
    does: 'Copy the rows, then indexes, keys and sequences.',
    commands: ['migrate copy'],
    expect: 'Exit code 0. Interrupted: repeat the same command.',
    abort: STOP_BEFORE,
    tick: copied,
  },
  {
    id: 'sync',
    day: -3,
    role: 'database',
    does: 'Follow the source, in a session that stays (a service, tmux).',
    commands: ['migrate sync'],
    expect: '`migrate status` shows a lag of seconds.',
    abort: 'A lag that grows for an hour: find out why before you go on.',
    tick: following,
  },
  {
    id: 'queries',
    day: -2,
    role: 'application',
    does: "Run the application's statements on both sides.",
    commands: ['migrate compare-queries --file queries.sql'],
    expect: 'Exit code 0: the same results, none refused, p95 below the targets.',
    abort: 'A statement of the application that differs or is refused: change the application first.',
    tick: compared,
  },
  {
    id: 'verify',
    day: -1,
    role: 'database',
    does: 'Compare every row while the source takes writes. A running `migrate sync` makes room for it.',
    commands: ['migrate verify --live --report verify.html'],
    expect: 'Exit code 0: match.',
    abort: 'A mismatch that is not explained: no cut-over.',
    tick: verified,
  },
  {
    id: 'reverse',
    day: -1,
    role: 'database',
    does: 'Capture on the cluster, too, so that the way back is open from the first write on; a running `migrate sync` follows both ways from then on.',
    commands: ['migrate shim install --reverse', 'migrate shim status --reverse'],
    expect: 'What was written on every node to try it came back.',
    abort: STOP_BEFORE,
    tick({ reverse, gates }) {
      const gate = gates?.find((one) => one.gate === 'reverse-capture');
      if (gate !== undefined) return gate.verdict === 'holds' ? done(gate.evidence) : OPEN;
      return reverse ? done('changes on the cluster are captured') : OPEN;
    },
  },
  {
    id: 'go',
    day: 0,
    role: 'lead',
    does: 'Decide: go or no-go, by the page below.',
    commands: ['migrate checklist', 'migrate cutover --dry-run'],
    expect: 'Every criterion holds, or is accepted by somebody who may.',
    abort: 'One criterion that does not hold: no-go, and another day.',
    tick: gated,
  },
  {
    id: 'canary',
    day: 0,
    role: 'application',
    does: 'Move one namespace whose users know of it, let it write, and watch.',
    commands: ['migrate cutover --namespaces NAME', 'migrate status'],
    expect: 'It writes on the cluster without errors, and the lag of the way back is seconds.',
    abort: GO_BACK,
    tick(facts) {
      const row = latest(facts, 'move', ({ direction }) => direction === 'forward');
      return row === undefined ? OPEN : done('writes have moved', row.at);
    },
  },
  ...([10, 50, 100] as const).map(
    (share): ChecklistStep => ({
      id: `share-${share}`,
      day: 0,
      role: 'database',
      does:
        share === 100
          ? 'Move the rest, and what belongs to no namespace.'
          : `Move the writes of ${share} % of the namespaces, and watch for an hour.`,
      commands: [`migrate cutover --share ${share}`, 'migrate status'],
      expect: 'Exit code 0 and a pause of about a second; the application goes on without errors.',
      abort: GO_BACK,
      tick: (facts) => moved(facts, share),
    }),
  ),
  {
    id: 'watch',
    day: 1,
    role: 'on-call',
    does: 'Watch errors, latency, disks and the lag of the way back (`migrate sync` has to run on).',
    commands: ['migrate status'],
    expect: 'Phase cut-over; the lag of the way back is seconds.',
    abort: GO_BACK,
    tick: phase('cut-over', 'every write goes to the target'),
  },
  {
    id: 'grace',
    day: 7,
    role: 'lead',
    does: 'Decide that nobody will go back.',
    commands: ['migrate status'],
    expect: 'Seven days without a reason to go back.',
    abort: 'A doubt: keep both sides another week.',
    tick: () => BY_HAND,
  },
  {
    id: 'finish',
    day: 7,
    role: 'database',
    does: 'End the way back, and take every trace of the migration away (docs/runbooks/decommission.md).',
    commands: ['migrate finish'],
    expect: 'The closing report is written; neither side has a schema citus_migrate.',
    abort: 'It asks before it removes anything: without a yes nothing is touched.',
    tick: phase('completed', 'the migration is over'),
  },
];
