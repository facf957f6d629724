import { Cut } from '../citus/cut.js';
import type { Context } from '../core/context.js';
import type { Side } from '../core/ownership.js';
import type { VerifyResult } from '../verify/types.js';
import { type VerifyRequest, verify } from '../verify/verify.js';
import { persist } from './attempts.js';
import { Follower } from './follower.js';
import { requestShim } from './handover.js';
import { ReverseFollower } from './reverse-follower.js';

export interface Fence {
  /** The side that takes the writes. */
  readonly writes: Side;
  /** For how long the moment was held, ms: writers went on; TRUNCATE and changes of the schema waited. */
  readonly heldMs: number;
  /** For how long writers were kept out while the moment was taken, ms: of a cluster alone, to see all nodes at once. */
  readonly pausedMs: number;
  /** pg_current_snapshot() of the single node or coordinator. */
  readonly visible: string;
}

export interface LiveResult extends VerifyResult {
  readonly fence: Fence;
}

/** The moment of the side that takes the writes, which the other is known to have reached. */
type Moment = Pick<VerifyRequest, 'sourceCut' | 'targetCut'> & Pick<Fence, 'pausedMs' | 'visible'>;

/** Follows one way, and calls `compare` while a moment is held that the side it brings changes to has reached. */
interface Fenced {
  readonly notCaptured: readonly string[];
  pass(compare?: (moment: Moment) => Promise<void>): Promise<unknown>;
  close(): Promise<void>;
}

async function open(writes: Side, request: VerifyRequest, context: Context): Promise<Fenced> {
  const { source, target, plan, tables } = request;
  if (writes === 'source') {
    const follower = await Follower.open({ source, target, plan, tables }, context);
    return {
      notCaptured: follower.tables.notCaptured,
      pass: (compare) =>
        follower.pass(
          compare &&
            (({ exported, visible }) =>
              compare({ sourceCut: Cut.heldElsewhere(source, { exported, visible }), pausedMs: 0, visible })),
        ),
      close: () => follower.close(),
    };
  }
  const follower = await ReverseFollower.open({ source, target, plan, tables }, context);
  return {
    notCaptured: follower.tables.notCaptured,
    pass: (compare) =>
      follower.pass(
        compare &&
          (({ cut, lockedMs, nodes }) =>
            compare({ targetCut: cut, pausedMs: lockedMs, visible: nodes[0]!.visible })),
      ),
    close: () => follower.close(),
  };
}

/**
 * Brings the side that does not take the writes to one moment of the one that does, and compares both as of that
 * moment, while writes go on. Tables whose changes are not captured are left out, and told; so are the sequences, which
 * move at the cut-over. A running `sync` gives up its place for as long. `writingSide` is asked once nobody can move
 * writes any more, and throws where both sides take some.
 */
export async function verifyLive(
  request: VerifyRequest,
  writingSide: () => Promise<Side>,
  context: Context,
): Promise<LiveResult> {
  const { source, tables } = request;
  const { clock } = context;
  const place = await source.connect();
  let fenced: Fenced | undefined;
  try {
    await requestShim(place, context);
    const writes = await writingSide();
    return await persist(async () => {
      fenced ??= await open(writes, request, context);
      const { notCaptured } = fenced;
      const followed = tables.filter(({ table }) => !notCaptured.includes(table));
      // What has piled up is applied before, so that the fence is short.
      await fenced.pass();
      let live: LiveResult | undefined;
      await fenced.pass(async ({ pausedMs, visible, ...cuts }) => {
        const at = clock.now();
        const result = await verify({ ...request, tables: followed, ...cuts }, context);
        const skipped = [
          ...result.skipped,
          ...notCaptured.map((table) => ({
            part: `rows of ${table}`,
            reason: 'its changes are not captured',
          })),
        ];
        live = { ...result, skipped, fence: { writes, heldMs: clock.now() - at, pausedMs, visible } };
      });
      return live!;
    }, context);
  } finally {
    await fenced?.close();
    await place.close();
  }
}
