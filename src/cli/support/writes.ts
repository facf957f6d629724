import { MigrateError } from '../../core/errors.js';
import { formatCount, formatDuration, plural } from '../../core/format.js';
import { PHASE_TABLE } from '../../core/phases.js';
import { moveWrites, type WritesRequest, type WritesResult } from '../../cutover/cutover.js';
import type { Gate } from '../../cutover/gates/check.js';
import type { MoveDirection } from '../../cutover/move.js';
import { FRESH_MS, provenFacts, reverseFacts } from '../../cutover/reverse-facts.js';
import type { Invocation, Outcome } from '../frame/command.js';
import { declined } from '../frame/confirm.js';
import { paint, renderTable } from '../frame/table.js';
import { type Sides, withDatabases } from './databases.js';
import { nextCommand } from './next.js';
import { loadPlan, movedTables } from './plan.js';

/** Gate → reason, of the configuration and of the command line. Throws GATE_UNKNOWN without a reason. */
function acceptedGates({ config: { gates, cutover } }: Invocation): Record<string, string> {
  if (cutover.accept.length > 0 && cutover.reason === undefined) {
    throw new MigrateError('GATE_UNKNOWN', {
      message: `--accept ${cutover.accept.join(', ')} has no reason`,
      hint: 'Say why with --reason: it is recorded with the gate.',
    });
  }
  return { ...gates.accept, ...Object.fromEntries(cutover.accept.map((gate) => [gate, cutover.reason!])) };
}

/** What is asked for: a share, or named namespaces. Throws USAGE for both at once. */
function aimOf(
  { config, flags }: Invocation,
  direction: MoveDirection,
): Pick<WritesRequest, 'share' | 'namespaces'> {
  const { share } = config.cutover;
  const namespaces = flags.namespaces === undefined ? [] : config.verify.namespaces;
  if (namespaces.length > 0 && share !== undefined) {
    throw new MigrateError('USAGE', {
      message: '--share and --namespaces cannot stand together',
      hint: 'Move a share first and single namespaces afterwards, or the other way round.',
    });
  }
  return { share: share ?? (direction === 'forward' ? 100 : 0), namespaces };
}

const what = ({ share, namespaces }: Pick<WritesRequest, 'share' | 'namespaces'>): string =>
  namespaces.length > 0
    ? `${plural(namespaces.length, 'namespace')} (${namespaces.join(', ')})`
    : share === 100
      ? 'everything'
      : `${share} % of the namespaces`;

function gatesText(gates: readonly Gate[], { style }: Invocation): string {
  const color = { holds: 'green', fails: 'red', inconclusive: 'yellow', accepted: 'yellow' } as const;
  const table = renderTable(
    [
      { header: 'gate' },
      { header: 'verdict', color: (cell) => color[cell as keyof typeof color] },
      { header: 'evidence', flexible: true },
    ],
    gates.map(({ gate, verdict, evidence }) => [gate, verdict, evidence]),
    style,
  );
  const open = gates.filter(({ verdict }) => verdict === 'fails' || verdict === 'inconclusive');
  const remedies = open.map(({ gate, remedy }) => `  ${gate}: ${remedy ?? ''}`);
  return [table, ...(open.length === 0 ? [] : ['', 'What makes them hold:', ...remedies])].join('\n');
}

function stepsText(result: WritesResult, { style }: Invocation): string[] {
  return (result.steps ?? []).map(({ step, side, paused, does, sql }, index) =>
    [
      `${index + 1}. ${paint(step, 'bold', style)} (${side === 'both' ? 'both sides' : side}${paused ? ', writes are held up' : ''}): ${does}`,
      ...sql.flatMap((statement) =>
        statement
          .trimEnd()
          .split('\n')
          .map((line) => `     ${line}`),
      ),
    ].join('\n'),
  );
}

function movedText(result: WritesResult, request: WritesRequest): string[] {
  const to = request.direction === 'forward' ? 'target' : 'source';
  if (result.units === 0) return [`There was nothing left to move; phase: ${result.phase}.`];
  const starts = Object.entries(result.starts);
  return [
    `The ${to} takes the writes now: ${request.direction === 'forward' ? what(request) : request.namespaces.length > 0 ? what(request) : `the target keeps ${request.share} % of the namespaces`}. They were held up for ${formatDuration(result.writePauseMs ?? 0)}; ${plural(result.passes, 'pass')} brought ${formatCount(result.rows)} rows, each compared before it was committed.`,
    ...(starts.length > 0
      ? [
          `Both sides give out ids: on the ${to} ${starts.map(([name, start]) => `${name} goes on from ${start}`).join(', ')}.`,
        ]
      : []),
    ...(result.notCaptured.length > 0
      ? [`Not captured, so not moved: ${result.notCaptured.join(', ')}.`]
      : []),
  ];
}

/** What to run behind it; of a refusal, what to run again. */
function nextText(
  result: WritesResult,
  { direction, share, namespaces }: WritesRequest,
  invocation: Invocation,
): string {
  const own = direction === 'forward' ? 'cutover' : 'rollback';
  const again =
    namespaces.length > 0 ? `${own} --namespaces ${namespaces.join(',')}` : `${own} --share ${share}`;
  if (result.moved) return nextCommand(invocation, 'sync');
  return [...mend(result, invocation), nextCommand(invocation, again)].join('; then ');
}

