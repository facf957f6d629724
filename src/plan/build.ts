import { connectionsOfLoad } from '../citus/budget.js';
import type { Catalog } from '../core/catalog-types.js';
import type { Log } from '../core/context.js';
import { throwIfAborted } from '../core/errors.js';
import { plural } from '../core/format.js';
import { qualified } from '../core/names.js';
import type { Finding, Placement, Plan, TablePlan } from '../core/plan-types.js';
import type { Queryable } from '../core/queryable.js';
import { requireReadable } from '../postgres/rights.js';
import { readCatalog } from './catalog.js';
import { checkTarget, neededExtensions } from './check-target.js';
import { planTables } from './columns.js';
import { nullFinding } from './distribution-nulls.js';
import { finding, sortFindings } from './findings.js';
import { decideForeignKeys, type ForeignKeyPlans } from './foreign-keys.js';
import { countCrossings, evenBounds, type MeasuredSize, measureKeys, measureSizes } from './measure.js';
import { checkPlanConfig, findTable, foreignKeyName, PLAN_DEFAULTS, type PlanConfig } from './options.js';
import { originalCatalog } from './original-catalog.js';
import { decidePlacements } from './placement.js';
import { planHash } from './plan-hash.js';
import type { PlanReport, TableReport } from './report.js';
import { resolveTypes } from './resolve-types.js';
import { noTableLeft, restrict, scopeOf, sequencesOf } from './scope.js';
import { settingFindings } from './settings.js';
import { surveyPlan, surveyTables } from './survey.js';
import { targetCatalog } from './target-catalog.js';
import { readTargetFacts, type TargetFacts } from './target-facts.js';
import { typeLosses } from './type-losses.js';
import { planColumnTypes } from './types.js';

export interface BuildPlanRequest {
  readonly source: Queryable;
  /** Without it, roles, extensions and connections of the target are not checked. */
  readonly target?: Queryable;
  readonly config: PlanConfig;
  readonly signal: AbortSignal;
  readonly log: Log;
}

export interface BuiltPlan {
  readonly plan: Plan;
  readonly report: PlanReport;
}

/**
 * Reads the source's catalog and decides how every table is placed. Nothing is written on either side. Throws
 * TABLE_UNKNOWN or CONFIG_INVALID where the configuration does not fit the catalog, RIGHTS_MISSING or ROWS_HIDDEN
 * where the role cannot read what has to be read.
 */
export async function buildPlan({
  source,
  target,
  config,
  signal,
  log,
}: BuildPlanRequest): Promise<BuiltPlan> {
  const everything = await readCatalog(source);
  checkPlanConfig(config, everything);
  const scope = scopeOf(config, everything);
  const catalog = restrict(everything, scope);
  if (scope !== undefined && catalog.tables.length === 0) throw noTableLeft();
  throwIfAborted(signal);
  await requireReadable(source, [...catalog.tables, ...sequencesOf(catalog, catalog.tables)]);
  const facts = target && (await readTargetFacts(target));
  const sizes = await measureSizes(source, catalog, signal);
  const decisions = decide(catalog, sizes, {
    ...config,
    shardCount: config.shardCount ?? facts?.shardCount ?? PLAN_DEFAULTS.shardCount,
    resolved: await resolveTypes(config, everything, source, target),
  });
  const { tables, foreignKeys, placements } = decisions;
  const extensions = neededExtensions(catalog, tables);
  const measured = await measure({ source, config, signal, log }, catalog, decisions, sizes, facts);
  const findings = sortFindings([
    ...decisions.findings,
    ...foreignKeys.findings,
    ...surveyTables(catalog, tables),
    ...surveyPlan(catalog, tables),
    ...wayBackFinding(catalog, scope),
    ...surveySettings(catalog, { extensions, tables, foreignKeys: foreignKeys.plans }),
    ...measured.findings,
    ...(config.stats === false ? [] : await crossings(source, catalog, foreignKeys, placements, signal)),
    ...(facts ? checkTarget(catalog, { extensions, tables, foreignKeys: foreignKeys.plans }, facts) : []),
  ]);
  const decided = {
    catalog,
    ...(scope ? { scope } : {}),
    extensions,
    tables,
    foreignKeys: foreignKeys.plans,
  };
  const plan: Plan = { formatVersion: 1, planHash: planHash(decided), ...decided, findings };
  return { plan, report: report(plan, measured.tables, config, facts) };
}

function surveySettings(
  catalog: Catalog,
  decided: Pick<Plan, 'extensions' | 'tables' | 'foreignKeys'>,
): Finding[] {
  const made = targetCatalog({ catalog, ...decided }).tables;
  const plans = new Map(decided.tables.map((one) => [qualified(one), one]));
  return catalog.tables.flatMap((table, place) =>
    settingFindings(table, made[place]!, plans.get(qualified(table))!),
  );
}

function wayBackFinding(catalog: Catalog, scope: Plan['scope']): Finding[] {
  const { lost } = originalCatalog({ catalog, ...(scope ? { scope } : {}) });
  return lost.length > 0 ? [finding('WAY_BACK_PARTIAL', {}, { names: lost.join(', ') })] : [];
}

