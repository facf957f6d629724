/** What verification says of something, in the result document and in its reports alike. */
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

/** Milliseconds: queries of each side, summed over its connections, and the search for the rows that differ. */
export interface TableDuration {
  readonly source: number;
  readonly target: number;
  readonly drill: number;
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
