import type { ErrorCode, Retry } from '../core/error-codes.js';
import { MigrateError } from '../core/errors.js';
import { Secret } from '../core/secret.js';

const SECRET = '$secret';

/** Plain data that a message can carry; the threads of one process may know each other's passwords. */
export function pack(value: unknown): unknown {
  if (value instanceof Secret) return { [SECRET]: value.reveal() };
  if (Array.isArray(value)) return value.map(pack);
  if (value === null || typeof value !== 'object' || value instanceof SharedArrayBuffer) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, pack(part)]));
}

/** What `pack` was given. */
export function unpack<T>(value: unknown): T {
  if (Array.isArray(value)) return value.map((part) => unpack(part)) as T;
  if (value === null || typeof value !== 'object' || value instanceof SharedArrayBuffer) return value as T;
  const parts = Object.entries(value);
  if (parts.length === 1 && parts[0]![0] === SECRET) return new Secret(parts[0]![1]) as T;
  return Object.fromEntries(parts.map(([key, part]) => [key, unpack(part)])) as T;
}

/** An error that crosses threads: the stack of what nobody foresaw goes along. */
export interface PackedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly context: MigrateError['context'];
  readonly retry: Retry;
  readonly stack?: string;
}

export function packError(error: unknown): PackedError {
  if (error instanceof MigrateError) {
    const { code, message, hint, context, retry } = error;
    return { code, message, hint, context, retry };
  }
  const { code, hint, context, retry } = new MigrateError('INTERNAL');
  const stack = error instanceof Error ? error.stack : undefined;
  return { code, message: String(error), hint, context, retry, ...(stack === undefined ? {} : { stack }) };
}

export function unpackError({ code, stack, ...rest }: PackedError): MigrateError {
  const error = new MigrateError(code, rest);
  if (stack !== undefined) error.stack = stack;
  return error;
}
