import type { Context } from '../core/context.js';
import { Follower, type FollowRequest, type Pass } from './follower.js';
import { ReverseFollower } from './reverse-follower.js';
import { missingShim, readState } from './state.js';

/** Which way changes flow: from the single node into the cluster, or back. */
export type Way = 'forward' | 'reverse';

/** One way that is followed. */
export interface Following {
  readonly way: Way;
  readonly tables: { readonly followed: readonly string[]; readonly notCaptured: readonly string[] };
  pass(): Promise<Pass>;
  close(): Promise<void>;
}

/** Follows each side on which changes are captured. Throws SHIM_MISSING where that is neither. */
export async function openDirections(request: FollowRequest, context: Context): Promise<Following[]> {
  const { source, target } = request;
  const opened: Following[] = [];
  const add = (way: Way, follower: Follower | ReverseFollower): void => {
    opened.push({
      way,
      tables: follower.tables,
      pass: () => follower.pass(),
      close: () => follower.close(),
    });
  };
  const forward = (await readState(source.session)) !== undefined;
  const reverse = (await readState(target.session)) !== undefined;
  if (!forward && !reverse) throw missingShim(source.session.server);
  try {
    if (forward) add('forward', await Follower.open(request, context));
    if (reverse) add('reverse', await ReverseFollower.open(request, context));
    return opened;
  } catch (error) {
    await Promise.all(opened.map((each) => each.close()));
    throw error;
  }
}
