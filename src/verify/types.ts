import type { TableShards } from '../citus/shards.js';
import type { Digest } from '../core/digest.js';
import type { TablePlan } from '../core/plan-types.js';
import type {
  Discrepancy,
  IntegrityResult,
  SchemaResult,
  SequenceResult,
  Skipped,
  TableDuration,
  Verdict,
} from '../core/verification.js';
import type { SideExpressions } from './side.js';

export interface ShardResult {
  readonly shardId: string;
  /** Names of the nodes that hold it; the first one was compared with the source. */
  readonly nodes: readonly string[];
  readonly source: Digest;
  readonly target: Digest;
  readonly verdict: Verdict;
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
  /** Present when only a sample of the rows was compared: a match is one of these rows alone. */
  readonly sampled?: true;
  /** Why values could not be compared. */
  readonly detail?: string;
  /** The rows behind the discrepancies, for whoever repairs them; no part of the result document. */
  readonly details?: TableDetails;
}

/** One row that takes part in a discrepancy, with all that it takes to write it again. */
export interface RowDetail {
  /** 1-based shard in which it lies; on the source, in which it belongs. */
  readonly bucket: number;
  /** 1-based shard in which it belongs; 0: in none. */
  readonly home: number;
  /** Node on which it was read. */
  readonly node: string;
  readonly key: readonly (string | null)[];
  /** The server's digest of the row: hash_record_extended over its canonical columns. */
  readonly hash: string;
  /** In the order of the plan's columns, as text that the target's types read. */
  readonly values: readonly (string | null)[];
}

export interface TableDetails {
  readonly table: TablePlan;
  readonly shards: TableShards;
  /** 1-based shards whose placements differ from each other. */
  readonly divergent: ReadonlySet<number>;
  /** How the target evaluates a row: `t` is its alias. */
  readonly expressions: SideExpressions;
  readonly source: readonly RowDetail[];
  readonly target: readonly RowDetail[];
}

export interface VerifyResult {
  readonly verdict: Verdict;
  readonly mode: string;
  readonly tables: readonly TableResult[];
  readonly integrity: readonly IntegrityResult[];
  readonly sequences: readonly SequenceResult[];
  readonly schema: readonly SchemaResult[];
  readonly skipped: readonly Skipped[];
  /** Present when only a sample of the rows was compared. */
  readonly sampled?: true;
  /** Sentences that say what was left out. */
  readonly notes?: readonly string[];
}
