import { formatBytes, formatDuration, plural } from '../core/format.js';
import { pad, truncate } from '../core/text-width.js';
import type { Advance, ItemSnapshot, ProgressSnapshot } from './progress-state.js';

const percent = (fraction: number | undefined): string =>
  fraction === undefined ? '' : `${Math.floor(fraction * 100)} %`;

const left = (advance: Advance): string =>
  advance.remainingMs === undefined || advance.remainingMs === 0
    ? ''
    : `${formatDuration(Math.max(1000, advance.remainingMs))} left`;

/** Indexes and constraints have no rows and bytes to count. */
const isSteps = ({ phase }: ProgressSnapshot): boolean => phase === 'after-data';

const done = (snapshot: ProgressSnapshot): string => {
  const finished = snapshot.items.filter((item) => item.state === 'done').length;
  const noun = isSteps(snapshot) ? 'step' : 'table';
  return `${finished} of ${plural(snapshot.items.length, noun)}`;
};

const WAITED_FOR = {
  source: 'source',
  transform: 'transform',
  target: 'target',
  throttle: 'rate limit',
} as const;

/** On its way out of the source, what rows wait for is no server. */
const waitedFor = ({ phase, bottleneck }: ProgressSnapshot): string =>
  phase === 'export' && bottleneck === 'target' ? 'dump (compression and disk)' : WAITED_FOR[bottleneck!];

/** `paused for 12.0 s: standby a of worker-1:5432 is 12.3 s behind (limit 10.0 s)`. */
export const pausedText = ({ paused }: ProgressSnapshot): string =>
  paused === undefined ? '' : `paused for ${formatDuration(paused.forMs)}: ${paused.reason}`;

/** `index a of b (loading tuples, 41 %)` */
function named({ label, detail, fraction }: ItemSnapshot): string {
  const facts = [detail, detail === undefined ? '' : percent(fraction)].filter(Boolean);
  return facts.length === 0 ? label : `${label} (${facts.join(', ')})`;
}

/** The whole phase in one line, for logs: `copy 61 %: 3 of 9 tables, 12,345 rows, 12.0 MB, 3.4 MB/s, …`. */
export function progressLine(snapshot: ProgressSnapshot): string {
  const { total, phase } = snapshot;
  const figures = [
    plural(total.rows, 'row'),
    total.bytes > 0 ? formatBytes(total.bytes) : '',
    total.bytes > 0
      ? `${formatBytes(total.bytesPerSecond)}/s`
      : `${plural(Math.round(total.rowsPerSecond), 'row')}/s`,
    left(total),
  ];
  const parts = [
    pausedText(snapshot),
    done(snapshot),
    ...(isSteps(snapshot) ? [] : figures),
    snapshot.bottleneck === undefined ? '' : `mostly waiting for the ${waitedFor(snapshot)}`,
  ];
  const active = snapshot.items.filter((item) => item.state === 'running').map(named);
  const now =
    active.length === 0 ? '' : `; now ${active.slice(0, 3).join(', ')}${active.length > 3 ? ', …' : ''}`;
  const head = [phase, percent(total.fraction)].filter(Boolean).join(' ');
  return `${head}: ${parts.filter(Boolean).join(', ')}${now}`;
}

/** The closing line of a phase. */
export function closingLine(snapshot: ProgressSnapshot): string {
  const { total, elapsedMs, phase } = snapshot;
  const size = total.bytes > 0 ? `, ${formatBytes(total.bytes)}` : '';
  const rows = isSteps(snapshot) ? '' : `, ${plural(total.rows, 'row')}`;
  return `${phase}: ${done(snapshot)}${rows}${size} in ${formatDuration(elapsedMs)}`;
}

/** One table as a bar of at most `columns` columns; the bar shrinks first, then goes. */
export function barLine(
  item: Advance & { label: string; detail?: string },
  labelWidth: number,
  columns: number,
): string {
  const counts = item.rows > 0 || item.bytes > 0 || item.totalRows > 0 || item.totalBytes > 0;
  const figures = [
    pad(percent(item.fraction), 5, 'right'),
    ...(counts || item.detail === undefined ? countsOf(item) : [pad(item.detail, 48)]),
  ].join(' ');
  const label = pad(truncate(item.label, labelWidth), labelWidth);
  const room = Math.min(30, columns - labelWidth - figures.length - 2);
  if (room < 5) return truncate(`${label} ${figures}`, columns);
  const filled = Math.round((item.fraction ?? 0) * room);
  return `${label} ${'█'.repeat(filled)}${'░'.repeat(room - filled)} ${figures}`;
}

function countsOf(item: Advance): string[] {
  return [
    pad(plural(item.rows, 'row'), 14, 'right'),
    pad(item.bytes > 0 ? formatBytes(item.bytes) : '', 8, 'right'),
    pad(item.bytes > 0 ? `${formatBytes(item.bytesPerSecond)}/s` : '', 10, 'right'),
    pad(left(item), 13, 'right'),
  ];
}

/** The `slots` tables most worth seeing, in the order of the phase: running, then waiting, then done. */
export function visibleItems(items: readonly ItemSnapshot[], slots: number): readonly ItemSnapshot[] {
  if (items.length <= slots) return items;
  const rank = { running: 0, waiting: 1, done: 2 } as const;
  const chosen = items
    .map((item, index) => ({ item, index }))
    .sort((a, b) => rank[a.item.state] - rank[b.item.state] || a.index - b.index)
    .slice(0, slots)
    .sort((a, b) => a.index - b.index);
  return chosen.map(({ item }) => item);
}

/** What stands for the tables that do not fit on the terminal. */
export function summaryItem(snapshot: ProgressSnapshot): Advance & { label: string; detail?: string } {
  return {
    ...snapshot.total,
    label: `all: ${done(snapshot)}`,
    ...(isSteps(snapshot) ? { detail: '' } : {}),
  };
}
