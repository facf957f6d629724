import { formatCount } from '../../core/format.js';
import { sync as follow, type WayResult } from '../../dualwrite/sync.js';
import type { Command } from '../frame/command.js';
import { withDatabases } from '../support/databases.js';
import { note } from '../support/note.js';
import { withPace } from '../support/pace.js';
import { loadPlan, movedTables } from '../support/plan.js';

export const sync: Command = {
  name: 'sync',
  summary: 'Apply captured changes to the other side until stopped',
  options: ['untilDrained', 'throttle', 'control'],
  examples: [
    ['migrate sync', 'Follow the source; Ctrl-C stops at a clean point, the same command goes on'],
    [
      'migrate sync',
      'After `migrate shim install --reverse` it also brings back what is written on the cluster',
    ],
    ['migrate sync --until-drained', 'Stop as soon as no change is left'],
    ['migrate sync --throttle active=50', 'Make no pass while the servers are busy'],
  ],
  run(invocation) {
    const { config } = invocation;
    return withDatabases(invocation, { source: 'write', target: 'write' }, async ({ source, target }) => {
      const plan = await loadPlan(invocation, { source, target });
      const { untilDrained } = config;
      const request = { source, target, plan, tables: movedTables(plan), untilDrained };
      const result = await withPace(invocation, { reader: source, writer: target }, (paced) =>
        follow(request, paced),
      );
      const { changes, rows, passes, notCaptured, forward, reverse } = result;
      const detail = {
        planHash: plan.planHash,
        drained: result.drained,
        passes,
        changes,
        rows,
        notCaptured,
        forward,
        reverse,
      };
      await note(invocation, [source, target], { evidence: { kind: 'sync', detail } });
      const told = (way: WayResult): string =>
        `${formatCount(way.changes)} changes were applied as ${formatCount(way.rows)} rows.`;
      const lines = [
        ...(forward
          ? [`Nothing is left to apply: the target is what the source was a moment ago. ${told(forward)}`]
          : []),
        ...(reverse
          ? [
              `Nothing is left to bring back: the single node has what was written on the cluster. ${told(reverse)}`,
            ]
          : []),
        ...(notCaptured.length > 0 ? [`Not captured, so not followed: ${notCaptured.join(', ')}.`] : []),
        'Next: migrate verify',
      ];
      return { exit: 0, document: { ...result }, text: lines.join('\n') };
    });
  },
};
