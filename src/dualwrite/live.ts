import { Cut } from '../citus/cut.js';
import type { Context } from '../core/context.js';
import type { VerifyResult } from '../verify/types.js';
import { type VerifyRequest, verify } from '../verify/verify.js';
import { persist } from './attempts.js';
import { Follower } from './follower.js';
import { requestShim } from './handover.js';

export interface LiveResult extends VerifyResult {
  /** While it was held, writers of the source went on; TRUNCATE and changes of its schema waited. */
  readonly fence: { readonly heldMs: number; readonly visible: string };
}

/**
 * Brings the target to one moment of the source and compares both as of that moment, while the source takes writes.
 * Tables whose changes are not captured are left out, and told; so are the sequences, which move at the cut-over. A
 * running `sync` gives up its place for as long.
 */
export async function verifyLive(request: VerifyRequest, context: Context): Promise<LiveResult> {
  const { source, target, plan, tables } = request;
  const { clock } = context;
  const place = await source.connect();
  let follower: Follower | undefined;
  try {
    await requestShim(place, context);
    return await persist(async () => {
      follower ??= await Follower.open({ source, target, plan, tables }, context);
      const { notCaptured } = follower.tables;
      const followed = tables.filter(({ table }) => !notCaptured.includes(table));
      // What has piled up is applied before, so that the fence is short.
      await follower.pass();
      let live: LiveResult | undefined;
      await follower.pass(async ({ exported, visible }) => {
        const at = clock.now();
        const sourceCut = Cut.heldElsewhere(source, { exported, visible });
        const result = await verify({ ...request, tables: followed, sourceCut }, context);
        const skipped = [
          ...result.skipped,
          ...notCaptured.map((table) => ({
            part: `rows of ${table}`,
            reason: 'its changes are not captured',
          })),
        ];
        live = { ...result, skipped, fence: { heldMs: clock.now() - at, visible } };
      });
      return live!;
    }, context);
  } finally {
    await follower?.close();
    await place.close();
  }
}
