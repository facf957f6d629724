import { copyData } from '../../load/copy.js';
import { executeInThreads } from '../../workers/pool.js';
import type { Command } from '../frame/command.js';
import { withDatabases } from '../support/databases.js';
import {
  confirmTruncate,
  indexOptions,
  loadOutcome,
  quarantineOptions,
  truncateOptions,
} from '../support/load-outcome.js';
import { afterPhase } from '../support/next.js';
import { loaded, note } from '../support/note.js';
import { budgetOptions, PACING, withPace } from '../support/pace.js';
import { chooseTables, keepPlan, loadPlan, loadPlanForReturn } from '../support/plan.js';

export const copy: Command = {
  name: 'copy',
  summary: 'Export and import in one stream, without a dump on disk',
  options: [
    'phase',
    'truncate',
    'via',
    'onBadRow',
    'maxBadRows',
    'quarantine',
    'indexMemory',
    'chunkBytes',
    ...PACING,
    'reverse',
  ],
  examples: [
    ['migrate copy', 'Source to target with the plan in migrate.plan.json'],
    ['migrate copy --metrics-port 9187', 'Let Prometheus watch it'],
    ['migrate copy --throttle lag=10s --throttle active=50 --max-rate 50MB', 'Leave room for others'],
    ['migrate copy --reverse', 'From the cluster back into a single node'],
  ],
  run(invocation) {
    const { config } = invocation;
    const { reverse } = config;
    const needs = reverse
      ? ({ source: 'write', target: 'read' } as const)
      : ({ source: 'read', target: 'write' } as const);
    return withDatabases(invocation, needs, async ({ source, target }) => {
      const plan = reverse
        ? await loadPlanForReturn(invocation)
        : await loadPlan(invocation, { source, target });
      const tables = chooseTables(plan, config);
      const reader = reverse ? target : source;
      const writer = reverse ? source : target;
      await confirmTruncate(invocation, writer, plan, tables);
      const request = {
        reader,
        writer,
        plan,
        tables,
        direction: reverse ? ('reverse' as const) : ('forward' as const),
        phase: config.phase,
        truncate: config.truncate,
        ...truncateOptions(invocation),
        chunkBytes: config.export.chunkBytes,
        ...budgetOptions(config),
        via: config.via,
        stallMs: config.stallSeconds * 1000,
        executor: executeInThreads,
        ...indexOptions(config),
        ...quarantineOptions(config),
      };
      const told = reverse ? [] : [source, target];
      await note(invocation, told, { phase: 'copying' });
      return withPace(invocation, { reader, writer }, async (paced, pauses) => {
        const result = await copyData(request, paced);
        await note(invocation, told, loaded('copy', plan, config.phase, result));
        await keepPlan(invocation, plan);
        return loadOutcome(result, pauses(), afterPhase(invocation, 'copy'), invocation);
      });
    });
  },
};
