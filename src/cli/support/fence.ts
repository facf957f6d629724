import { formatDuration } from '../../core/format.js';
import type { LiveResult } from '../../dualwrite/live.js';
import type { VerifyResult } from '../../verify/types.js';

/** What a live comparison tells of its moment, for the document. */
export const fenceOf = (
  result: VerifyResult | LiveResult,
): Pick<LiveResult, 'fence'> | Record<string, never> => ('fence' in result ? { fence: result.fence } : {});

/** The same for people. */
export function fenceText(result: VerifyResult | LiveResult): string[] {
  if (!('fence' in result)) return [];
  const { writes, heldMs, pausedMs } = result.fence;
  const paused =
    writes === 'source'
      ? ''
      : ` They waited for ${formatDuration(pausedMs)} while it was taken on all nodes.`;
  return [
    `Both sides were compared as of one moment of the ${writes}, for ${formatDuration(heldMs)}, while it took writes; TRUNCATE and changes of its schema waited.${paused}`,
  ];
}
