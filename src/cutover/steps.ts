import type { Side } from '../core/ownership.js';
import { Follower } from '../dualwrite/follower.js';
import { installGuards } from '../dualwrite/guards.js';
import { requestShim } from '../dualwrite/handover.js';
import { Owners } from '../dualwrite/owners.js';
import { ReverseFollower } from '../dualwrite/reverse-follower.js';
import { installReverse } from '../dualwrite/reverse-install.js';
import { createRecord, recordEvidence, recordPhase } from '../ledger/record.js';
import { type Move, type MoveDirection, ownersOf, type Passer, phaseOfMove, sideOf } from './move.js';
import { followSequences, partSequences, passSequences } from './sequences.js';
import { ownershipOf, untaken } from './standing.js';

/** Logged changes below which writes are held up: what is left is brought behind the block. */
const FEW_CHANGES = 500;
/** Passes after which writers are too fast to be caught up with; the pause then has to be long enough. */
const MOST_PASSES = 20;

export const STEP_NAMES = [
  'hand-over',
  'record',
  'guards',
  'capture-back',
  'owners',
  'sequences-ahead',
  'catch-up',
  'block',
  'await-writers',
  'last-pass',
  'sequences',
  'give',
  'take',
  'sequences-past',
  'note',
] as const;
export type StepName = (typeof STEP_NAMES)[number];

/** Which side a step writes to: the one that gives, the one that takes, or both. */
export type Place = 'from' | 'to' | 'both';

export interface Step {
  readonly name: StepName;
  readonly place: Place;
  /** While it runs writes to the units are refused on both sides. */
  readonly paused: boolean;
  /** What it does, as a sentence without its subject. */
  readonly says: string;
  /** The directions in which it is made. */
  readonly directions: readonly MoveDirection[];
  run(move: Move): Promise<void>;
}

const BOTH: readonly MoveDirection[] = ['forward', 'reverse'];
const FORWARD: readonly MoveDirection[] = ['forward'];

/** The hook that tests hit behind a step: `cutover: after block`, `rollback: after give`. */
export const failpointOf = (direction: MoveDirection, { name }: Pick<Step, 'name'>): string =>
  `${direction === 'forward' ? 'cutover' : 'rollback'}: after ${name}`;

/** The side's name that a step writes to. */
export const placeOf = (direction: MoveDirection, { place }: Pick<Step, 'place'>): Side | 'both' => {
  if (place === 'both') return 'both';
  return (place === 'from') === (direction === 'forward') ? 'source' : 'target';
};

/** Whether both sides give out ids when the move is done. */
const parted = ({ request: { direction, share, namespaces } }: Move): boolean =>
  namespaces.length > 0 || (direction === 'forward' ? share < 100 : share > 0);

async function openPasser({ request, context }: Move): Promise<Passer> {
  const { source, target, plan, tables } = request;
  if (request.direction === 'forward') {
    const follower = await Follower.open({ source, target, plan, tables }, context);
    return {
      tables: follower.tables,
      pass: () => follower.pass(),
      close: () => follower.close(),
    };
  }
  const follower = await ReverseFollower.open({ source, target, plan, tables }, context);
  return {
    tables: follower.tables,
    pass: (exact) => follower.pass(exact ? async () => {} : undefined),
    close: () => follower.close(),
  };
}

async function onePass(move: Move, exact: boolean): Promise<number> {
  const pass = await move.passer!.pass(exact);
  move.passes += 1;
  move.rows += pass.rows;
  return pass.changes;
}

/**
 * Every move consists of these, in this order. What a dry run prints, what a move does, and where the tests make it
 * fail are read from this one list.
 */
