import type { Finding } from '../core/plan-types.js';

/** What is true of the data today and therefore not part of the plan file. */
export interface PlanReport {
  /** In the order of the plan's tables. */
  readonly tables: readonly TableReport[];
  /** Findings about the data and the servers, beside those of the plan. */
  readonly findings: readonly Finding[];
  /** Connections that the load opens to a node at most, and what the node allows; absent without a target. */
  readonly connections?: { readonly needed: number; readonly available: number };
}

export interface TableReport {
  readonly table: string;
  readonly rows: number;
  /** Whether `rows` was counted, or is the planner's estimate. */
  readonly exact: boolean;
  readonly bytes: number;
  readonly shards: number;
  /** Distributed tables, when counting was allowed. */
  readonly keys?: KeyReport;
}

export interface KeyReport {
  /** Different values of the distribution column. */
  readonly count: number;
  /** Rows without a value. */
  readonly nulls: number;
  /** The largest first, at most five. `ofMean`: its rows against the mean of a shard. */
  readonly largest: readonly { readonly key: string; readonly rows: number; readonly ofMean: number }[];
  /** Rows that every shard will hold, in the order of their hash ranges. */
  readonly shardRows: readonly number[];
}
