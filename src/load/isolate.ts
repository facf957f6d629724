import type { MigrateError } from '../core/errors.js';

/** Why a batch was refused, and which of its rows is to blame where the server could tell. */
export interface Refusal {
  /** 1-based position in the batch. */
  readonly line: number | undefined;
  readonly error: MigrateError;
}

export interface BadRow<R> {
  readonly row: R;
  readonly error: MigrateError;
}

/**
 * Loads all rows but those that the target refuses. `attempt` loads a batch whole, or undoes it and says why not.
 * A batch without the row that the server named is tried again; where it names none, halves are tried until the
 * row stands alone. Stops when `bad` reports more than it wants by throwing.
 */
export async function isolate<R>(
  rows: readonly R[],
  attempt: (batch: readonly R[]) => Promise<Refusal | undefined>,
  bad: (row: BadRow<R>) => void,
): Promise<void> {
  const waiting: (readonly R[])[] = [rows];
  for (let batch = waiting.pop(); batch !== undefined; batch = waiting.pop()) {
    if (batch.length === 0) continue;
    const refusal = await attempt(batch);
    if (refusal === undefined) continue;
    const { line, error } = refusal;
    if (batch.length === 1) {
      bad({ row: batch[0]!, error });
    } else if (line !== undefined && line >= 1 && line <= batch.length) {
      bad({ row: batch[line - 1]!, error });
      waiting.push(batch.toSpliced(line - 1, 1));
    } else {
      const middle = Math.ceil(batch.length / 2);
      // The first half is next: rows keep their order as far as they can.
      waiting.push(batch.slice(middle), batch.slice(0, middle));
    }
  }
}
