import { MigrateError } from '../../core/errors.js';
import type { Command } from '../frame/command.js';

export const verify: Command = {
  name: 'verify',
  summary: 'Compare source and target: rows and digests per shard',
  options: ['mode', 'maxDiscrepancies', 'reverse'],
  examples: [
    ['migrate verify', 'Exit code 0: everything matches; 1: differences; 4: something could not be compared'],
    ['migrate verify --mode rows', 'Counts alone'],
    ['migrate verify --json --max-discrepancies 1000', 'Up to 1000 discrepant keys per table as JSON'],
  ],
  run: () => {
    throw new MigrateError('INTERNAL', { message: 'migrate verify cannot run in this build' });
  },
};
