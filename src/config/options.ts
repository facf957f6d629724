import type { z } from 'zod';
import { VALUES } from './file-schema.js';

/**
 * `flag`: stands alone; `text`: takes a value; `number`: takes a value of digits; `list`: takes names separated by
 * commas and may be repeated.
 */
export type OptionKind = 'flag' | 'text' | 'number' | 'list';

export interface OptionSpec {
  /** Without dashes; default: the option's own name. */
  readonly flag: string;
  readonly alias?: string;
  readonly env?: string;
  /** Where the value lands in Config, as a dotted path; the same path names it in the configuration file. */
  readonly key: string;
  readonly kind: OptionKind;
  readonly value: z.ZodType;
  /** What stands for the value in help. */
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  readonly describe: string;
  /** Default as help shows it. */
  readonly shownDefault?: string;
  /** Every command takes it. */
  readonly everywhere?: true;
}

const define = <const T extends Record<string, OptionSpec>>(table: T): T => table;

/** Every option of every command: flags, help, completion, validation and messages are read from here. */
export const OPTIONS = define({
  source: {
    flag: 'source',
    env: 'MIGRATE_SOURCE_URL',
    key: 'source',
    kind: 'text',
    value: VALUES.source,
    placeholder: 'URL',
    describe: 'The single-node database; PG* variables and ~/.pgpass fill in what it leaves out',
    everywhere: true,
  },
  target: {
    flag: 'target',
    env: 'MIGRATE_TARGET_URL',
    key: 'target',
    kind: 'text',
    value: VALUES.target,
    placeholder: 'URL',
    describe: 'The Citus coordinator, or a plain PostgreSQL',
    everywhere: true,
  },
  config: {
    flag: 'config',
    env: 'MIGRATE_CONFIG',
    key: 'configFile',
    kind: 'text',
    value: VALUES.plan,
    placeholder: 'FILE',
    describe: 'Configuration file',
    shownDefault: 'migrate.config.yaml when it exists',
    everywhere: true,
  },
  plan: {
    flag: 'plan',
    key: 'plan',
    kind: 'text',
    value: VALUES.plan,
    placeholder: 'FILE',
    describe: 'Plan file',
    shownDefault: 'migrate.plan.json',
    everywhere: true,
  },
  tables: {
    flag: 'tables',
    key: 'include',
    kind: 'list',
    value: VALUES.names,
    placeholder: 'a,b.c',
    describe: 'Only these tables',
    shownDefault: 'all user tables',
    everywhere: true,
  },
  exclude: {
    flag: 'exclude',
    key: 'exclude',
    kind: 'list',
    value: VALUES.names,
    placeholder: 'a,b.c',
    describe: 'Not these tables',
    everywhere: true,
  },
  jobs: {
    flag: 'jobs',
    key: 'jobs',
    kind: 'number',
    value: VALUES.jobs,
    placeholder: 'N',
    describe: 'Parallel chunks',
    shownDefault: 'from the machine',
    everywhere: true,
  },
  json: {
    flag: 'json',
    key: 'json',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Exactly one JSON document on stdout, also on failure',
    everywhere: true,
  },
  progress: {
    flag: 'progress',
    key: 'progress',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Show progress on stderr; --no-progress turns it off',
    shownDefault: 'true',
    everywhere: true,
  },
  logLevel: {
    flag: 'log-level',
    key: 'log.level',
    kind: 'text',
    value: VALUES.logLevel,
    placeholder: 'LEVEL',
    choices: VALUES.logLevel.options,
    describe: 'Least important log lines to write',
    shownDefault: 'info',
    everywhere: true,
  },
  logFormat: {
    flag: 'log-format',
    key: 'log.format',
    kind: 'text',
    value: VALUES.logFormat,
    placeholder: 'FORMAT',
    choices: VALUES.logFormat.options,
    describe: 'Log lines for people or for programs, on stderr',
    shownDefault: 'text',
    everywhere: true,
  },
  metricsPort: {
    flag: 'metrics-port',
    key: 'metricsPort',
    kind: 'number',
    value: VALUES.metricsPort,
    placeholder: 'N',
    describe: 'Serve Prometheus metrics on 127.0.0.1:N/metrics while the command runs',
    everywhere: true,
  },
  yes: {
    flag: 'yes',
    alias: 'y',
    key: 'yes',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Answer the confirmation of a destructive command with yes',
    everywhere: true,
  },
  reverse: {
    flag: 'reverse',
    key: 'reverse',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'The other way: from the cluster (--target) into a single node (--source)',
  },
  via: {
    flag: 'via',
    key: 'via',
    kind: 'text',
    value: VALUES.via,
    placeholder: 'LANE',
    choices: VALUES.via.options,
    describe: 'Load straight into the shards, through the coordinator, or whichever is possible',
    shownDefault: 'auto',
  },
  onBadRow: {
    flag: 'on-bad-row',
    key: 'onBadRow',
    kind: 'text',
    value: VALUES.onBadRow,
    placeholder: 'POLICY',
    choices: VALUES.onBadRow.options,
    describe: 'A row that the target refuses stops the load, or is set aside',
    shownDefault: 'fail',
  },
  maxBadRows: {
    flag: 'max-bad-rows',
    key: 'maxBadRows',
    kind: 'number',
    value: VALUES.maxBadRows,
    placeholder: 'N',
    describe: 'Refused rows that are set aside before the load stops after all',
    shownDefault: '1000',
  },
  quarantine: {
    flag: 'quarantine',
    key: 'quarantine',
    kind: 'text',
    value: VALUES.directory,
    placeholder: 'DIR',
    describe: 'Where refused rows are set aside',
    shownDefault: 'migrate.quarantine',
  },
  phase: {
    flag: 'phase',
    key: 'phase',
    kind: 'text',
    value: VALUES.phase,
    placeholder: 'PHASE',
    choices: VALUES.phase.options,
    describe: 'Only this phase',
    shownDefault: 'all',
  },
  schemaPhase: {
    flag: 'phase',
    key: 'phase',
    kind: 'text',
    value: VALUES.schemaPhase,
    placeholder: 'PHASE',
    choices: VALUES.schemaPhase.options,
    describe: 'Only what comes before or after the data',
    shownDefault: 'all',
  },
  print: {
    flag: 'print',
    key: 'print',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Write the SQL to stdout and touch nothing',
  },
  out: {
    flag: 'out',
    key: 'out',
    kind: 'text',
    value: VALUES.directory,
    placeholder: 'DIR',
    describe: 'Dump directory to write',
  },
  from: {
    flag: 'from',
    key: 'from',
    kind: 'text',
    value: VALUES.directory,
    placeholder: 'DIR',
    describe: 'Dump directory to read',
  },
  compress: {
    flag: 'compress',
    key: 'export.compress',
    kind: 'text',
    value: VALUES.compress,
    placeholder: 'CODEC',
    choices: VALUES.compress.options,
    describe: 'Compression of chunk files',
    shownDefault: 'zstd where Node.js has it, else gzip',
  },
  chunkBytes: {
    flag: 'chunk-bytes',
    key: 'export.chunkBytes',
    kind: 'text',
    value: VALUES.chunkBytes,
    placeholder: 'SIZE',
    describe: 'Table data per chunk, e.g. 64MB',
    shownDefault: '64MB',
  },
  truncate: {
    flag: 'truncate',
    key: 'truncate',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Empty the target tables first (asks for confirmation)',
  },
  mode: {
    flag: 'mode',
    key: 'verify.mode',
    kind: 'text',
    value: VALUES.verifyMode,
    placeholder: 'MODE',
    choices: VALUES.verifyMode.options,
    describe: 'Compare row counts alone, digests per shard, or every row as it streams from both sides',
    shownDefault: 'digest',
  },
  maxDiscrepancies: {
    flag: 'max-discrepancies',
    key: 'verify.maxDiscrepancies',
    kind: 'number',
    value: VALUES.maxDiscrepancies,
    placeholder: 'N',
    describe: 'Discrepant keys to list per table',
    shownDefault: '100',
  },
  report: {
    flag: 'report',
    key: 'reports',
    kind: 'list',
    value: VALUES.reports,
    placeholder: 'FILE',
    describe: 'Also write the result as a page (.html) or for a ticket (.md); may be repeated',
  },
  showValues: {
    flag: 'show-values',
    key: 'verify.showValues',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Show the values of discrepant rows too, not their keys alone',
  },
  namespaces: {
    flag: 'namespaces',
    key: 'verify.namespaces',
    kind: 'list',
    value: VALUES.namespaces,
    placeholder: 'a,b',
    describe: 'Only the rows of these tenants: values of the distribution column',
  },
  sample: {
    flag: 'sample',
    key: 'verify.sample',
    kind: 'text',
    value: VALUES.sample,
    placeholder: 'N%',
    describe: 'Compare a share of the rows, always the same by their keys',
  },
  resume: {
    flag: 'resume',
    key: 'verify.resume',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Keep what an earlier run measured, as far as neither side has changed since',
  },
  repair: {
    flag: 'repair',
    key: 'verify.repair',
    kind: 'text',
    value: VALUES.repair,
    placeholder: 'plan|apply',
    choices: VALUES.repair.options,
    describe: 'Write the statements that mend the target, or run them (asks for confirmation)',
  },
  repairFile: {
    flag: 'repair-file',
    key: 'verify.repairFile',
    kind: 'text',
    value: VALUES.file,
    placeholder: 'FILE',
    describe: 'Where --repair plan writes its statements',
    shownDefault: 'migrate.repair.sql',
  },
  rows: {
    flag: 'rows',
    key: 'rows',
    kind: 'number',
    value: VALUES.rows,
    placeholder: 'N',
    describe: 'Rows to generate',
    shownDefault: '20000',
  },
  keep: {
    flag: 'keep',
    key: 'keep',
    kind: 'flag',
    value: VALUES.yesNo,
    describe: 'Leave the throw-away servers running and print how to reach them',
  },
});

export type OptionName = keyof typeof OPTIONS;

/** The options that every command takes, in the order in which help lists them. */
export const EVERYWHERE = (Object.keys(OPTIONS) as OptionName[]).filter(
  (name) => (OPTIONS[name] as OptionSpec).everywhere === true,
);
