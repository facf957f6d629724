import { availableParallelism } from 'node:os';
import { MigrateError } from '../core/errors.js';
import type { Config } from './config.js';
import { type ConfigFile, parseConfigFile } from './file.js';
import { OPTIONS, type OptionName, type OptionSpec } from './options.js';

export interface ConfigInput {
  /** Values by option as the command line had them; options that were not given are absent. */
  readonly flags: Readonly<Partial<Record<OptionName, unknown>>>;
  readonly env: NodeJS.ProcessEnv;
  readonly file?: ConfigFile;
  /** Processors of this machine. */
  readonly cores?: number;
}

/** What holds where nobody says otherwise. */
function defaults(cores: number): Config {
  return {
    plan: 'migrate.plan.json',
    include: [],
    exclude: [],
    // The servers do most of the work; beyond eight streams the network and their disks are the limit.
    jobs: Math.min(8, Math.max(2, cores)),
    jobsGiven: false,
    tables: {},
    distributionColumn: ['namespace'],
    foreignKeys: {},
    types: {},
    widenSerial: false,
    reference: { maxRows: 10_000, maxBytes: 16 * 1024 * 1024 },
    nodeAddresses: {},
    export: { chunkBytes: 64 * 1024 * 1024 },
    verify: {
      mode: 'digest',
      maxDiscrepancies: 100,
      showValues: false,
      namespaces: [],
      live: false,
      repairFile: 'migrate.repair.sql',
    },
    gates: {
      maxLag: 10_000,
      verificationAge: 24 * 3_600_000,
      standbyLag: 10_000,
      standbyLagBytes: 64 * 1024 * 1024,
      longTransaction: 60_000,
      backupAge: 24 * 3_600_000,
      accept: {},
    },
    checklist: { owners: {} },
    queries: { runs: 30, singleShardP95: 10, crossShardP95: 25 },
    shim: { logLimit: 10 * 1024 ** 3, logPolicy: 'warn' },
    cutover: { maxPause: 10_000, dryRun: false, accept: [], abandon: false },
    log: { level: 'info', format: 'text' },
    progress: true,
    json: false,
    yes: false,
    reverse: false,
    via: 'auto',
    stallSeconds: 900,
    throttle: {},
    maxRate: 0,
    connectionReserve: 5,
    onBadRow: 'fail',
    maxBadRows: 1000,
    quarantine: 'migrate.quarantine',
    phase: 'all',
    print: false,
    truncate: false,
    reports: [],
    untilDrained: false,
    rows: 20_000,
    keep: false,
  };
}

function convert(kind: OptionSpec['kind'], given: unknown): unknown {
  if (kind === 'number')
    return typeof given === 'string' && /^-?\d{1,15}$/.test(given) ? Number(given) : given;
  if (kind === 'list') return [given].flat().flatMap((part) => splitNames(String(part)));
  if (kind === 'texts') return [given].flat();
  return given;
}

/** `a,"b,c".d` → a and "b,c".d: commas inside double quotes belong to the name. */
function splitNames(list: string): string[] {
  return (list.match(/(?:"(?:[^"]|"")*"|[^",]|")+|(?<=,|^)(?=,|$)/g) ?? ['']).map((name) => name.trim());
}

/** A copy of `base` with `value` at the dotted path. */
function withValue(
  base: Record<string, unknown>,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const [head, ...rest] = path;
  const inner = (base[head!] ?? {}) as Record<string, unknown>;
  return { ...base, [head!]: rest.length === 0 ? value : withValue(inner, rest, value) };
}

/** Objects of settings are filled in key by key; maps that people write are taken whole. */
function overDefaults(base: Config, file: Partial<Record<keyof Config, unknown>>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base, ...file };
  for (const key of [
    'reference',
    'export',
    'verify',
    'gates',
    'checklist',
    'queries',
    'shim',
    'cutover',
    'log',
    'throttle',
  ] as const)
    merged[key] = { ...base[key], ...(file[key] as object | undefined) };
  return merged;
}

/**
 * Flag over environment over file over default. Throws CONFIG_INVALID with every problem, each under its key path
 * and, for a flag or a variable, that name; values are not repeated, for they may hold a password.
 */
export function resolveConfig(input: ConfigInput): Config {
  const file = input.file === undefined ? undefined : parseConfigFile(input.file);
  const problems = [...(file?.problems ?? [])];
  let merged = overDefaults(defaults(input.cores ?? availableParallelism()), file?.content ?? {});
  if (input.file !== undefined) merged.configFile = input.file.path;
  for (const [name, option] of Object.entries(OPTIONS) as [OptionName, OptionSpec][]) {
    const flag = input.flags[name];
    const variable = option.env === undefined ? undefined : input.env[option.env] || undefined;
    if (flag === undefined && variable === undefined) continue;
    const parsed = option.value.safeParse(convert(option.kind, flag ?? variable));
    const path = option.key.split('.');
    if (parsed.success) {
      // Limits are given one by one: those of the file that no flag names stay.
      const value =
        name === 'throttle' ? { ...(merged.throttle as object), ...(parsed.data as object) } : parsed.data;
      merged = withValue(merged, path, value);
    } else {
      const origin = flag === undefined ? option.env : `--${option.flag}`;
      const said = new Set(parsed.error.issues.map(({ message }) => message));
      for (const message of said) problems.push(`${option.key} (${origin}): ${message}`);
    }
  }
  merged.jobsGiven = input.flags.jobs !== undefined || file?.content.jobs !== undefined;
  if (problems.length === 0) return merged as unknown as Config;
  throw new MigrateError('CONFIG_INVALID', {
    message: `The configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems
      .map((problem) => `  ${problem}`)
      .join('\n')}`,
    context: { problems },
  });
}
