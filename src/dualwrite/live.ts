import { setTimeout as wait } from 'node:timers/promises';
import { Cut } from '../citus/cut.js';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import type { VerifyResult } from '../verify/types.js';
import { type VerifyRequest, verify } from '../verify/verify.js';
import { Follower } from './follower.js';
import { requestShim } from './handover.js';
import { ATTEMPTS, backoff } from './pace.js';

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
  const { clock, log, signal } = context;
  const place = await source.connect();
  let follower: Follower | undefined;
  try {
    await requestShim(place, context);
    for (let attempt = 1; ; attempt += 1) {
      throwIfAborted(signal);
      try {
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
      } catch (error) {
        throwIfAborted(signal);
        if (!(error instanceof MigrateError) || error.retry === 'never' || attempt === ATTEMPTS) throw error;
        const waitMs = backoff(attempt, Math.random());
        log.warn(`${error.message}. Trying again in ${waitMs} ms`, { code: error.code });
        await wait(waitMs, undefined, { signal }).catch(() => throwIfAborted(signal));
      }
    }
  } finally {
    await follower?.close();
    await place.close();
  }
}
