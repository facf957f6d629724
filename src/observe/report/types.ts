import type {
  Discrepancy,
  IntegrityResult,
  SchemaResult,
  SequenceResult,
  Skipped,
  TableDuration,
  Verdict,
} from '../../core/verification.js';

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
  readonly verdict: Verdict;
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
  readonly sequences: readonly SequenceResult[];
  readonly integrity?: readonly IntegrityResult[];
  readonly schema?: readonly SchemaResult[];
  /** Parts that this mode does not look at. */
  readonly skipped?: readonly Skipped[];
  /** A match is one of the rows of the sample alone. */
  readonly sampled?: boolean;
  /** Sentences that say what was left out. */
  readonly notes?: readonly string[];
  readonly repair?: ReportRepair;
}

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
  readonly verdict: Verdict;
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
  readonly discrepancies: readonly Discrepancy[];
  readonly discrepancyCount: number;
  /** False: there are at least that many. */
  readonly countComplete: boolean;
  readonly durationMs: TableDuration;
}

export interface ReportShard extends Judged {
  readonly shardId: string;
  readonly nodes: readonly string[];
  readonly source: ReportSide;
  readonly target: ReportSide;
}

export interface ReportRepair {
  /** `plan`: statements were written to `file`; `apply`: they were run. */
  readonly action: string;
  readonly rows: number;
  readonly applied?: number;
  readonly file?: string;
  readonly refused: readonly unknown[];
}
