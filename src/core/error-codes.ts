import { ANSWER_ERRORS } from './error-codes/answer.js';
import { CUTOVER_ERRORS } from './error-codes/cutover.js';
import { PLAN_AND_DUMP_ERRORS } from './error-codes/data.js';
import type { ErrorEntry } from './error-codes/entry.js';
import { LOAD_ERRORS } from './error-codes/load.js';
import { OWNERSHIP_ERRORS } from './error-codes/ownership.js';
import { SERVER_ERRORS } from './error-codes/server.js';
import { USAGE_ERRORS } from './error-codes/usage.js';

export type { ErrorEntry, Retry } from './error-codes/entry.js';

/**
 * Every error that a command can end with. docs/errors.md is generated from it; a code, once released, keeps
 * its meaning.
 */
export const ERROR_CODES = {
  ...USAGE_ERRORS,
  ...SERVER_ERRORS,
  ...PLAN_AND_DUMP_ERRORS,
  ...LOAD_ERRORS,
  ...OWNERSHIP_ERRORS,
  ...CUTOVER_ERRORS,
  ...ANSWER_ERRORS,
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;
