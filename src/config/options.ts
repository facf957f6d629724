import { CUTOVER } from './options/cutover.js';
import { DEMO } from './options/demo.js';
import { DUMP } from './options/dump.js';
import { EVERYWHERE as COMMON } from './options/everywhere.js';
import { FOLLOW } from './options/follow.js';
import { LOAD } from './options/load.js';
import { PACE } from './options/pace.js';
import { QUERIES } from './options/queries.js';
import type { OptionSpec } from './options/spec.js';
import { VERIFY } from './options/verify.js';

export type { OptionKind, OptionSpec } from './options/spec.js';

/** Every option of every command: flags, help, completion, validation and messages are read from here. */
export const OPTIONS = {
  ...COMMON,
  ...DUMP,
  ...LOAD,
  ...PACE,
  ...VERIFY,
  ...QUERIES,
  ...FOLLOW,
  ...CUTOVER,
  ...DEMO,
};

export type OptionName = keyof typeof OPTIONS;

/** The options that every command takes, in the order in which help lists them. */
export const EVERYWHERE = (Object.keys(OPTIONS) as OptionName[]).filter(
  (name) => (OPTIONS[name] as OptionSpec).everywhere === true,
);
