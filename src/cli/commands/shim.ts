import type { Database } from '../../citus/database.js';
import { MigrateError, throwIfAborted } from '../../core/errors.js';
import { formatBytes, formatCount, formatDuration } from '../../core/format.js';
import { type Finding, unknown } from '../../cutover/gates/gate.js';
import { assessReverse } from '../../cutover/gates/reverse-capture.js';
import { provenFacts } from '../../cutover/reverse-facts.js';
import { requestShim } from '../../dualwrite/handover.js';
import { installShim } from '../../dualwrite/install.js';
import { removeShim } from '../../dualwrite/remove.js';
import { installReverse } from '../../dualwrite/reverse-install.js';
import { removeReturns, removeReverse } from '../../dualwrite/reverse-remove.js';
import { reverseStatus } from '../../dualwrite/reverse-status.js';
import { type ShimStatus, shimStatus } from '../../dualwrite/status.js';
import type { Command, Invocation, Outcome } from '../frame/command.js';
import { declined } from '../frame/confirm.js';
import { renderTable } from '../frame/table.js';
import { type Access, withDatabases } from '../support/databases.js';
import { chooseTables, loadPlan, loadPlanForReturn, movedTables } from '../support/plan.js';
import { isAway } from '../support/reach.js';

async function install(invocation: Invocation): Promise<Outcome> {
  const { config, context } = invocation;
  if (config.reverse) return installOnCluster(invocation);
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

/** Does `work` while a running `sync` lets go of both sides; also where the source, by which it is asked, is not reached. */
async function inPlaceOfSync<T>(invocation: Invocation, work: () => Promise<T>): Promise<T> {
  const { context } = invocation;
  let begun = false;
  try {
    return await withDatabases(invocation, { source: 'write' }, async ({ source }) => {
      const place = await source.connect();
      try {
        await requestShim(place, context);
        begun = true;
        return await work();
      } finally {
        await place.close();
      }
    });
  } catch (error) {
    if (begun || !isAway(error)) throw error;
    return work();
  }
}

/** Whether what is written on the cluster comes back, as the gate says it: tried behind every install. */
async function tryWayBack(invocation: Invocation): Promise<Finding> {
  const { context } = invocation;
  try {
    return await withDatabases(invocation, { source: 'write', target: 'write' }, async (sides) => {
      const plan = await loadPlan(invocation, sides);
      return assessReverse(await provenFacts({ ...sides, plan, tables: movedTables(plan) }, 0, context));
    });
  } catch (error) {
    throwIfAborted(context.signal);
    if (!(error instanceof MigrateError) || error.code === 'INTERNAL') throw error;
    return unknown(error.message, error.hint);
  }
}

async function installOnCluster(invocation: Invocation): Promise<Outcome> {
  const { config, context } = invocation;
  const plan = await loadPlanForReturn(invocation);
  const tables = chooseTables(plan, config);
  const { logLimit: limitBytes, logPolicy: policy } = config.shim;
  const result = await inPlaceOfSync(invocation, () =>
    withDatabases(invocation, { target: 'write' }, ({ target }) =>
      installReverse({ target, plan, tables, limitBytes, policy }, context),
    ),
  );
  const { installed, already } = result;
  const proof = await tryWayBack(invocation);
  const { verdict, evidence, remedy } = proof;
  const lines = [
    ...(installed.length > 0
      ? [`What applications change on the cluster is captured from now on: ${installed.join(', ')}.`]
      : []),
    ...(already.length > 0 ? [`Captured already: ${already.join(', ')}.`] : []),
    verdict === 'holds'
      ? `It comes back: ${evidence}.`
      : `${verdict === 'fails' ? 'It does not come back' : 'Whether it comes back was not seen'}: ${evidence}. ${remedy ?? ''}`,
    'Next: migrate sync, which brings it back to the single node',
  ];
  return {
    exit: verdict === 'fails' ? 1 : 0,
    document: { action: 'install', reverse: true, ...result, proof },
    text: lines.join('\n'),
  };
}

function statusText(status: ShimStatus, { style, config: { reverse } }: Invocation): string {
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
    `${waiting} The log takes ${formatBytes(log.bytes)} of ${formatBytes(log.limitBytes)}${reverse ? ' on the node where it takes most' : ''}; at the limit: ${log.policy}.`,
    ...(problems.length > 0
      ? [
          `The ${reverse ? 'single node' : 'target'} cannot be brought up to date any more: ${problems.join('; ')}.`,
          reverse
            ? 'Next: compare both sides and mend the single node, or migrate copy --reverse --truncate; then migrate shim remove --reverse and install again'
            : 'Next: migrate shim remove; then plan, install and copy again',
        ]
      : ['Next: migrate sync']),
  ].join('\n');
}

