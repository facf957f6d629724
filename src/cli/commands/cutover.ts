import type { Command } from '../frame/command.js';
import { moveCommand } from '../support/writes.js';

export const cutover: Command = {
  name: 'cutover',
  summary: 'Check every gate, then move writes to the target',
  options: ['dryRun', 'share', 'namespaces', 'maxPause', 'accept', 'reason', 'logLimit', 'logPolicy'],
  examples: [
    ['migrate cutover --dry-run', 'Every gate, and every step with its SQL; nothing is changed'],
    ['migrate cutover --share 10', 'A tenth of the namespaces; then --share 50, then --share 100'],
    ['migrate cutover --namespaces acme,initech', 'These two alone'],
    ['migrate cutover --max-pause 3s', 'Rather cancel than hold writes up for longer'],
    ['migrate cutover --accept disk --reason "200 GB free on every node"', 'Go on all the same, on record'],
  ],
  run: (invocation) => moveCommand(invocation, 'forward'),
};
