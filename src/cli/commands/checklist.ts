import { existsSync } from 'node:fs';
import type { Plan } from '../../core/plan-types.js';
import { buildChecklist } from '../../cutover/checklist/build.js';
import { type ChecklistFacts, together } from '../../cutover/checklist/facts.js';
import { renderChecklist } from '../../cutover/checklist/markdown.js';
import { checkGates } from '../../cutover/gates/check.js';
import { reverseFacts } from '../../cutover/reverse-facts.js';
import { migrationStatus, type Reached, readStanding } from '../../cutover/status.js';
import { readState } from '../../dualwrite/state.js';
import { readPlan } from '../../plan/plan-file.js';
import type { Command, Invocation } from '../frame/command.js';
import { type Sides, withDatabases } from '../support/databases.js';
import { isAway, reach } from '../support/reach.js';

type Seen = Pick<ChecklistFacts, 'reverse' | 'gates'> & {
  readonly source: Reached;
  readonly target: Reached;
};

async function seeBoth(
  { config, context }: Invocation,
  { source, target }: Sides,
  plan: Plan | undefined,
): Promise<Seen> {
  const { gates: limits, connectionReserve } = config;
  const gates =
    plan &&
    (await checkGates(
      {
        ...{ source, target, plan, limits, connectionReserve },
        direction: 'forward',
        sequences: 'movable',
        reverse: () => reverseFacts(target),
      },
      limits.accept,
      context,
    ));
  return {
    source: { standing: await readStanding(source) },
    target: { standing: await readStanding(target) },
    reverse: (await readState(target.session)) !== undefined,
    ...(gates === undefined ? {} : { gates }),
  };
}

/** Whatever can be reached: without one of the sides there are no gates, and the record of the other still ticks. */
async function see(invocation: Invocation, plan: Plan | undefined): Promise<Seen> {
  try {
    return await withDatabases(invocation, { source: 'read', target: 'read' }, (sides) =>
      seeBoth(invocation, sides, plan),
    );
  } catch (error) {
    if (!isAway(error)) throw error;
    const source = await reach(invocation, 'source');
    return { source, target: await reach(invocation, 'target'), reverse: false };
  }
}

export const checklist: Command = {
  name: 'checklist',
  summary: 'Print the plan of the day, ticked from what is recorded, and the go or no-go page',
  options: [],
  examples: [
    ['migrate checklist > checklist.md', 'Markdown, for a ticket or a printer'],
    ['migrate checklist --json', 'The same for programs: goNoGo.verdict is go, no-go or unknown'],
  ],
  async run(invocation) {
    const { config } = invocation;
    const plan = existsSync(config.plan) ? await readPlan(config.plan) : undefined;
    const { source, target, ...seen } = await see(invocation, plan);
    const standings = [source, target].map((side) => ('standing' in side ? side.standing : undefined));
    const blockers = plan?.findings.filter(({ severity }) => severity === 'blocker') ?? [];
    const facts: ChecklistFacts = {
      ...seen,
      ...together(standings),
      status: migrationStatus(source, target, plan !== undefined),
      ...(plan === undefined
        ? {}
        : { plan: { hash: plan.planHash, blockers: blockers.length, tables: plan.tables.length } }),
    };
    const { day, owners } = config.checklist;
    const { singleShardP95, crossShardP95 } = config.queries;
    const built = buildChecklist(facts, {
      owners,
      limits: { singleShardP95, crossShardP95 },
      ...(day === undefined ? {} : { day }),
    });
    return { exit: 0, document: { ...built }, text: renderChecklist(built) };
  },
};
