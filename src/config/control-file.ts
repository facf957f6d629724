import { z } from 'zod';
import type { ThrottleLimits } from '../core/throttle.js';
import { type ConfigFile, type ParsedFile, parseYamlFile } from './file.js';
import { VALUES } from './file-schema.js';
import { throttleFile } from './throttle-values.js';

/** What may be changed while a command runs. What is absent is as the command was started. */
export interface Control {
  readonly pause?: boolean;
  /** Chunks in flight at once. */
  readonly jobs?: number;
  /** Bytes per second; 0: no limit. */
  readonly maxRate?: number;
  readonly throttle?: ThrottleLimits;
}

const SCHEMA = z.strictObject(
  {
    pause: VALUES.yesNo.optional(),
    jobs: VALUES.jobs.optional(),
    maxRate: VALUES.maxRate.optional(),
    throttle: throttleFile.optional(),
  },
  { error: 'expected keys and values' },
);

/** Reads the text of a control file. */
export const parseControlFile = (file: ConfigFile): ParsedFile<Control> =>
  parseYamlFile<Control>(file, SCHEMA);
