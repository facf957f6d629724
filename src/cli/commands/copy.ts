import { MigrateError } from '../../core/errors.js';
import type { Command } from '../frame/command.js';

export const copy: Command = {
  name: 'copy',
  summary: 'Export and import in one stream, without a dump on disk',
  options: ['phase', 'truncate', 'reverse'],
  examples: [
    ['migrate copy', 'Source to target with the plan in migrate.plan.json'],
    ['migrate copy --metrics-port 9187', 'Let Prometheus watch it'],
    ['migrate copy --reverse', 'From the cluster back into a single node'],
  ],
  run: () => {
    throw new MigrateError('INTERNAL', { message: 'migrate copy cannot run in this build' });
  },
};
