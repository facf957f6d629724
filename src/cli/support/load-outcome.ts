import type { Database } from '../../citus/database.js';
import type { Config } from '../../config/config.js';
import type { Named } from '../../core/catalog-types.js';
import { formatBytes, formatCount, formatDuration, plural } from '../../core/format.js';
import { displayName } from '../../core/names.js';
import type { PauseTotals } from '../../core/pause-tally.js';
import { readPlace, writtenPlace } from '../../core/places.js';
import type { Plan, TablePlan } from '../../core/plan-types.js';
import type { LoadResult } from '../../load/load-chunks.js';
import { type LoadRequest, wants } from '../../load/run.js';
import { droppableIndexes } from '../../load/truncate.js';
import type { Direction } from '../../plan/projection.js';
import type { Invocation, Outcome } from '../frame/command.js';
import { declined } from '../frame/confirm.js';
import { renderTable } from '../frame/table.js';
import { pausesText } from './pace.js';

/** The database that rows go into. */
export const placeOf = (direction: Direction): string =>
  writtenPlace(direction === 'reverse' ? 'source' : 'target');

export const indexOptions = ({ indexMemory }: Config): Pick<LoadRequest, 'indexMemory'> =>
  indexMemory === undefined ? {} : { indexMemory };

/** What `import` and `copy` answer. */
export function loadOutcome(
  result: LoadResult,
  pauses: PauseTotals,
  next: string,
  { style, config }: Invocation,
): Outcome {
  const lines = renderTable(
    [
      { header: 'table', flexible: true },
      { header: 'rows', align: 'right' },
      { header: 'read', align: 'right' },
      { header: 'chunks', align: 'right' },
      { header: 'already loaded', align: 'right' },
    ],
    result.tables.map((table) => [
      table.table,
      formatCount(table.rows),
      formatBytes(table.bytes),
      formatCount(table.chunks),
      formatCount(table.skippedChunks),
    ]),
    style,
  );
  const rows = result.tables.reduce((sum, table) => sum + table.rows, 0);
  const place = placeOf(config.reverse ? 'reverse' : 'forward');
  const { source, target, throttle } = result.waitMs;
  // Below a second there is nothing to be gained on either side.
  const waits =
    source + target + throttle < 1000
      ? ''
      : ` The streams together waited ${formatDuration(target)} for ${place} to take rows and ${formatDuration(source)} for ${readPlace(config.reverse ? 'target' : 'source')} to give them${throttle < 1000 ? '' : `, and ${formatDuration(throttle)} for the rate limit`}.`;
  const summary =
    result.tables.length === 0
      ? `Phase ${config.phase} is done.`
      : `${lines}\n\n${plural(rows, 'row')} ${rows === 1 ? 'is' : 'are'} in ${place}.${waits}`;
  const views = result.refusedViews.map(
    ({ view, reason }) => `View ${view} cannot be queried there: ${reason}`,
  );
  const rejected = result.tables.reduce((sum, table) => sum + table.rejectedRows, 0);
  return {
    exit: rejected > 0 ? 1 : 0,
    document: { ...result, throttle: pauses },
    text: [summary, pausesText(pauses), ...views, ...setAside(result, rejected, config), `Next: ${next}`]
      .filter(Boolean)
      .join('\n'),
  };
}

/** Where refused rows lie, why they were refused, and the command that loads them again. */
function setAside({ quarantined }: LoadResult, rejected: number, { quarantine, reverse }: Config): string[] {
  if (rejected === 0) return [];
  const place = placeOf(reverse ? 'reverse' : 'forward');
  return [
    `${plural(rejected, 'row')} ${rejected === 1 ? 'was' : 'were'} refused and ${rejected === 1 ? 'is' : 'are'} not in ${place}. They lie in ${quarantine}:`,
    ...quarantined.map(({ table, rows }) => {
      const reasons = new Set(rows.map(({ sqlstate, constraint }) => constraint ?? `SQLSTATE ${sqlstate}`));
      return `  ${table}: ${plural(rows.length, 'row')} (${[...reasons].join(', ')})`;
    }),
    `When the reasons are gone, load them in psql, started in ${quarantine}:`,
    ...quarantined.map(({ replay }) => `  ${replay}`),
  ];
}

/**
 * The question before tables are emptied: what goes with the rows, and on which database. Throws CONFIRMATION_NEEDED.
 */
export async function confirmTruncate(
  { config, confirm }: Invocation,
  writer: Database,
  plan: Plan,
  tables: readonly TablePlan[],
): Promise<void> {
  if (!config.truncate || !wants(config.phase, 'data')) return;
  const direction = config.reverse ? 'reverse' : 'forward';
  const indexes = wants(config.phase, 'after-data') ? droppableIndexes(plan, direction, tables) : [];
  const names = (all: readonly Named[]): string => all.map(displayName).join(', ');
  const dropped =
    indexes.length === 0
      ? ''
      : ` and drop ${plural(indexes.length, 'index')} (${names(indexes)}), to be built again after the rows,`;
  const agreed = await confirm(
    `Delete all rows of ${plural(tables.length, 'table')} (${names(tables)})${dropped} on ${writer.place}?`,
  );
  if (!agreed) throw declined();
}

/** From then on repeating the command as it is would lose what it has loaded. */
export const truncateOptions = ({ advise }: Invocation): Pick<LoadRequest, 'onEmptied'> => ({
  onEmptied: () => advise('With --truncate it would start over; without, it goes on.'),
});

export function quarantineOptions({
  onBadRow,
  quarantine,
  maxBadRows,
}: Config): Pick<LoadRequest, 'quarantine'> {
  return onBadRow === 'fail' ? {} : { quarantine: { directory: quarantine, maxBadRows } };
}