/** The side on which changes are captured, opened, with what `--reverse` makes of the words for it. */
function withCapturing<T>(
  invocation: Invocation,
  access: Access,
  work: (side: {
    readonly database: Database;
    readonly found: ShimStatus | null;
    readonly place: string;
    readonly flag: string;
  }) => Promise<T>,
): Promise<T> {
  if (invocation.config.reverse) {
    return withDatabases(invocation, { target: access }, async ({ target: database }) =>
      work({ database, found: await reverseStatus(database), place: 'the cluster', flag: ' --reverse' }),
    );
  }
  return withDatabases(invocation, { source: access }, async ({ source: database }) =>
    work({ database, found: await shimStatus(database), place: 'the source', flag: '' }),
  );
}

function status(invocation: Invocation): Promise<Outcome> {
  return withCapturing(invocation, 'read', async ({ found, place, flag }) => {
    if (found === null) {
      return {
        exit: 1,
        document: { action: 'status', installed: false },
        text: `There is no shim on ${place}.\nNext: migrate shim install${flag}`,
      };
    }
    const exit = found.problems.length > 0 ? 1 : 0;
    return { exit, document: { action: 'status', ...found }, text: statusText(found, invocation) };
  });
}

/** Takes what belongs to the way back off the single node, too; returns why that could not be done. */
async function leftOnSource(invocation: Invocation): Promise<string | undefined> {
  const { context } = invocation;
  try {
    await withDatabases(invocation, { source: 'write' }, ({ source }) => removeReturns(source, context));
    return undefined;
  } catch (error) {
    throwIfAborted(context.signal);
    if (!(error instanceof MigrateError) || error.code === 'INTERNAL') throw error;
    return `${error.message}. Repeat the command when it can be reached.`;
  }
}

function remove(invocation: Invocation): Promise<Outcome> {
  return withCapturing(invocation, 'write', async ({ database, found, place, flag }) => {
    const waiting = found === null ? 0 : found.log.changes;
    if (
      waiting > 0 &&
      !(await invocation.confirm(`Forget ${formatCount(waiting)} changes that were not applied yet?`))
    )
      throw declined();
    const { context } = invocation;
    const removed =
      flag === ''
        ? await removeShim(database, context)
        : await inPlaceOfSync(invocation, () => removeReverse(database, context));
    const left = flag === '' ? undefined : await leftOnSource(invocation);
    const text = removed
      ? `The shim on ${place} is gone; ${left === undefined ? 'nothing of it is left.' : `what it keeps on the single node is left there: ${left}`}`
      : `There was no shim on ${place}.`;
    return { exit: 0, document: { action: 'remove', removed, forgotten: waiting }, text };
  });
}

const ACTIONS = { install, status, remove } as const;

export const shim: Command = {
  name: 'shim',
  summary: 'Capture changes on the side that takes writes',
  positional: {
    name: 'action',
    describe: 'Start capturing, show what waits, or take everything away',
    choices: Object.keys(ACTIONS),
  },
  options: ['logLimit', 'logPolicy', 'reverse'],
  examples: [
    ['migrate shim install', 'Before the copy: one short lock per table, all tables or none'],
    ['migrate shim install --log-limit 50GB --log-policy drop', 'Rather copy again than fill the disk'],
    ['migrate shim status', 'Changes that wait, size and age of the log'],
    ['migrate shim remove', 'Leaves nothing behind'],
    [
      'migrate shim install --reverse',
      'On the cluster: what applications write there goes back to the single node',
    ],
  ],
  run: (invocation) => ACTIONS[invocation.positional as keyof typeof ACTIONS](invocation),
};