/** What comes before the command is repeated: the first thing that a gate asks for, or rows that cannot go back. */
function mend({ gates, obstacles }: WritesResult, invocation: Invocation): string[] {
  if (obstacles.length > 0) return ['mend the rows that are listed above'];
  const open = gates.filter(({ verdict }) => verdict === 'fails' || verdict === 'inconclusive');
  const [first] = open;
  if (first === undefined) return [];
  const command = /`migrate ([^`]+)`/.exec(first.remedy ?? '')?.[1];
  const does = command === undefined ? `what makes ${first.gate} hold` : nextCommand(invocation, command);
  const more = open.slice(1).map(({ gate }) => gate);
  return [`${does}${more.length === 0 ? '' : ` (and what ${more.join(', ')} asks for)`}`];
}

/** Back, where the target has nothing that is asked for. */
function nothingText({ phase }: WritesResult, { namespaces }: WritesRequest, invocation: Invocation): string {
  const { writers, meaning } = PHASE_TABLE[phase];
  const standing = `The phase is ${phase}: ${meaning}.`;
  if (writers !== 'source')
    return [
      `The target has ${namespaces.length > 0 ? 'none of these namespaces' : 'no more than that'}: nothing was changed. ${standing}`,
      `Next: ${nextCommand(invocation, 'status')}`,
    ].join('\n');
  return [
    `The source takes every write already: there is nothing to bring back, and nothing was changed. ${standing}`,
    'What was copied stays on the target. To give the migration up, and take its triggers, guards and logs away from both sides:',
    `Next: ${nextCommand(invocation, 'finish')}`,
  ].join('\n');
}

function text(result: WritesResult, request: WritesRequest, invocation: Invocation): string {
  if (!result.moved && result.gates.length === 0) return nothingText(result, request, invocation);
  const refused = result.gates.some(({ verdict }) => verdict === 'fails' || verdict === 'inconclusive');
  return [
    gatesText(result.gates, invocation),
    ...result.obstacles.map(
      ({ table, columns, reason, rows, keys }) =>
        `${rows === null ? 'Some' : formatCount(rows)} values of ${columns.join(', ')} in ${table} ${reason}${keys.length > 0 ? `; keys: ${keys.join('; ')}` : ''}`,
    ),
    ...stepsText(result, invocation),
    ...(result.moved
      ? movedText(result, request)
      : result.steps !== undefined
        ? ['This was a dry run: nothing was changed.']
        : [
            refused
              ? 'Gates do not hold: nothing was changed. Where you know better: --accept GATE --reason "…"'
              : 'These rows cannot go back: nothing was changed. Mend them on the target first.',
          ]),
    `Next: ${nextText(result, request, invocation)}`,
  ].join('\n\n');
}

function exitOf(result: WritesResult): Outcome['exit'] {
  if (result.moved) return 0;
  if (result.obstacles.length > 0 || result.gates.some(({ verdict }) => verdict === 'fails')) return 1;
  return result.gates.some(({ verdict }) => verdict === 'inconclusive') ? 4 : 0;
}

async function confirmMove(invocation: Invocation, request: WritesRequest): Promise<void> {
  // Nothing is destroyed, and there is a way back: only a person is asked.
  if (request.dryRun || !invocation.isTerminal) return;
  const question =
    request.direction === 'forward'
      ? `Move the writes of ${what(request)} to the target?`
      : `Move writes back to the source${request.namespaces.length > 0 ? `: ${what(request)}` : `, but for ${request.share} % of the namespaces`}?`;
  if (!(await invocation.confirm(question))) throw declined();
}

/** `cutover` and `rollback`: the same steps, mirrored. */
export function moveCommand(invocation: Invocation, direction: MoveDirection): Promise<Outcome> {
  const { config, context } = invocation;
  const accepted = acceptedGates(invocation);
  const aim = aimOf(invocation, direction);
  const access = config.cutover.dryRun ? 'read' : 'write';
  return withDatabases(invocation, { source: access, target: access }, async (sides: Sides) => {
    const plan = await loadPlan(invocation, sides);
    const { logLimit: limitBytes, logPolicy: policy } = config.shim;
    const { dryRun } = config.cutover;
    const tables = movedTables(plan);
    const request: WritesRequest = {
      ...sides,
      ...aim,
      plan,
      tables,
      direction,
      maxPauseMs: config.cutover.maxPause,
      limitBytes,
      policy,
      limits: config.gates,
      connectionReserve: config.connectionReserve,
      reverse: () =>
        dryRun ? reverseFacts(sides.target) : provenFacts({ ...sides, plan, tables }, FRESH_MS, context),
      accepted,
      dryRun,
    };
    await confirmMove(invocation, request);
    const result = await moveWrites(request, context);
    return {
      exit: exitOf(result),
      document: { ...result, ...aim, dryRun: request.dryRun },
      text: text(result, request, invocation),
    };
  });
}
