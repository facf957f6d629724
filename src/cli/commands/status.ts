import { existsSync } from 'node:fs';
import { formatCount, formatDuration } from '../../core/format.js';
import { type MigrationStatus, migrationStatus } from '../../cutover/status.js';
import type { Command, Invocation } from '../frame/command.js';
import { renderTable } from '../frame/table.js';
import { nextCommand } from '../support/next.js';
import { reach } from '../support/reach.js';

const count = (value: number | null): string => (value === null ? '?' : formatCount(value));

function writesText({ writes }: MigrationStatus): string[] {
  if (writes === null) return [];
  const named = Object.entries(writes.named).map(([namespace, owner]) => `${namespace} on the ${owner}`);
  return [
    `Writes: ${writes.share} % of the namespaces on the target${named.length === 0 ? '' : `; by name: ${named.join(', ')}`}.`,
  ];
}

const lagText = ({ changes, seconds }: { changes: number; seconds: number }): string =>
  changes === 0
    ? 'none, no change waits.'
    : `${formatCount(changes)} changes, the oldest ${formatDuration(seconds * 1000)} old.`;

function text(status: MigrationStatus, invocation: Invocation): string {
  const { lag, lagBack, lastVerification, unreachable, next } = status;
  const table = renderTable(
    [
      { header: 'table', flexible: true },
      { header: 'rows loaded', align: 'right' },
      { header: 'captured' },
      { header: 'changes waiting', align: 'right' },
    ],
    status.tables.map((each) => [
      each.table,
      count(each.rows),
      each.captured === null ? '?' : each.captured ? 'yes' : 'no',
      count(each.changes),
    ]),
    invocation.style,
  );
  return [
    `Phase: ${status.phase} (${status.meaning})${status.since === null ? '' : `, since ${status.since.slice(0, 19)} UTC`}.`,
    ...(status.tables.length === 0 ? [] : ['', table, '']),
    `Lag: ${lag === null ? 'not known, for no changes are captured.' : lagText(lag)}`,
    ...(lagBack === null ? [] : [`Lag of the way back: ${lagText(lagBack)}`]),
    ...writesText(status),
    lastVerification === null
      ? 'Last verification: none was recorded.'
      : `Last verification: ${lastVerification.verdict}, at ${lastVerification.at.slice(0, 19)} UTC${lastVerification.live ? ', while writes went on' : ''}.`,
    ...unreachable.map(({ side, reason }) => `The ${side} was not reached: ${reason}`),
    ...(next === null ? [] : [`Next: ${nextCommand(invocation, next)}`]),
  ].join('\n');
}

export const status: Command = {
  name: 'status',
  summary: 'Show where the migration stands, and what to run next',
  options: [],
  examples: [
    ['migrate status', 'Phase, lag, last verdict and the next command; from any machine'],
    ['migrate status --json', 'The same for a program; exit code 3 when a side was not reached'],
  ],
  async run(invocation) {
    // One after the other: both would ask for a password file's warning at once.
    const source = await reach(invocation, 'source');
    const target = await reach(invocation, 'target');
    const found = migrationStatus(source, target, existsSync(invocation.config.plan));
    return {
      exit: found.unreachable.length > 0 ? 3 : 0,
      document: { ...found, next: found.next === null ? null : nextCommand(invocation, found.next) },
      text: text(found, invocation),
    };
  },
};
