import { VALUES } from '../file-schema.js';
import { define } from './spec.js';

/** What is read from the source, and where it lies on disk. */
export const DUMP = define({
  out: {
    flag: 'out',
    key: 'out',
    kind: 'text',
    value: VALUES.directory,
    placeholder: 'DIR',
    describe: 'Dump directory to write',
  },
  from: {
    flag: 'from',
    key: 'from',
    kind: 'text',
    value: VALUES.directory,
    placeholder: 'DIR',
    describe: 'Dump directory to read',
  },
  compress: {
    flag: 'compress',
    key: 'export.compress',
    kind: 'text',
    value: VALUES.compress,
    placeholder: 'CODEC',
    choices: VALUES.compress.options,
    describe: 'Compression of chunk files',
    shownDefault: 'zstd where Node.js has it, else gzip',
  },
  chunkBytes: {
    flag: 'chunk-bytes',
    key: 'export.chunkBytes',
    kind: 'text',
    value: VALUES.chunkBytes,
    placeholder: 'SIZE',
    describe: 'Table data per chunk, e.g. 64MB',
    shownDefault: '64MB',
  },
});
