import { existsSync } from 'node:fs';
import type { Database } from '../../citus/database.js';
import { suggest } from '../../config/suggest.js';
import { MigrateError } from '../../core/errors.js';
import { displayName, parseName, qualified } from '../../core/names.js';
import type { Finding, Plan, TablePlan } from '../../core/plan-types.js';
import { buildPlan } from '../../plan/build.js';
import { readCatalog } from '../../plan/catalog.js';
import { comparePlan, readPlan, writePlan } from '../../plan/plan-file.js';
import { noTableLeft } from '../../plan/scope.js';
import type { Invocation } from '../frame/command.js';

/** Throws PLAN_BLOCKED, naming what blocks, when the plan cannot be carried out. */
export function refuseBlocked(findings: readonly Finding[]): void {
  const blockers = findings.filter((finding) => finding.severity === 'blocker');
  if (blockers.length === 0) return;
  throw new MigrateError('PLAN_BLOCKED', {
    message: `The plan has ${blockers.length === 1 ? 'a blocking finding' : `${blockers.length} blocking findings`}: ${blockers.map((finding) => `${finding.code}${finding.table ? ` (${finding.table})` : ''}: ${finding.message}`).join('; ')}`,
    context: { findings: blockers.map((finding) => finding.code) },
  });
}

/** The plan file, still fitting the source where that is at hand. */
export async function planFromFile(file: string, source: Database | undefined): Promise<Plan> {
  const plan = await readPlan(file);
  if (source === undefined) return plan;
  const changes = comparePlan(plan, await readCatalog(source.session));
  if (changes.length > 0) {
    throw new MigrateError('PLAN_STALE', {
      message: `The plan in ${file} no longer fits the source: ${changes.join('; ')}`,
      context: { changes },
    });
  }
  return plan;
}

/**
 * The plan to work by: the plan file; where there is none, what `migrate plan` would decide now. A plan with
 * blockers is refused.
 */
export async function loadPlan(
  { config, context }: Invocation,
  sides: { readonly source?: Database; readonly target?: Database },
): Promise<Plan> {
  const { plan, findings } = await findPlan();
  refuseBlocked(findings);
  return plan;

  async function findPlan(): Promise<{ plan: Plan; findings: readonly Finding[] }> {
    if (existsSync(config.plan)) {
      const plan = await planFromFile(config.plan, sides.source);
      return { plan, findings: plan.findings };
    }
    const { source, target } = sides;
    if (source === undefined) {
      throw new MigrateError('PLAN_UNREADABLE', { message: `There is no plan file ${config.plan}` });
    }
    context.log.info(`No plan file ${config.plan}: planning from the source as it is now`);
    const everything = { ...config, include: [], exclude: [] };
    const { plan, report } = await buildPlan({
      source: source.session,
      ...(target === undefined ? {} : { target: target.session }),
      config: everything,
      ...context,
    });
    return { plan, findings: [...plan.findings, ...report.findings] };
  }
}

/** The plan for the way back, where the single node may still be empty: only the file can tell what it was. */
export async function loadPlanForReturn({ config }: Invocation): Promise<Plan> {
  if (!existsSync(config.plan)) {
    throw new MigrateError('PLAN_UNREADABLE', {
      message: `There is no plan file ${config.plan}, and the way back needs it: it holds the original schema`,
      hint: 'Name the plan file of the way in with --plan.',
    });
  }
  const plan = await readPlan(config.plan);
  refuseBlocked(plan.findings);
  return plan;
}

/**
 * Keeps the plan by which rows were moved where no plan file is yet: the way back needs it. A file that is there is
 * never replaced.
 */
export async function keepPlan(
  { config, context }: Pick<Invocation, 'config' | 'context'>,
  plan: Plan,
): Promise<void> {
  if (existsSync(config.plan)) return;
  try {
    await writePlan(config.plan, plan, { fresh: true });
    context.log.info(`Kept the plan of this run in ${config.plan}: the way back needs it`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    context.log.warn(`The plan of this run is not kept, and the way back needs it: ${why}`);
  }
}

/** The tables that rows are moved of: a partition's rows travel with the table that it is a partition of. */
export function movedTables({ catalog, tables }: Pick<Plan, 'catalog' | 'tables'>): TablePlan[] {
  const partitions = new Set(
    catalog.tables.filter((table) => table.partitionOf !== undefined).map(qualified),
  );
  return tables.filter((table) => !partitions.has(qualified(table)));
}

/**
 * The planned tables that --tables and --exclude choose. Throws TABLE_UNKNOWN with every unknown name, USAGE when none
 * is left.
 */
export function chooseTables(
  plan: Plan,
  { include, exclude }: Pick<Invocation['config'], 'include' | 'exclude'>,
): TablePlan[] {
  const tables = movedTables(plan);
  const find = (text: string): TablePlan | undefined => {
    const name = qualified(parseName(text));
    return tables.find((table) => qualified(table) === name || table.table === text);
  };
  const unknown = [...include, ...exclude].filter((text) => find(text) === undefined);
  if (unknown.length > 0) {
    const names = tables.map(displayName);
    const meant = unknown.map((text) => {
      const guess = suggest(text, names);
      return guess === undefined ? text : `${text} (did you mean ${guess}?)`;
    });
    throw new MigrateError('TABLE_UNKNOWN', {
      message: `The plan has no table ${meant.join(', ')}`,
      hint: `Planned tables: ${names.slice(0, 20).join(', ')}${names.length > 20 ? `, … (${names.length})` : ''}.`,
      context: { unknown },
    });
  }
  const left = new Set(exclude.map(find));
  const chosen =
    include.length === 0 ? tables : tables.filter((table) => include.some((text) => find(text) === table));
  const remaining = chosen.filter((table) => !left.has(table));
  if (remaining.length === 0 && include.length + exclude.length > 0) throw noTableLeft();
  return remaining;
}
