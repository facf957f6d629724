import { formatBytes, formatCount, formatDuration } from '../../core/format.js';
import { installShim } from '../../dualwrite/install.js';
import { removeShim } from '../../dualwrite/remove.js';
import { type ShimStatus, shimStatus } from '../../dualwrite/status.js';
import type { Command, Invocation, Outcome } from '../frame/command.js';
import { declined } from '../frame/confirm.js';
import { renderTable } from '../frame/table.js';
import { withDatabases } from '../support/databases.js';
import { chooseTables, loadPlan } from '../support/plan.js';

async function install(invocation: Invocation): Promise<Outcome> {
  const { config, context } = invocation;
  return withDatabases(invocation, { source: 'write' }, async ({ source }) => {
    const plan = await loadPlan(invocation, { source });
    const { logLimit: limitBytes, logPolicy: policy } = config.shim;
    const tables = chooseTables(plan, config);
    const result = await installShim({ source, plan, tables, limitBytes, policy }, context);
    const { installed, already } = result;
    const lines = [
      ...(installed.length > 0 ? [`Changes of ${installed.join(', ')} are captured from now on.`] : []),
      ...(already.length > 0 ? [`Captured already: ${already.join(', ')}.`] : []),
      'Next: migrate copy; then migrate sync',
    ];
    return { exit: 0, document: { action: 'install', ...result }, text: lines.join('\n') };
  });
}

function statusText(status: ShimStatus, { style }: Invocation): string {
  const { log, problems } = status;
  const table = renderTable(
    [
      { header: 'table', flexible: true },
      { header: 'captured' },
      { header: 'changes waiting', align: 'right' },
      { header: 'log', align: 'right' },
    ],
    status.tables.map((each) => [
      each.table,
      each.captured ? 'yes' : 'no',
      formatCount(each.changes),
      formatBytes(each.logBytes),
    ]),
    style,
  );
  const waiting =
    log.changes === 0
      ? 'No change waits.'
      : `${formatCount(log.changes)} changes wait, the oldest for ${formatDuration(log.seconds * 1000)}.`;
  return [
    table,
    `${waiting} The log takes ${formatBytes(log.bytes)} of ${formatBytes(log.limitBytes)}; at the limit: ${log.policy}.`,
    ...(problems.length > 0
      ? [
          `The target cannot be brought up to date any more: ${problems.join('; ')}.`,
          'Next: migrate shim remove; then plan, install and copy again',
        ]
      : ['Next: migrate sync']),
  ].join('\n');
}

function status(invocation: Invocation): Promise<Outcome> {
  return withDatabases(invocation, { source: 'read' }, async ({ source }) => {
    const found = await shimStatus(source);
    if (found === null) {
      return {
        exit: 1,
        document: { action: 'status', installed: false },
        text: 'There is no shim on the source.\nNext: migrate shim install',
      };
    }
    const exit = found.problems.length > 0 ? 1 : 0;
    return { exit, document: { action: 'status', ...found }, text: statusText(found, invocation) };
  });
}

function remove(invocation: Invocation): Promise<Outcome> {
  return withDatabases(invocation, { source: 'write' }, async ({ source }) => {
    const found = await shimStatus(source);
    const waiting = found === null ? 0 : found.log.changes;
    if (
      waiting > 0 &&
      !(await invocation.confirm(`Forget ${formatCount(waiting)} changes that were not applied yet?`))
    )
      throw declined();
    const removed = await removeShim(source, invocation.context);
    const text = removed ? 'The shim is gone; nothing of it is left.' : 'There was no shim on the source.';
    return { exit: 0, document: { action: 'remove', removed, forgotten: waiting }, text };
  });
}

const ACTIONS = { install, status, remove } as const;

export const shim: Command = {
  name: 'shim',
  summary: 'Capture changes on the source while it keeps taking writes',
  positional: {
    name: 'action',
    describe: 'Start capturing, show what waits, or take everything away',
    choices: Object.keys(ACTIONS),
  },
  options: ['logLimit', 'logPolicy'],
  examples: [
    ['migrate shim install', 'Before the copy: one short lock per table, all tables or none'],
    ['migrate shim install --log-limit 50GB --log-policy drop', 'Rather copy again than fill the disk'],
    ['migrate shim status', 'Changes that wait, size and age of the log'],
    ['migrate shim remove', 'Leaves nothing behind'],
  ],
  run: (invocation) => ACTIONS[invocation.positional as keyof typeof ACTIONS](invocation),
};
