/**
 * The result document of `verify` as scripts read it, as far as a report shows it: counts are decimal strings. The
 * fields that are optional here are shown when they are there.
 */
export interface VerifyDocument {
  readonly exit: number;
  readonly runId: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly verdict: ReportVerdict;
  /** `counts`: rows were counted, not compared. */
  readonly mode: string;
  /** `reverse`: from the cluster back into a single node. */
  readonly direction: string;
  readonly planHash: string;
  /** Tables of the plan, compared or not. */
  readonly tablesPlanned: number;
  readonly versions: ReportVersions;
  /** `host:port/database` of each side. */
  readonly servers: { readonly source: string; readonly target: string };
  readonly tables: readonly ReportTable[];
  readonly sequences: readonly ReportSequence[];
  readonly integrity?: readonly ReportRule[];
  readonly schema?: readonly ReportObject[];
  /** Parts that this mode does not look at. */
  readonly skipped?: readonly { readonly part: string; readonly reason: string }[];
  /** A match is one of the rows of the sample alone. */
  readonly sampled?: boolean;
  /** Sentences that say what was left out. */
  readonly notes?: readonly string[];
  readonly repair?: ReportRepair;
}

export type ReportVerdict = 'match' | 'mismatch' | 'inconclusive';

export interface ReportVersions {
  readonly migrate: string;
  /** PostgreSQL of each side. */
  readonly source: string;
  readonly target: string;
  /** The Citus extension of the target; null where the target is a plain PostgreSQL. */
  readonly citus: string | null;
}

/** What has a verdict may say why it is not a match. */
interface Judged {
  readonly verdict: ReportVerdict;
  readonly detail?: string;
}

export interface ReportSide {
  readonly rows: string;
  readonly digest: string;
}

export interface ReportTable extends Judged {
  readonly table: string;
  readonly placement: string;
  readonly source: ReportSide;
  readonly target: ReportSide;
  readonly shards: readonly ReportShard[];
  readonly discrepancies: readonly ReportDiscrepancy[];
  readonly discrepancyCount: number;
  /** False: there are at least that many. */
  readonly countComplete: boolean;
  /** Milliseconds; `source` and `target` are summed over connections. */
  readonly durationMs: { readonly source: number; readonly target: number; readonly drill: number };
}

export interface ReportShard extends Judged {
  readonly shardId: string;
  readonly nodes: readonly string[];
  readonly source: ReportSide;
  readonly target: ReportSide;
}

export interface ReportDiscrepancy {
  readonly kind: string;
  readonly key: Readonly<Record<string, string | null>> | null;
  readonly shardId?: string;
  readonly node?: string;
  readonly columns?: readonly string[];
  /** Column → value on each side that has the row; only where values were asked for. */
  readonly values?: Readonly<
    Record<string, { readonly source?: string | null; readonly target?: string | null }>
  >;
}

interface SequencePoint extends Judged {
  readonly value: string | null;
  readonly required: string | null;
}

export interface ReportSequence extends SequencePoint {
  readonly sequence: string;
  /** Workers that give out ids of a range of their own. */
  readonly nodes?: readonly (SequencePoint & { readonly node: string })[];
}

/** A foreign key of the source, or a unique rule that the cluster cannot keep by itself. */
export interface ReportRule extends Judged {
  readonly kind: string;
  readonly table: string;
  readonly constraint: string;
  /** Rows that refer to nothing; null: not known, or a unique rule. */
  readonly orphans: string | number | null;
  /** Rows beyond the first of each value. */
  readonly duplicates?: string | number | null;
  readonly keys: readonly ReportRuleKey[];
}

export interface ReportRuleKey {
  readonly key: Readonly<Record<string, string | null>> | null;
  /** What refers to nothing, or is there twice. */
  readonly value: Readonly<Record<string, string | null>>;
  readonly shardId: string;
  readonly node: string;
}

/** A part of the schema that is not as planned; with verdict `match` how many of a kind are. */
export interface ReportObject extends Judged {
  readonly object: string;
}

export interface ReportRepair {
  /** `plan`: statements were written to `file`; `apply`: they were run. */
  readonly action: string;
  readonly rows: number;
  readonly applied?: number;
  readonly file?: string;
  readonly refused: readonly unknown[];
}
