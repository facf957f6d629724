import type { Database } from '../../citus/database.js';
import type { Plan } from '../../core/plan-types.js';
import { writeWhole } from '../../files/write-whole.js';
import { renderMarkdown } from '../../observe/report/markdown.js';
import { renderPage } from '../../observe/report/page.js';
import type { VerifyDocument } from '../../observe/report/types.js';
import type { Invocation, Outcome } from '../frame/command.js';
import type { Sides } from './databases.js';
import { movedTables } from './plan.js';

/** The fields of a result document that say what was compared, and with what. */
export function comparedWhat({ config, version }: Invocation, { source, target }: Sides, plan: Plan) {
  return {
    direction: config.reverse ? 'reverse' : 'forward',
    planHash: plan.planHash,
    tablesPlanned: movedTables(plan).length,
    versions: {
      migrate: version,
      source: source.facts.version,
      target: target.facts.version,
      citus: target.facts.citus,
    },
    servers: { source: address(source), target: address(target) },
  };
}

const address = ({ head, facts }: Database): string => `${head.name}/${facts.database}`;

/** Writes the files of --report from the finished document. Nothing when none is asked for. */
export function keepReports({ config, context }: Invocation): Pick<Outcome, 'keep'> {
  if (config.reports.length === 0) return {};
  return {
    async keep(document) {
      const result = document as unknown as VerifyDocument;
      for (const file of config.reports) {
        await writeWhole(file, /\.md$/i.test(file) ? renderMarkdown(result) : renderPage(result), {
          mode: 0o644,
        });
        context.log.info('Report written', { file });
      }
    },
  };
}
