import type { BudgetOptions } from '../../citus/budget.js';
import type { Database } from '../../citus/database.js';
import type { Config } from '../../config/config.js';
import type { OptionName } from '../../config/options.js';
import type { Context } from '../../core/context.js';
import { formatBytes, formatDuration } from '../../core/format.js';
import type { PauseTotals } from '../../core/pause-tally.js';
import { Throttle } from '../../load/throttle.js';
import type { Invocation } from '../frame/command.js';

/** The options of every command that paces its work. */
export const PACING = ['throttle', 'maxRate', 'control', 'connectionReserve'] as const satisfies OptionName[];

export const budgetOptions = ({ jobs, jobsGiven, connectionReserve }: Config): BudgetOptions => ({
  jobs,
  mayReduce: !jobsGiven,
  connectionReserve,
});

/** A chunk's transaction that stays open for longer than this is worth a word. */
const LONG_CHUNK_MS = 120_000;

/** A rate that makes chunks last for minutes keeps their transactions open, and shards from being moved, so long. */
function warnOfLongChunks({ config, context }: Invocation, rate: number): void {
  const { jobs, export: settings } = config;
  const lasts = rate === 0 ? 0 : (jobs * settings.chunkBytes * 1000) / rate;
  if (lasts <= LONG_CHUNK_MS) return;
  context.log.warn(
    `At ${formatBytes(rate)}/s a chunk of ${formatBytes(settings.chunkBytes)} takes about ${formatDuration(lasts)}, and its transaction stays open meanwhile; a smaller --chunk-bytes shortens that`,
  );
}

/**
 * Runs `work` under the limits of --throttle, --max-rate and --control. Every limit is checked once before `work`
 * starts: THROTTLE_INVALID, RIGHTS_MISSING.
 */
export async function withPace<T>(
  invocation: Invocation,
  sides: { readonly reader?: Database; readonly writer?: Database },
  work: (context: Context, totals: () => PauseTotals) => Promise<T>,
): Promise<T> {
  const { config, context } = invocation;
  const { throttle: limits, maxRate, jobs, control } = config;
  // How large the chunks of a dump are was decided before.
  if (sides.reader && sides.writer) warnOfLongChunks(invocation, maxRate);
  if (control !== undefined) context.log.info(`Changes are read from ${control} while this runs`);
  const watched = { ...sides, limits, maxRate, jobs, ...(control === undefined ? {} : { control }) };
  const throttle = await Throttle.start(watched, context);
  try {
    return await work({ ...context, pace: throttle }, () => throttle.totals);
  } finally {
    await throttle.close();
  }
}

/** One line for people about pauses; empty when there were none. */
export function pausesText({ pauses, ms, byReason }: PauseTotals): string {
  if (pauses === 0) return '';
  const names = {
    control: 'control file',
    check: 'failed checks',
    lag: 'lag',
    active: 'connections',
    query: 'query',
  };
  const reasons = Object.keys(byReason).map((kind) => names[kind as keyof typeof byReason]);
  return `It paused ${pauses === 1 ? 'once' : `${pauses} times`}, for ${formatDuration(ms)} in all (${reasons.join(', ')}).`;
}
