import { MigrateError } from '../../core/errors.js';
import type { Command } from '../frame/command.js';

export const demo: Command = {
  name: 'demo',
  summary: 'Show the whole path on throw-away databases',
  options: ['rows', 'keep'],
  examples: [
    ['migrate demo', 'Create, plan, export, import and verify 20,000 rows, then clean up'],
    ['migrate demo --rows 200000 --keep', 'More rows; leave the servers running to look around'],
  ],
  run: () => {
    throw new MigrateError('INTERNAL', { message: 'migrate demo cannot run in this build' });
  },
};
