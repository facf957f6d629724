import { ERROR_CODES, type ErrorCode, type Retry } from './error-codes.js';

export interface MigrateErrorOptions {
  /** What happened here, in one sentence, without row values and secrets. */
  message?: string;
  /** What to do here; the registry's advice when left out. */
  hint?: string;
  /** Facts for the reader: table, chunk, node, constraint. Never row values. */
  context?: Record<string, string | number | boolean | readonly string[]>;
  cause?: unknown;
  retry?: Retry;
}

/** An outcome that stops a command. `code` is stable and documented in docs/errors.md. */
export class MigrateError extends Error {
  readonly code: ErrorCode;
  readonly area: string;
  readonly exit: number;
  readonly retry: Retry;
  readonly hint: string;
  readonly context: NonNullable<MigrateErrorOptions['context']>;

  constructor(code: ErrorCode, options: MigrateErrorOptions = {}) {
    const entry = ERROR_CODES[code];
    super(options.message ?? entry.what, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MigrateError';
    this.code = code;
    this.area = entry.area;
    this.exit = entry.exit;
    this.retry = options.retry ?? entry.retry;
    this.hint = options.hint ?? entry.advice;
    this.context = options.context ?? {};
  }
}

/** Thrown where `signal` was honoured at a clean point; the reason names the signal. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortReason(signal);
}

/** The error that a cancelled unit of work ends with: the abort reason itself when it is an error. */
export function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error
    ? signal.reason
    : new MigrateError('CANCELLED', { cause: signal.reason });
}