export interface Decisions {
  readonly tables: readonly TablePlan[];
  readonly placements: ReadonlyMap<string, Placement>;
  readonly foreignKeys: ForeignKeyPlans;
  readonly findings: readonly Finding[];
}

export interface DecideOptions extends PlanConfig {
  /** `types` of the whole configuration and of its tables, as the target names them. */
  readonly resolved: Awaited<ReturnType<typeof resolveTypes>>;
}

/** Everything that follows from catalog, sizes and configuration alone. Pure. */
export function decide(
  catalog: Catalog,
  sizes: ReadonlyMap<string, { rows: number; bytes: number }>,
  options: DecideOptions,
): Decisions {
  const types = planColumnTypes(catalog, { ...options.resolved, widenSerial: options.widenSerial ?? false });
  const choices = new Map(
    Object.entries(options.tables ?? {}).flatMap(([name, choice]) => {
      const table = findTable(catalog, name);
      return table ? [[qualified(table), choice] as const] : [];
    }),
  );
  const { placements, findings } = decidePlacements({
    catalog,
    sizes,
    types,
    config: { ...options, choices },
  });
  const tables = planTables(catalog, placements, types);
  return {
    placements,
    findings: [...findings, ...typeLosses(catalog, tables, options.resolved.columns)],
    tables,
    foreignKeys: decideForeignKeys(catalog, placements, options),
  };
}

type Measuring = Pick<BuildPlanRequest, 'source' | 'config' | 'signal' | 'log'>;

/** Partitions are counted with their root, which is what queries name. */
async function measure(
  { source, config, signal, log }: Measuring,
  catalog: Catalog,
  { tables }: Decisions,
  sizes: ReadonlyMap<string, MeasuredSize>,
  facts: TargetFacts | undefined,
): Promise<{ tables: TableReport[]; findings: Finding[] }> {
  const findings: Finding[] = [];
  const reports: TableReport[] = [];
  const partitions = new Set(catalog.tables.filter((table) => table.partitionOf).map(qualified));
  for (const table of tables) {
    throwIfAborted(signal);
    const { placement } = table;
    const size = sizes.get(qualified(table)) ?? { rows: 0, bytes: 0, exact: true };
    const bounds =
      placement.kind === 'distributed'
        ? (facts?.shards.get(qualified(table)) ?? evenBounds(placement.shardCount))
        : [0];
    const base = { table: table.table, ...size, shards: bounds.length };
    if (placement.kind !== 'distributed' || config.stats === false || partitions.has(qualified(table))) {
      reports.push(base);
      continue;
    }
    log.debug(`Counting the keys of ${table.table}`, { table: table.table });
    const { rows, ...keys } = await measureKeys(source, table, placement, catalog, bounds);
    reports.push({ ...base, rows, exact: true, keys });
    if (keys.nulls > 0) findings.push(nullFinding(table, placement, keys.nulls));
  }
  return { tables: reports, findings };
}

async function crossings(
  source: Queryable,
  catalog: Catalog,
  { toCheck }: ForeignKeyPlans,
  placements: ReadonlyMap<string, Placement>,
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of toCheck) {
    throwIfAborted(signal);
    const rows = await countCrossings(source, check, placements, catalog);
    if (rows === 0) continue;
    const { table, constraint } = check;
    const placement = placements.get(qualified(table)) as Extract<Placement, { kind: 'distributed' }>;
    findings.push(
      finding(
        'FK_CROSSES_KEY',
        { table, object: constraint.name },
        {
          rows: plural(rows, 'row'),
          references: constraint.foreign.references.name,
          column: placement.column,
          key: foreignKeyName(table, constraint.name),
        },
      ),
    );
  }
  return findings;
}

/** A value that holds so many times the mean of a shard makes that shard a hot one. */
const SKEW_RATIO = 3;
/** Below this nothing is hot. */
const SKEW_ROWS = 10_000;

function report(
  plan: Plan,
  tables: readonly TableReport[],
  config: PlanConfig,
  facts: TargetFacts | undefined,
): PlanReport {
  const findings: Finding[] = facts ? [] : [finding('TARGET_NOT_CHECKED')];
  for (const [place, { keys, rows }] of tables.entries()) {
    const largest = keys?.largest[0];
    const table = plan.tables[place]!;
    if (!largest || table.placement.kind !== 'distributed') continue;
    if (rows < SKEW_ROWS || largest.ofMean < SKEW_RATIO) continue;
    findings.push(
      finding(
        'SKEW',
        { table },
        {
          column: table.placement.column,
          share: `${Math.round((100 * largest.rows) / rows)} %`,
          ratio: largest.ofMean.toFixed(1),
        },
      ),
    );
  }
  if (!facts) return { tables, findings };
  const jobs = config.jobs ?? PLAN_DEFAULTS.jobs;
  const needed = connectionsOfLoad(jobs, facts.citus);
  const available = facts.maxConnections;
  if (needed > available * 0.8) findings.push(finding('CONNECTIONS', {}, { jobs, needed, available }));
  return { tables, findings: sortFindings(findings), connections: { needed, available } };
}
