import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import type { Session } from '../postgres/session.js';
import { Follower, type FollowRequest, type Pass } from './follower.js';
import { ReverseFollower } from './reverse-follower.js';
import { missingShim, readState } from './state.js';

/** Which way changes flow: from the single node into the cluster, or back. */
export type Way = (typeof WAYS)[number];
export const WAYS = ['forward', 'reverse'] as const;

/** One way that is followed. */
export interface Following {
  readonly way: Way;
  readonly tables: { readonly followed: readonly string[]; readonly notCaptured: readonly string[] };
  pass(): Promise<Pass>;
  close(): Promise<void>;
}

/** Whether changes are captured on the side that `way` comes from, and the install there is finished. */
export async function isCaptured(session: Session): Promise<boolean> {
  return ((await readState(session))?.drained ?? null) !== null;
}

/** The side that a way comes from. */
export const originOf = ({ source, target }: Pick<FollowRequest, 'source' | 'target'>, way: Way): Database =>
  way === 'forward' ? source : target;

export async function openWay(way: Way, request: FollowRequest, context: Context): Promise<Following> {
  const follower = await (way === 'forward'
    ? Follower.open(request, context)
    : ReverseFollower.open(request, context));
  return {
    way,
    tables: follower.tables,
    pass: () => follower.pass(),
    close: () => follower.close(),
  };
}

/** Follows each side on which changes are captured. Throws SHIM_MISSING where that is neither. */
export async function openDirections(request: FollowRequest, context: Context): Promise<Following[]> {
  const { source, target } = request;
  const opened: Following[] = [];
  const forward = (await readState(source.session)) !== undefined;
  const reverse = (await readState(target.session)) !== undefined;
  if (!forward && !reverse) throw missingShim(source.session.server);
  try {
    if (forward) opened.push(await openWay('forward', request, context));
    // One that is being installed is followed once that is done.
    if (reverse && (!forward || (await isCaptured(target.session))))
      opened.push(await openWay('reverse', request, context));
    return opened;
  } catch (error) {
    await Promise.all(opened.map((each) => each.close()));
    throw error;
  }
}
