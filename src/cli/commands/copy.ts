import { copyData } from '../../load/copy.js';
import { executeInThreads } from '../../workers/pool.js';
import type { Command } from '../frame/command.js';
import { withDatabases } from '../support/databases.js';
import { confirmTruncate, DECLINED, loadOutcome, quarantineOptions } from '../support/load-outcome.js';
import { chooseTables, loadPlan, loadPlanForReturn } from '../support/plan.js';

export const copy: Command = {
  name: 'copy',
  summary: 'Export and import in one stream, without a dump on disk',
  options: ['phase', 'truncate', 'via', 'onBadRow', 'maxBadRows', 'quarantine', 'chunkBytes', 'reverse'],
  examples: [
    ['migrate copy', 'Source to target with the plan in migrate.plan.json'],
    ['migrate copy --metrics-port 9187', 'Let Prometheus watch it'],
    ['migrate copy --reverse', 'From the cluster back into a single node'],
  ],
  run(invocation) {
    const { config, context } = invocation;
    const { reverse } = config;
    const needs = reverse
      ? ({ source: 'write', target: 'read' } as const)
      : ({ source: 'read', target: 'write' } as const);
    return withDatabases(invocation, needs, async ({ source, target }) => {
      const plan = reverse
        ? await loadPlanForReturn(invocation)
        : await loadPlan(invocation, { source, target });
      const tables = chooseTables(plan, config);
      if (!(await confirmTruncate(invocation, tables, reverse ? 'source' : 'target'))) return DECLINED;
      const result = await copyData(
        {
          reader: reverse ? target : source,
          writer: reverse ? source : target,
          plan,
          tables,
          direction: reverse ? 'reverse' : 'forward',
          phase: config.phase,
          truncate: config.truncate,
          chunkBytes: config.export.chunkBytes,
          jobs: config.jobs,
          via: config.via,
          stallMs: config.stallSeconds * 1000,
          executor: executeInThreads,
          ...quarantineOptions(config),
        },
        context,
      );
      return loadOutcome(result, `migrate verify${reverse ? ' --reverse' : ''}`, invocation);
    });
  },
};
