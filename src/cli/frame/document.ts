import type { MigrateError } from '../../core/errors.js';
import { failureDocument } from './failure.js';

export interface DocumentBase {
  /** Absent (null in the document) when the command line was not understood that far. */
  readonly command: string | undefined;
  readonly runId: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** JSON on one line; bigints as decimal strings, for they can pass 2^53. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item));
}

/** The one document of a run: what every document has first, then the command's own fields. */
export function resultDocument(
  base: DocumentBase,
  result: { exit: number; document?: Record<string, unknown>; failure?: MigrateError },
): Record<string, unknown> {
  const head = {
    command: base.command ?? null,
    exit: result.exit,
    runId: base.runId,
    startedAt: new Date(base.startedAt).toISOString(),
    durationMs: Math.max(0, Math.round(base.finishedAt - base.startedAt)),
  };
  const error = result.failure === undefined ? {} : { error: failureDocument(result.failure) };
  return { ...head, ...result.document, ...head, ...error };
}
