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
  readonly integrity?: readonly ReportReference[];
  readonly schema?: readonly ReportObject[];
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
  readonly reason?: string;
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
}

export interface ReportSequence extends Judged {
  readonly sequence: string;
  readonly value: string | null;
  readonly required: string | null;
}

/** A foreign key of the source, checked on the target. */
export interface ReportReference extends Judged {
  readonly constraint: string;
  /** Rows whose referenced row is missing. */
  readonly orphans: string | number;
}

export interface ReportObject extends Judged {
  readonly object: string;
  readonly detail: string | null;
}
