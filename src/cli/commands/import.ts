import { MigrateError } from '../../core/errors.js';
import type { Command } from '../frame/command.js';

export const importCommand: Command = {
  name: 'import',
  summary: 'Load a dump into the target, then build indexes, constraints and sequences',
  options: ['from', 'phase', 'truncate', 'reverse'],
  required: ['from'],
  examples: [
    ['migrate import --from dump', 'All phases; run it again to continue an interrupted import'],
    ['migrate import --from dump --phase data', 'Rows alone'],
    ['migrate import --from dump --truncate', 'Empty the target tables first; asks for confirmation'],
  ],
  run: () => {
    throw new MigrateError('INTERNAL', { message: 'migrate import cannot run in this build' });
  },
};
