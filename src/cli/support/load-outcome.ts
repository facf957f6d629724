import type { Config } from '../../config/config.js';
import { formatBytes, formatCount, formatDuration } from '../../core/format.js';
import type { PauseTotals } from '../../core/pause-tally.js';
import type { LoadResult } from '../../load/load-chunks.js';
import type { LoadRequest } from '../../load/run.js';
import type { Invocation, Outcome } from '../frame/command.js';
import { renderTable } from '../frame/table.js';
import { pausesText } from './pace.js';

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
  const { source, target } = result.waitMs;
  // Below a second there is nothing to be gained on either side.
  const waits =
    source + target < 1000
      ? ''
      : ` The streams together waited ${formatDuration(target)} for the target to take rows and ${formatDuration(source)} for the source to give them.`;
  const summary =
    result.tables.length === 0
      ? `Phase ${config.phase} is done.`
      : `${lines}\n\n${formatCount(rows)} rows are in the target.${waits}`;
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
function setAside({ quarantined }: LoadResult, rejected: number, { quarantine }: Config): string[] {
  if (rejected === 0) return [];
  return [
    `${formatCount(rejected)} rows were refused and are not in the target. They lie in ${quarantine}:`,
    ...quarantined.map(({ table, rows }) => {
      const reasons = new Set(rows.map(({ sqlstate, constraint }) => constraint ?? `SQLSTATE ${sqlstate}`));
      return `  ${table}: ${formatCount(rows.length)} rows (${[...reasons].join(', ')})`;
    }),
    `When the reasons are gone, load them in psql, started in ${quarantine}:`,
    ...quarantined.map(({ replay }) => `  ${replay}`),
  ];
}

/** The question before tables are emptied. */
export async function confirmTruncate(
  { config, confirm }: Invocation,
  tables: readonly { table: string }[],
  side: string,
): Promise<boolean> {
  if (!config.truncate) return true;
  return confirm(
    `Delete all rows of ${tables.length === 1 ? '1 table' : `${tables.length} tables`} on the ${side} (${tables.map(({ table }) => table).join(', ')})?`,
  );
}

export const DECLINED: Outcome = { exit: 2, document: {}, text: 'Nothing was touched.' };

export function quarantineOptions({
  onBadRow,
  quarantine,
  maxBadRows,
}: Config): Pick<LoadRequest, 'quarantine'> {
  return onBadRow === 'fail' ? {} : { quarantine: { directory: quarantine, maxBadRows } };
}
