import { MigrateError } from '../../core/errors.js';
import type { Command } from '../frame/command.js';
import { abandonCluster } from '../support/abandon.js';
import { moveCommand } from '../support/writes.js';

export const rollback: Command = {
  name: 'rollback',
  summary: 'Move writes back to the source, with every change made meanwhile',
  options: ['dryRun', 'share', 'namespaces', 'maxPause', 'accept', 'reason', 'abandon'],
  examples: [
    ['migrate rollback --dry-run', 'What cannot go back, every gate, and every step with its SQL'],
    ['migrate rollback', 'Everything; what was written on the target comes along'],
    ['migrate rollback --share 10', 'Leave a tenth of the namespaces on the target'],
    ['migrate rollback --abandon', 'The cluster is gone: open the source without it; asks for confirmation'],
    ['migrate rollback --abandon', 'Once more when nodes are back: what had not come back, key by key'],
  ],
  run(invocation) {
    const { abandon: alone, dryRun, share } = invocation.config.cutover;
    if (!alone) return moveCommand(invocation, 'reverse');
    if (dryRun || share !== undefined || invocation.flags.namespaces !== undefined) {
      throw new MigrateError('USAGE', {
        message: '--abandon opens the source for everything, and stands alone',
        hint: 'Leave the other options out.',
      });
    }
    return abandonCluster(invocation);
  },
};
