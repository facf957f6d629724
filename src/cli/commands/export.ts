import { MigrateError } from '../../core/errors.js';
import type { Command } from '../frame/command.js';

export const exportCommand: Command = {
  name: 'export',
  summary: 'Write one consistent snapshot of the source into a dump directory',
  options: ['out', 'compress', 'chunkBytes', 'restart', 'reverse'],
  required: ['out'],
  examples: [
    ['migrate export --out dump', 'Every planned table; run it again to continue an interrupted export'],
    ['migrate export --out dump --jobs 8 --chunk-bytes 256MB', 'Fewer, larger chunks, eight at a time'],
    ['migrate export --out dump --tables orders,audit.log --compress none', 'Two tables, uncompressed'],
  ],
  run: () => {
    throw new MigrateError('INTERNAL', { message: 'migrate export cannot run in this build' });
  },
};
