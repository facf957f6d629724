import { setTimeout as pause } from 'node:timers/promises';
import type { Pool, QueryResult } from 'pg';
import { type Difference, differenceOf } from './differences.js';

/** What may be read twice: the rest is not shadowed. A SELECT that writes after all is refused where it is repeated. */
const READS = /^(?:\s|--.*\n|\/\*[\s\S]*?\*\/)*(?:SELECT|WITH|VALUES|TABLE)\b/i;
const READ_ONLY = '25006';

/**
 * Pauses before two answers that differ are read again, ms: the other side follows a moment behind, and what it has
 * after that is no difference.
 */
const RECHECKS_MS = [250, 2000];

export interface ShadowDifference extends Difference {
  readonly namespace: string | null;
  /** The statement, without its values. */
  readonly text: string;
}

export interface ShadowCounts {
  /** Reads that both sides answered alike. */
  readonly equal: number;
  readonly different: number;
  /** Reads that the other side could not answer. */
  readonly failed: number;
  /** Reads that were not repeated, because as many as allowed were under way. */
  readonly skipped: number;
}

export interface ShadowOptions {
  /** Repeated reads at one time. */
  readonly most: number;
  readonly onDifference: (difference: ShadowDifference) => void;
  readonly onError: (error: Error) => void;
}

export interface ShadowRead {
  readonly namespace: string | null;
  readonly text: string;
  readonly values: readonly unknown[] | undefined;
  readonly answer: QueryResult;
  /** Who has answered, and whom to compare with. */
  readonly owner: Pool;
  readonly other: Pool;
}

export const isRead = (text: string): boolean => READS.test(text);

/** Repeats reads on the other side, behind the application's back: it waits for none, and no failure reaches it. */
export class Shadow {
  readonly #running = new Set<Promise<void>>();
  readonly #counts = { equal: 0, different: 0, failed: 0, skipped: 0 };

  constructor(private readonly options: ShadowOptions) {}

  get counts(): ShadowCounts {
    return { ...this.#counts };
  }

  compare(read: ShadowRead): void {
    if (this.#running.size >= this.options.most) {
      this.#counts.skipped += 1;
      return;
    }
    const running = this.#compare(read)
      .catch((error: Error & { code?: string }) => {
        // It was no read.
        if (error.code === READ_ONLY) this.#counts.skipped += 1;
        else {
          this.#counts.failed += 1;
          this.options.onError(error);
        }
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Waits for the comparisons under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #compare({ namespace, text, values, answer, owner, other }: ShadowRead): Promise<void> {
    const columns = answer.fields.map(({ name }) => name);
    const read = (pool: Pool): Promise<QueryResult> => readOnly(pool, text, values);
    let difference = differenceOf(columns, answer.rows, (await read(other)).rows);
    for (const pauseMs of RECHECKS_MS) {
      if (difference === undefined) break;
      await pause(pauseMs);
      const again = await read(owner);
      difference = differenceOf(columns, again.rows, (await read(other)).rows);
    }
    if (difference === undefined) {
      this.#counts.equal += 1;
      return;
    }
    this.#counts.different += 1;
    this.options.onDifference({ namespace, text, ...difference });
  }
}

async function readOnly(
  pool: Pool,
  text: string,
  values: readonly unknown[] | undefined,
): Promise<QueryResult> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN TRANSACTION READ ONLY');
    return await client.query(text, values as unknown[]);
  } finally {
    // A connection that cannot be rolled back is not given back.
    await client.query('ROLLBACK').then(
      () => client.release(),
      (error: Error) => client.release(error),
    );
  }
}
