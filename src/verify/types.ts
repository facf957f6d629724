import type { Digest } from '../core/digest.js';
import type { TablePlan } from '../core/plan-types.js';

export type Verdict = 'match' | 'mismatch' | 'inconclusive';
export type DiscrepancyKind = 'missing' | 'extra' | 'mismatched' | 'misplaced' | 'divergent';

/** One row (or placement) that is not as it should be. Keys print as text; values never do. */
export interface Discrepancy {
  readonly kind: DiscrepancyKind;
  /** Key column → value as text; null for a table without a key and for a placement. */
  readonly key: Readonly<Record<string, string | null>> | null;
  readonly shardId?: string;
  readonly node?: string;
  /** Columns that differ, for `mismatched`. */
  readonly columns?: readonly string[];
}

export interface ShardResult {
  readonly shardId: string;
  /** Names of the nodes that hold it; the first one was compared with the source. */
  readonly nodes: readonly string[];
  readonly source: Digest;
  readonly target: Digest;
  readonly verdict: Verdict;
}

/** Milliseconds: queries of each side, summed over its connections, and the search for the rows that differ. */
export interface TableDuration {
  readonly source: number;
  readonly target: number;
  readonly drill: number;
}

export interface TableResult {
  readonly table: string;
  readonly placement: TablePlan['placement']['kind'];
  readonly verdict: Verdict;
  readonly source: Digest;
  readonly target: Digest;
  readonly shards: readonly ShardResult[];
  readonly discrepancies: readonly Discrepancy[];
  readonly discrepancyCount: number;
  /** False when counting stopped at the limit: there are at least that many. */
  readonly countComplete: boolean;
  readonly durationMs: TableDuration;
}

export interface SequenceResult {
  readonly sequence: string;
  readonly verdict: Verdict;
  /** The last value given out on the target; null before the first. */
  readonly value: string | null;
  /** What it must have reached: the largest id, and what the source has given out. */
  readonly required: string | null;
}

export interface VerifyResult {
  readonly verdict: Verdict;
  readonly mode: string;
  readonly tables: readonly TableResult[];
  readonly sequences: readonly SequenceResult[];
}
