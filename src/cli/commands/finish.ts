import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Database } from '../../citus/database.js';
import { formatCount } from '../../core/format.js';
import { type ClosingReport, closingReport, removeTraces } from '../../cutover/finish.js';
import { isTraced } from '../../cutover/nothing-moved.js';
import { migrationStatus, type Reached, readStanding, type SideStanding } from '../../cutover/status.js';
import { isAbandoned } from '../../dualwrite/abandoned.js';
import { writeWhole } from '../../files/write-whole.js';
import type { Command, Invocation, Outcome } from '../frame/command.js';
import { declined } from '../frame/confirm.js';
import { withDatabases } from '../support/databases.js';
import { reach } from '../support/reach.js';

/** A target that is gone. */
const NOTHING: SideStanding = {
  phases: [],
  evidence: [],
  ownership: undefined,
  loaded: new Map(),
  shim: null,
};

function questionOf(report: ClosingReport, target: Reached): string {
  const waiting = 'standing' in target && target.standing.shim;
  const lost =
    report.phase === 'failed' && waiting && waiting !== 'unknown' && waiting.log.changes > 0
      ? ` ${formatCount(waiting.log.changes)} changes that were captured on the cluster and never came back are forgotten: \`migrate rollback --abandon\` lists them.`
      : '';
  const sides = 'standing' in target ? 'both sides' : 'the source (the cluster is not reached)';
  return `Remove shims, guards, ledger and record from ${sides}? Writes stay on the ${report.writes}, and the way back ends here.${lost}`;
}

function textOf(report: ClosingReport, file: string, cleared: boolean): string {
  const idle = report.writes === 'target' ? 'source' : 'target';
  return [
    `The migration is over: writes go to the ${report.writes}, and nothing of it is left on ${cleared ? 'either side' : 'the source'}.`,
    `Its report: ${file} (${formatCount(report.phases.length)} phases, ${formatCount(report.evidence.length)} pieces of evidence).`,
    cleared
      ? `The ${idle} is not guarded any more: take it away from applications before it is forgotten.`
      : 'The cluster was not reached: should it come back, its guards let applications write there. Keep it closed.',
  ].join('\n');
}

async function finishSides(
  invocation: Invocation,
  source: Database,
  target: Database | undefined,
): Promise<Outcome> {
  const { config, context } = invocation;
  const here = await readStanding(source);
  const there: Reached =
    target === undefined ? { unreachable: 'abandoned' } : { standing: await readStanding(target) };
  if (!isTraced(here) && !('standing' in there && isTraced(there.standing))) {
    // The report of a migration that was finished before stays as it is.
    return {
      exit: 0,
      document: { phase: 'planned', report: null },
      text: 'Neither side keeps anything of a migration: there is nothing to remove.',
    };
  }
  const { phase } = migrationStatus({ standing: here }, there, true);
  const report = closingReport(here, 'standing' in there ? there.standing : NOTHING, phase);
  if (!(await invocation.confirm(questionOf(report, there)))) throw declined();
  const file = join(dirname(config.plan), 'migrate.closing.json');
  // Before anything goes: what is removed can be read nowhere else.
  if (phase !== 'completed' || !existsSync(file))
    await writeWhole(file, `${JSON.stringify(report, undefined, 2)}\n`);
  await removeTraces(source, target, report.writes, context);
  return {
    exit: 0,
    document: { ...report, phase: 'completed', report: file, targetCleared: target !== undefined },
    text: textOf(report, file, target !== undefined),
  };
}

/** Whether the cluster was abandoned and is not there: then the source alone is cleared. */
async function isAlone(invocation: Invocation): Promise<boolean> {
  const abandoned = await withDatabases(invocation, { source: 'read' }, ({ source }) => isAbandoned(source));
  if (!abandoned) return false;
  return invocation.config.target === undefined || 'unreachable' in (await reach(invocation, 'target'));
}

export const finish: Command = {
  name: 'finish',
  summary: 'Remove every trace of the migration from both sides, and leave a report',
  options: [],
  examples: [
    ['migrate finish', 'After the days of grace: the way back ends here; asks for confirmation'],
    ['migrate finish -y --json', 'The report as JSON; it is written beside the plan, too'],
  ],
  async run(invocation) {
    if (await isAlone(invocation))
      return withDatabases(invocation, { source: 'write' }, ({ source }) =>
        finishSides(invocation, source, undefined),
      );
    return withDatabases(invocation, { source: 'write', target: 'write' }, ({ source, target }) =>
      finishSides(invocation, source, target),
    );
  },
};
