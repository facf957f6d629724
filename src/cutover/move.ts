import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import type { Side } from '../core/ownership.js';
import type { Phase } from '../core/phases.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Pass } from '../dualwrite/follower.js';
import type { Owners } from '../dualwrite/owners.js';
import type { LogPolicy } from '../dualwrite/state.js';
import type { Session } from '../postgres/session.js';
import { mergeOwnership, ownershipOf, readOwnership } from './standing.js';

/** Which way writes move: `forward` to the target, `reverse` back to the source. */
export type MoveDirection = 'forward' | 'reverse';

export interface MoveRequest {
  readonly source: Database;
  readonly target: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  readonly direction: MoveDirection;
  /** Units that are to move; they belong to the other side. */
  readonly units: readonly string[];
  /** What the target is to own afterwards, in per cent of the namespaces; named ones aside. */
  readonly share: number;
  /** Namespaces that move by their names; empty: a share moves. */
  readonly namespaces: readonly string[];
  readonly maxPauseMs: number;
  /** Of the change log on each node of the target. */
  readonly limitBytes: number;
  readonly policy: LogPolicy;
}

/** Brings one side to what the other is. */
export interface Passer {
  readonly tables: { readonly followed: readonly string[]; readonly notCaptured: readonly string[] };
  /** `exact`: all nodes at one moment, behind the block. */
  pass(exact: boolean): Promise<Pass>;
  close(): Promise<void>;
}

/** What an attempt knows while its steps run; steps read it and write it. */
export interface Move {
  readonly request: MoveRequest;
  readonly context: Context;
  /** The side that gives and the side that takes. */
  readonly from: Database;
  readonly to: Database;
  owners: Partial<Record<Side, Owners>>;
  /** Holds the place of a running `sync`, on the source. */
  turn: Session | undefined;
  passer: Passer | undefined;
  /** The side that takes is open for some units already: both give out ids. */
  bothOpen: boolean;
  /** Number of the move; undefined until it is decided. */
  epoch: number | undefined;
  /** When writes were held up, by this machine's clock. */
  blockedAt: number | undefined;
  /** For how long, once the other side has opened. */
  pauseMs: number | undefined;
  passes: number;
  /** Rows that passes of this attempt brought; each pass was compared. */
  rows: number;
  /** Sequence → from where the target gives out ids while the source gives out its own. */
  starts: Readonly<Record<string, string>>;
}

/** The phase that the rows of both sides make. */
export async function phaseOfMove({ request: { source, target } }: Move): Promise<Phase> {
  const rows = mergeOwnership(await readOwnership(source.session), await readOwnership(target.session));
  const { moved, units } = ownershipOf(rows);
  return moved === 0 ? 'rolled-back' : moved < units ? 'ramping' : 'cut-over';
}

export const sideOf = (database: Database): Side => database.options.side;

/** The owners of a side, which an earlier step has opened. */
export function ownersOf(move: Move, database: Database): Owners {
  const owners = move.owners[sideOf(database)];
  if (owners !== undefined) return owners;
  throw new MigrateError('INTERNAL', { message: `The owners of the ${sideOf(database)} were not opened` });
}

export function newMove(request: MoveRequest, context: Context): Move {
  const { source, target, direction } = request;
  const [from, to] = direction === 'forward' ? [source, target] : [target, source];
  return {
    request,
    context,
    from,
    to,
    owners: {},
    turn: undefined,
    passer: undefined,
    bothOpen: false,
    epoch: undefined,
    blockedAt: undefined,
    pauseMs: undefined,
    passes: 0,
    rows: 0,
    starts: {},
  };
}

export async function closeMove(move: Move): Promise<void> {
  await move.passer?.close();
  for (const owners of Object.values(move.owners)) await owners.close();
  await move.turn?.close();
}