export const STEPS: readonly Step[] = [
  {
    name: 'hand-over',
    place: 'both',
    paused: false,
    says: 'asks a running `migrate sync` for its place; it goes on by itself afterwards',
    directions: BOTH,
    async run(move) {
      move.turn = await move.request.source.connect();
      await requestShim(move.turn, move.context);
    },
  },
  {
    name: 'record',
    place: 'both',
    paused: false,
    says: 'makes the record of the run',
    directions: BOTH,
    async run({ request: { source, target, direction, share, namespaces } }) {
      for (const { session } of [source, target]) {
        await createRecord(session);
        if (direction === 'reverse') await recordPhase(session, 'rolling-back', { share, namespaces });
      }
    },
  },
  {
    name: 'guards',
    place: 'both',
    paused: false,
    says: 'makes the guards that hold every writer to who owns its namespace',
    directions: FORWARD,
    async run({ request: { source, target, plan }, context }) {
      await installGuards({ source, target, plan }, context);
    },
  },
  {
    name: 'capture-back',
    place: 'to',
    paused: false,
    says: 'captures changes on the target, for the way back',
    directions: FORWARD,
    async run({ request: { target, plan, tables, limitBytes, policy }, context }) {
      await installReverse({ target, plan, tables, limitBytes, policy }, context);
    },
  },
  {
    name: 'owners',
    place: 'both',
    paused: false,
    says: 'opens what an earlier attempt has given away and nobody has taken yet',
    directions: BOTH,
    async run(move) {
      const { source, target } = move.request;
      for (const database of [source, target])
        move.owners[sideOf(database)] ??= await Owners.open(database, move.context);
      const [here, there] = [ownersOf(move, source), ownersOf(move, target)];
      for (const { to, units, epoch } of untaken(await here.read(), await there.read()))
        await (to === 'source' ? here : there).take(units, epoch);
      const { moved, units } = ownershipOf(await ownersOf(move, move.to).read());
      move.bothOpen = sideOf(move.to) === 'target' ? moved > 0 : moved < units;
    },
  },
  {
    name: 'sequences-ahead',
    place: 'to',
    paused: false,
    says: 'moves sequences past every id; where both sides stay open, far ahead into a range of their own',
    directions: BOTH,
    async run(move) {
      const { plan, tables, direction, units } = move.request;
      const scope = { from: move.from, to: move.to, plan, tables };
      // A side that gives out ids itself would go on among those that the other one is about to give out.
      // On the way back to a part the source goes on in the range that it had, where that is its own.
      if (!move.bothOpen && (direction === 'forward' || !parted(move)))
        await passSequences(scope, move.context);
      if (parted(move) && units.length > 0) move.starts = await partSequences(scope, move.context);
    },
  },
  {
    name: 'catch-up',
    place: 'to',
    paused: false,
    says: 'brings what has changed, in checked passes, until little is left',
    directions: BOTH,
    async run(move) {
      move.passer ??= await openPasser(move);
      for (let passes = 0; passes < MOST_PASSES; passes += 1)
        if ((await onePass(move, false)) <= FEW_CHANGES) return;
    },
  },
  {
    name: 'block',
    place: 'from',
    paused: true,
    says: 'refuses new writers of the units for the length of the pause at most',
    directions: BOTH,
    async run(move) {
      const { units, maxPauseMs } = move.request;
      move.blockedAt = move.context.clock.now();
      await ownersOf(move, move.from).block(units, maxPauseMs);
    },
  },
  {
    name: 'await-writers',
    place: 'from',
    paused: true,
    says: 'waits for writers under way; a long transaction cancels the attempt, and nobody queues behind it',
    directions: BOTH,
    async run(move) {
      const { units, maxPauseMs } = move.request;
      await ownersOf(move, move.from).awaitWriters(units, maxPauseMs / 2);
    },
  },
  {
    name: 'last-pass',
    place: 'to',
    paused: true,
    says: 'brings the rest; its rows are compared on both sides before it commits',
    directions: BOTH,
    async run(move) {
      await onePass(move, true);
    },
  },
  {
    name: 'sequences',
    place: 'to',
    paused: true,
    says: 'moves sequences past what was given out until now',
    directions: BOTH,
    async run(move) {
      const { plan, tables } = move.request;
      // Where the attempt may still fail, two sides that are open keep to their ranges.
      if (!parted(move) && !move.bothOpen)
        await followSequences({ from: move.from, to: move.to, plan, tables });
    },
  },
  {
    name: 'give',
    place: 'from',
    paused: true,
    says: 'decides: from its commit on the units belong to the other side, whatever happens',
    directions: BOTH,
    async run(move) {
      await ownersOf(move, move.to).reach();
      move.epoch = await ownersOf(move, move.from).give(move.request.units, sideOf(move.to));
    },
  },
  {
    name: 'take',
    place: 'to',
    paused: true,
    says: 'opens writes to the units',
    directions: BOTH,
    async run(move) {
      await ownersOf(move, move.to).take(move.request.units, move.epoch!);
    },
  },
  {
    name: 'sequences-past',
    place: 'to',
    paused: false,
    says: 'where both sides were open: moves sequences past what the one that is closed now has given out',
    directions: BOTH,
    async run(move) {
      const { plan, tables } = move.request;
      if (!parted(move) && move.bothOpen)
        await passSequences({ from: move.from, to: move.to, plan, tables }, move.context);
    },
  },
  {
    name: 'note',
    place: 'both',
    paused: false,
    says: 'notes the phase and what was measured',
    directions: BOTH,
    async run(move) {
      const { request, passes, rows, epoch, starts, passer } = move;
      const { source, target, direction, share, namespaces, units, plan } = request;
      const detail = {
        direction,
        share,
        namespaces,
        units: units.length,
        epoch,
        planHash: plan.planHash,
        passes,
        rows,
        notCaptured: passer?.tables.notCaptured ?? [],
        // For the day on which the cluster does not answer.
        nodes: target.nodes.map(({ name }) => name),
        writePauseMs: move.pauseMs ?? null,
        starts,
      };
      const phase = await phaseOfMove(move);
      for (const database of [target, source]) {
        await recordEvidence(database.session, 'move', detail);
        await recordPhase(database.session, phase, { share, namespaces });
      }
    },
  },
];
