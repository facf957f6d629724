import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatCount } from '../../core/format.js';
import { closingReport, removeTraces } from '../../cutover/finish.js';
import { migrationStatus, readStanding } from '../../cutover/status.js';
import { writeWhole } from '../../files/write-whole.js';
import type { Command } from '../frame/command.js';
import { declined } from '../frame/confirm.js';
import { withDatabases } from '../support/databases.js';

export const finish: Command = {
  name: 'finish',
  summary: 'Remove every trace of the migration from both sides, and leave a report',
  options: [],
  examples: [
    ['migrate finish', 'After the days of grace: the way back ends here; asks for confirmation'],
    ['migrate finish -y --json', 'The report as JSON; it is written beside the plan, too'],
  ],
  run(invocation) {
    const { config, context } = invocation;
    return withDatabases(invocation, { source: 'write', target: 'write' }, async ({ source, target }) => {
      const [here, there] = [await readStanding(source), await readStanding(target)];
      const { phase } = migrationStatus({ standing: here }, { standing: there }, true);
      const report = closingReport(here, there, phase);
      const question = `Remove shims, guards, ledger and record from both sides? Writes stay on the ${report.writes}, and the way back ends here.`;
      if (!(await invocation.confirm(question))) throw declined();
      const file = join(dirname(config.plan), 'migrate.closing.json');
      // Before anything goes: what is removed can be read nowhere else.
      if (phase !== 'completed' || !existsSync(file))
        await writeWhole(file, `${JSON.stringify(report, undefined, 2)}\n`);
      await removeTraces(source, target, report.writes, context);
      return {
        exit: 0,
        document: { ...report, phase: 'completed', report: file },
        text: [
          `The migration is over: writes go to the ${report.writes}, and nothing of it is left on either side.`,
          `Its report: ${file} (${formatCount(report.phases.length)} phases, ${formatCount(report.evidence.length)} pieces of evidence).`,
          `The ${report.writes === 'target' ? 'source' : 'target'} is not guarded any more: take it away from applications before it is forgotten.`,
        ].join('\n'),
      };
    });
  },
};
