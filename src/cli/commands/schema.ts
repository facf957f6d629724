import { MigrateError } from '../../core/errors.js';
import type { Command } from '../frame/command.js';

export const schema: Command = {
  name: 'schema',
  summary: 'Create the planned tables on the target',
  options: ['schemaPhase', 'print', 'reverse'],
  examples: [
    ['migrate schema --print', 'Read the SQL before anything is touched'],
    ['migrate schema --phase before-data', 'Tables alone, without indexes and constraints'],
    ['migrate schema --reverse --print', 'The original schema, for the way back to a single node'],
  ],
  run: () => {
    throw new MigrateError('INTERNAL', { message: 'migrate schema cannot run in this build' });
  },
};
