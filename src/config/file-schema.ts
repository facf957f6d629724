import { z } from 'zod';
import { connectionReserve, duration, rate, throttleFile, throttleFlags } from './throttle-values.js';
import {
  choice,
  day,
  mapping,
  names,
  nodeAddress,
  percentage,
  secretText,
  size,
  text,
  whole,
  yesNo,
} from './values.js';

const URL_TEXT = 'a connection string such as postgresql://user@host:5432/database';
const MAX = Number.MAX_SAFE_INTEGER;

/** The value of every key that a flag can set too. */
export const VALUES = {
  source: secretText(URL_TEXT),
  target: secretText(URL_TEXT),
  plan: text('a file name'),
  reports: names('a file name').refine((files) => files.every((file) => /[^/\\]\.(html|md)$/i.test(file)), {
    error: 'expected file names that end in .html or .md',
  }),
  directory: text('a directory'),
  jobs: whole(1, 1024),
  names: names('a table name'),
  compress: choice(['zstd', 'gzip', 'none']),
  chunkBytes: size(64 * 1024),
  logLimit: size(1024 * 1024),
  logPolicy: choice(['warn', 'drop']),
  verifyMode: choice(['counts', 'digest', 'rows']),
  maxDiscrepancies: whole(0, 1_000_000),
  namespaces: names('a value of the distribution column'),
  sample: percentage(),
  share: whole(0, 100),
  duration,
  gates: names('the name of a gate'),
  reason: text('a sentence'),
  queryRuns: whole(1, 10_000),
  top: whole(1, 1000),
  repair: choice(['plan', 'apply']),
  file: text('a file name'),
  optionalFile: z.string({ error: 'expected a file name, or nothing' }),
  logLevel: choice(['debug', 'info', 'warn', 'error']),
  logFormat: choice(['text', 'json']),
  metricsPort: whole(1, 65_535),
  rows: whole(1, MAX),
  throttle: throttleFlags,
  maxRate: rate(),
  connectionReserve: connectionReserve(),
  via: choice(['auto', 'direct', 'coordinator']),
  onBadRow: choice(['fail', 'quarantine']),
  maxBadRows: whole(0, MAX),
  indexMemory: size(1024 * 1024),
  phase: choice(['before-data', 'data', 'after-data', 'all']),
  schemaPhase: choice(['before-data', 'after-data', 'all']),
  yesNo: yesNo(),
} as const;

const object = { error: 'expected keys and values' };

const table = z
  .strictObject(
    {
      placement: choice(['distributed', 'reference', 'local']).optional(),
      distributeBy: text('a column name').optional(),
      via: text('the name of a foreign key').optional(),
      types: mapping(text('a type name'), 'column names and types').optional(),
    },
    object,
  )
  .superRefine((value, context) => {
    if (value.placement !== 'reference' && value.placement !== 'local') return;
    for (const key of ['distributeBy', 'via'] as const) {
      if (value[key] === undefined) continue;
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `cannot stand beside placement: ${value.placement}`,
      });
    }
  });

/** migrate.config.yaml. Every object is strict: an unknown key is a problem. */
export const FILE_SCHEMA = z.strictObject(
  {
    source: VALUES.source.optional(),
    target: VALUES.target.optional(),
    plan: VALUES.plan.optional(),
    jobs: VALUES.jobs.optional(),
    include: VALUES.names.optional(),
    exclude: VALUES.names.optional(),
    distributionColumn: names('a column name').optional(),
    tables: z.record(z.string(), table, { error: 'expected table names and their settings' }).optional(),
    foreignKeys: z
      .record(z.string(), choice(['drop', 'keep']), { error: 'expected table.constraint: drop or keep' })
      .superRefine((value, context) => {
        for (const key of Object.keys(value).filter((name) => !/[^.]\.[^.]/.test(name)))
          context.addIssue({
            code: 'custom',
            path: [key],
            message: 'expected a key of the form table.constraint',
          });
      })
      .optional(),
    types: mapping(text('a type name'), 'source types and target types').optional(),
    widenSerial: yesNo().optional(),
    // citus.shard_count's range.
    shardCount: whole(1, 64_000).optional(),
    reference: z
      .strictObject({ maxRows: whole(0, MAX).optional(), maxBytes: size(0).optional() }, object)
      .optional(),
    nodeAddresses: z.record(nodeAddress(), nodeAddress(), { error: 'expected host:port pairs' }).optional(),
    export: z
      .strictObject(
        { compress: VALUES.compress.optional(), chunkBytes: VALUES.chunkBytes.optional() },
        object,
      )
      .optional(),
    verify: z
      .strictObject(
        { mode: VALUES.verifyMode.optional(), maxDiscrepancies: VALUES.maxDiscrepancies.optional() },
        object,
      )
      .optional(),
    checklist: z
      .strictObject(
        {
          day: day().optional(),
          owners: z
            .strictObject(
              {
                lead: text('a name').optional(),
                database: text('a name').optional(),
                application: text('a name').optional(),
                'on-call': text('a name').optional(),
              },
              object,
            )
            .optional(),
        },
        object,
      )
      .optional(),
    queries: z
      .strictObject(
        {
          file: VALUES.file.optional(),
          runs: VALUES.queryRuns.optional(),
          singleShardP95: duration.optional(),
          crossShardP95: duration.optional(),
        },
        object,
      )
      .optional(),
    gates: z
      .strictObject(
        {
          maxLag: duration.optional(),
          verificationAge: duration.optional(),
          standbyLag: duration.optional(),
          standbyLagBytes: size(1).optional(),
          longTransaction: duration.optional(),
          backupFile: VALUES.file.optional(),
          restorePoint: text('the name of a restore point').optional(),
          backupAge: duration.optional(),
          accept: mapping(text('a sentence'), 'names of gates and reasons').optional(),
        },
        object,
      )
      .optional(),
    shim: z
      .strictObject({ logLimit: VALUES.logLimit.optional(), logPolicy: VALUES.logPolicy.optional() }, object)
      .optional(),
    cutover: z.strictObject({ maxPause: duration.optional() }, object).optional(),
    log: z
      .strictObject({ level: VALUES.logLevel.optional(), format: VALUES.logFormat.optional() }, object)
      .optional(),
    via: VALUES.via.optional(),
    stallSeconds: whole(1, 86_400).optional(),
    throttle: throttleFile.optional(),
    maxRate: VALUES.maxRate.optional(),
    control: VALUES.file.optional(),
    connectionReserve: VALUES.connectionReserve.optional(),
    onBadRow: VALUES.onBadRow.optional(),
    maxBadRows: VALUES.maxBadRows.optional(),
    quarantine: VALUES.directory.optional(),
    indexMemory: VALUES.indexMemory.optional(),
    metricsPort: VALUES.metricsPort.optional(),
    progress: yesNo().optional(),
  },
  object,
);

/** What a valid file holds; keys that it leaves out are absent. */
export type FileConfig = z.output<typeof FILE_SCHEMA>;

/** What is behind `optional` and `transform`. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional) return bare(schema.unwrap());
  return schema instanceof z.ZodPipe ? bare(schema.in) : schema;
}

/** The keys that a schema knows at a path; empty where any key may stand. */
export function knownKeys(path: readonly PropertyKey[], of: z.ZodType = FILE_SCHEMA): string[] {
  let schema: unknown = of;
  for (const step of path) {
    schema = bare(schema);
    if (schema instanceof z.ZodObject) schema = schema.shape[String(step)];
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    else return [];
  }
  schema = bare(schema);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}
