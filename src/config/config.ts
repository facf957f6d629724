import type { Secret } from '../core/secret.js';
import type { ThrottleLimits } from '../core/throttle.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Phase = 'before-data' | 'data' | 'after-data' | 'all';
export type Compression = 'zstd' | 'gzip' | 'none';
/**
 * `counts`: rows are counted, not compared; `digest`: counts and digests per shard, computed where the rows lie;
 * `rows`: every row streams from both sides and is compared here.
 */
export type VerifyMode = 'counts' | 'digest' | 'rows';

/** What the configuration file says about one table; whatever it leaves out, the plan decides. */
export interface TableOverride {
  readonly placement?: 'distributed' | 'reference' | 'local';
  /** Name of an own column to distribute by. */
  readonly distributeBy?: string;
  /** Name of the foreign key through which the distribution column is reached. */
  readonly via?: string;
  /** Column → type on the target. */
  readonly types?: Readonly<Record<string, string>>;
}

/**
 * Everything that a command may ask for: flags over environment over file over defaults, validated. Names of tables
 * and columns are not checked here; the plan knows the catalog.
 */
export interface Config {
  /** Connection string of the single-node database; absent: only the PG* variables could name it. */
  readonly source?: Secret;
  /** Connection string of the Citus coordinator, or of a plain PostgreSQL. */
  readonly target?: Secret;
  /** Path of the plan file. */
  readonly plan: string;
  /** Path of the configuration file that was read. */
  readonly configFile?: string;
  /** Tables to work on, as people write them; empty: all user tables. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Chunks in flight at once. */
  readonly jobs: number;
  /** Someone asked for this number of jobs; else it comes from the machine. */
  readonly jobsGiven: boolean;
  /** By table name. */
  readonly tables: Readonly<Record<string, TableOverride>>;
  /** Column names to distribute by, the first that a table has or reaches. */
  readonly distributionColumn: readonly string[];
  /** `table.constraint` → what to do with that foreign key. */
  readonly foreignKeys: Readonly<Record<string, 'drop' | 'keep'>>;
  /** Source type → target type, for every column of that type. */
  readonly types: Readonly<Record<string, string>>;
  /** Widen serial columns to bigint, so that ids can be generated on workers. */
  readonly widenSerial: boolean;
  /** Shards per distributed table; absent: the cluster's citus.shard_count. */
  readonly shardCount?: number;
  /** Up to both limits a table without a distribution column may become a reference table. */
  readonly reference: { readonly maxRows: number; readonly maxBytes: number };
  /** `host:port` as the cluster knows a node → `host:port` as it is reached from here. */
  readonly nodeAddresses: Readonly<Record<string, string>>;
  readonly export: {
    /** Absent: zstd where the runtime has it, else gzip. */
    readonly compress?: Compression;
    /** Bytes of table data per chunk, before compression. */
    readonly chunkBytes: number;
  };
  readonly verify: {
    readonly mode: VerifyMode;
    /** Discrepant keys listed per table; the count goes on beyond it. */
    readonly maxDiscrepancies: number;
    /** Values of discrepant rows are shown, not their keys alone. */
    readonly showValues: boolean;
    /** Values of the distribution column to compare; empty: all rows. */
    readonly namespaces: readonly string[];
    /** Percent of the rows to compare; absent: all. */
    readonly sample?: number;
    /** File that holds what was measured; empty: beside the plan; absent: nothing is kept. */
    readonly resume?: string;
    /** The source takes writes, and the shim is there: the target is brought to the moment that is compared. */
    readonly live: boolean;
    /** `plan`: write the statements that would mend the target; `apply`: run them. */
    readonly repair?: 'plan' | 'apply';
    readonly repairFile: string;
  };
  /** Limits of the gates before writes move; times in milliseconds. */
  readonly gates: {
    readonly maxLag: number;
    readonly verificationAge: number;
    readonly standbyLag: number;
    readonly standbyLagBytes: number;
    readonly longTransaction: number;
    readonly backupFile?: string;
    readonly restorePoint?: string;
    readonly backupAge: number;
    /** Gate → why it is accepted although it does not hold. */
    readonly accept: Readonly<Record<string, string>>;
  };
  readonly checklist: {
    /** Day of the cut-over, `2026-03-14`. */
    readonly day?: string;
    /** Who plays which part. */
    readonly owners: Readonly<Partial<Record<'lead' | 'database' | 'application' | 'on-call', string>>>;
  };
  readonly queries: {
    /** Statements of the application. */
    readonly file?: string;
    /** Or as many of the source's pg_stat_statements, those first that took most time in all. */
    readonly top?: number;
    /** How often each is timed on each side. */
    readonly runs: number;
    /** Milliseconds that the 95th percentile should keep below: of statements on one shard, and on several. */
    readonly singleShardP95: number;
    readonly crossShardP95: number;
  };
  readonly shim: {
    /** Bytes that the change log may take on the source's disk. */
    readonly logLimit: number;
    /** At the limit: tell the server's log, or stop capturing. */
    readonly logPolicy: 'warn' | 'drop';
  };
  readonly cutover: {
    /** Percent of the namespaces that the target is to own; absent: the command's own. */
    readonly share?: number;
    /** Milliseconds for which writes may be held up. */
    readonly maxPause: number;
    readonly dryRun: boolean;
    /** Gates that need not hold. */
    readonly accept: readonly string[];
    readonly reason?: string;
    /** `rollback`: without the cluster. */
    readonly abandon: boolean;
  };
  readonly log: { readonly level: LogLevel; readonly format: 'text' | 'json' };
  /** Prometheus metrics are served on this port of 127.0.0.1; absent: not at all. */
  readonly metricsPort?: number;
  /** Show bars or lines on stderr. */
  readonly progress: boolean;
  /** One JSON document on stdout instead of text. */
  readonly json: boolean;
  /** Confirmations are answered with yes. */
  readonly yes: boolean;
  /** The data flows from the cluster (`target`) into a single node (`source`). */
  readonly reverse: boolean;
  /** Lanes of a load: straight into the shards, through the coordinator, or `auto`: straight where possible. */
  readonly via: 'auto' | 'direct' | 'coordinator';
  /** What becomes of a row that the target refuses. */
  readonly onBadRow: 'fail' | 'quarantine';
  /** Refused rows above which the load stops after all. */
  readonly maxBadRows: number;
  /** Folder for refused rows. */
  readonly quarantine: string;
  /** maintenance_work_mem of each index build, bytes; absent: what fits the nodes. */
  readonly indexMemory?: number;
  /** `import`, `copy`: seconds without a byte after which a connection that owes an answer is given up. */
  readonly stallSeconds: number;
  /** `export`, `import`, `copy`: pause above these limits. */
  readonly throttle: ThrottleLimits;
  /** Bytes per second; 0: no limit. */
  readonly maxRate: number;
  /** File that is read again while the command runs. */
  readonly control?: string;
  /** Connections that stay free on every node. */
  readonly connectionReserve: number;
  readonly phase: Phase;
  /** `schema`: write the SQL instead of running it. */
  readonly print: boolean;
  /** Empty the target tables first. */
  readonly truncate: boolean;
  /** `export`: the dump directory to write. */
  readonly out?: string;
  /** `import`: the dump directory to read. */
  readonly from?: string;
  /** `verify`: files to write the result to, HTML or Markdown by their ending. */
  readonly reports: readonly string[];
  /** `sync`: stop as soon as no change is left to apply. */
  readonly untilDrained: boolean;
  /** `demo`: rows to generate. */
  readonly rows: number;
  /** `demo`: leave the servers running. */
  readonly keep: boolean;
}
