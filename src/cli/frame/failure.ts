import type { LogFields } from '../../core/context.js';
import { MigrateError } from '../../core/errors.js';
import { redact, redactText } from '../../core/secret.js';

export type StopSignal = 'SIGINT' | 'SIGTERM';

/** 128 + the signal's number, as shells report it. */
export const SIGNAL_EXIT: Readonly<Record<StopSignal, 130 | 143>> = { SIGINT: 130, SIGTERM: 143 };

/** The reason of the abort signal: the command was asked to stop, and ends at its next clean point or, asked again, now. */
export class Interrupted extends MigrateError {
  override readonly exit: number;

  constructor(signal: StopSignal, where = 'at a clean point') {
    super('CANCELLED', { message: `Stopped by ${signal} ${where}`, context: { signal } });
    this.exit = SIGNAL_EXIT[signal];
  }
}

/** Faults of the local file system, by errno; anything else that reaches the frame unforeseen is a bug. */
const DISK_FULL = new Set(['ENOSPC', 'EDQUOT']);
const LOCAL_IO = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'EIO',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EMFILE',
  'ENFILE',
]);

function localFault(error: NodeJS.ErrnoException): MigrateError | undefined {
  const { code, path } = error;
  if (code === undefined) return undefined;
  const where = path === undefined ? '' : `: ${path}`;
  if (DISK_FULL.has(code))
    return new MigrateError('LOCAL_DISK_FULL', { message: `The local disk is full${where}`, cause: error });
  if (LOCAL_IO.has(code) && path !== undefined)
    return new MigrateError('LOCAL_IO', {
      message: `A local file cannot be used (${code})${where}`,
      cause: error,
    });
  return undefined;
}

/**
 * What a command ended with, as the error to report. After an abort whatever the work was torn out of counts as
 * interrupted, except for a bug.
 */
export function toFailure(error: unknown, signal: AbortSignal): MigrateError {
  const interrupted = signal.aborted && signal.reason instanceof Interrupted ? signal.reason : undefined;
  if (error instanceof MigrateError)
    return interrupted !== undefined && error.code !== 'INTERNAL' ? interrupted : error;
  if (error instanceof AggregateError && error.errors.length > 0) return toFailure(error.errors[0], signal);
  if (interrupted !== undefined && error instanceof Error && error.name === 'AbortError') return interrupted;
  if (error instanceof Error) {
    const fault = localFault(error);
    if (fault !== undefined) return interrupted ?? fault;
    return new MigrateError('INTERNAL', { message: `${error.name}: ${error.message}`, cause: error });
  }
  return new MigrateError('INTERNAL', { message: 'Something that is no error was thrown', cause: error });
}

/** The failure with more to know before the command is repeated; as it is where repeating is not the advice. */
export function withAdvice(failure: MigrateError, advice: readonly string[]): MigrateError {
  const continues = failure.exit === 3 || failure instanceof Interrupted;
  if (!continues || advice.length === 0) return failure;
  const { code, message, context, cause, retry } = failure;
  const hint = [failure.hint, ...advice].join(' ');
  return new MigrateError(code, { message, hint, context, cause, retry });
}

/** The field `error` of a result document. */
export function failureDocument(failure: MigrateError): Record<string, unknown> {
  return {
    code: failure.code,
    message: redactText(failure.message),
    hint: redactText(failure.hint),
    context: redact(failure.context),
  };
}

/** What happened, what to do, and the facts; for stderr. The stack only where it was asked for, and only of a bug. */
export function failureText(failure: MigrateError, command: string | undefined, withStack: boolean): string {
  const facts = Object.entries(failure.context)
    // A list that the message spells out already is not repeated.
    .filter(
      ([, value]) => !Array.isArray(value) || !value.every((item) => failure.message.includes(String(item))),
    )
    .map(([key, value]) => `${key}: ${Array.isArray(value) ? value.join(', ') : String(value)}`);
  const lines = [
    titled(failure, command),
    `  What to do: ${failure.hint}`,
    `  (${[failure.code, ...facts].join('; ')})`,
  ];
  if (withStack) lines.push(...stackOf(failure));
  return `${redactText(lines.join('\n'))}\n`;
}

/** The same for a log whose lines are JSON. */
export function failureLog(
  failure: MigrateError,
  command: string | undefined,
  withStack: boolean,
): { message: string; fields: LogFields } {
  const [stack] = withStack ? stackOf(failure) : [];
  const { exit } = failure;
  return {
    message: titled(failure, command),
    fields: {
      exit,
      error: failureDocument(failure),
      ...(stack === undefined ? {} : { stack: redactText(stack) }),
    },
  };
}

const titled = (failure: MigrateError, command: string | undefined): string =>
  `${command === undefined ? 'migrate' : `migrate ${command}`}: ${failure.message}`;

function stackOf(failure: MigrateError): string[] {
  const origin = failure.cause instanceof Error ? failure.cause : failure;
  return failure.exit === 70 && origin.stack !== undefined ? [origin.stack] : [];
}
