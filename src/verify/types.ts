import type { TableShards } from '../citus/shards.js';
import type { Digest } from '../core/digest.js';
import type { TablePlan } from '../core/plan-types.js';
import type { SideExpressions } from './side.js';

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
  /** Column → value as text on each side that has the row; only where values were asked for. */
  readonly values?: Readonly<Record<string, DiscrepantValue>>;
}

export interface DiscrepantValue {
  readonly source?: string | null;
  readonly target?: string | null;
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
  /** Present when only a sample of the rows was compared: a match is one of these rows alone. */
  readonly sampled?: true;
  /** The rows behind the discrepancies, for whoever repairs them; no part of the result document. */
  readonly details?: TableDetails;
}

/** Where a sequence stands on a worker that gives out ids by itself. */
export interface SequenceNodeResult {
  readonly node: string;
  readonly verdict: Verdict;
  readonly value: string | null;
  readonly required: string | null;
}

export interface SequenceResult {
  readonly sequence: string;
  readonly verdict: Verdict;
  /** The last value given out on the single node or coordinator; null before the first. */
  readonly value: string | null;
  /** What it must have reached there: the largest id of its range, and what the other side has given out. */
  readonly required: string | null;
  /** Workers with a range of their own. */
  readonly nodes?: readonly SequenceNodeResult[];
  /** What is wrong, in a sentence. */
  readonly detail?: string;
}

/** A row that breaks a rule: its key and distribution column, and the value that breaks it. */
export interface IntegrityKey {
  /** Null for a table without a key. */
  readonly key: Readonly<Record<string, string | null>> | null;
  /** Foreign key column → value; of a unique rule, its columns. */
  readonly value: Readonly<Record<string, string | null>>;
  readonly shardId: string;
  readonly node: string;
}

/** A rule of the source between rows, as the rows of the checked side keep it. */
export interface IntegrityResult {
  readonly kind: 'foreign' | 'unique';
  readonly table: string;
  readonly constraint: string;
  readonly verdict: Verdict;
  /** Rows that refer to a row which is nowhere. Null: could not be checked, or a unique rule. */
  readonly orphans: number | null;
  /** Unique rules: rows beyond the first of each value. */
  readonly duplicates?: number | null;
  readonly keys: readonly IntegrityKey[];
  /** Why it could not be checked, or what else is to be known. */
  readonly detail?: string;
}

/** A part of the schema that is not as planned, or, with verdict `match`, how many of a kind are. */
export interface SchemaResult {
  /** `column`, `index`, `policy`, …. */
  readonly kind: string;
  /** `index a_b of a`; for a summary its kind in the plural. */
  readonly object: string;
  readonly verdict: Verdict;
  readonly detail: string;
  /** The one shard and node where it is not as on the coordinator. */
  readonly shardId?: string;
  readonly node?: string;
}

/** A part of verification that was not asked for. */
export interface Skipped {
  readonly part: string;
  readonly reason: string;
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
