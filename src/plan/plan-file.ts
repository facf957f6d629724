import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { MigrateError } from '../core/errors.js';
import { plural } from '../core/format.js';
import type { Plan } from '../core/plan-types.js';
import { writeWhole } from '../files/write-whole.js';
import { canonicalJson, planHash } from './plan-hash.js';

export { comparePlan } from './compare.js';

const FORMAT = 1;
/** What people review first stands first; the catalog is what it was decided from. */
const ORDER = [
  'formatVersion',
  'planHash',
  'scope',
  'tables',
  'foreignKeys',
  'extensions',
  'findings',
  'catalog',
] as const;

/**
 * Writes the plan under its name only when it is complete; with `fresh`, only if there is no such file yet. Throws
 * LOCAL_IO or LOCAL_DISK_FULL.
 * The text is the same for the same plan, so that a difference in version control is a difference in decisions.
 */
export async function writePlan(
  file: string,
  plan: Plan,
  { mode = 0o644, fresh = false }: { mode?: number; fresh?: boolean } = {},
): Promise<void> {
  const parts = ORDER.filter((key) => plan[key] !== undefined).map((key) => {
    const value = canonicalJson(plan[key], 2).replaceAll('\n', '\n  ');
    return `  ${JSON.stringify(key)}: ${value}`;
  });
  const text = `{\n${parts.join(',\n')}\n}\n`;
  await writeWhole(file, text, { mode, fresh });
}

/**
 * Throws PLAN_EXISTS when writing `plan` to `file` would lose something: tables that the plan there covers, gone from
 * the source perhaps since they were moved, or a file that cannot be read as a plan. The way back needs the plan of
 * the way in, with all its tables.
 */
export async function refusePlanLoss(file: string, plan: Plan): Promise<void> {
  if (!existsSync(file)) return;
  let known: Plan;
  try {
    known = await readPlan(file);
  } catch (cause) {
    throw new MigrateError('PLAN_EXISTS', {
      message: `${file} is there and cannot be read as a plan, so it is not overwritten: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Write the plan elsewhere with --plan, or move that file away; nothing was overwritten.',
      cause,
    });
  }
  const tables = new Set(plan.tables.map(({ table }) => table));
  const lost = known.tables.map(({ table }) => table).filter((table) => !tables.has(table));
  if (lost.length === 0) return;
  throw new MigrateError('PLAN_EXISTS', {
    message: `The plan in ${file} covers ${plural(lost.length, 'table')} that this one would not: ${shortList(lost)}`,
    hint: `Write this plan elsewhere with --plan, or plan without --tables and --exclude. If these tables are gone for good, and nothing has to come back by that plan, move ${file} away first; nothing was overwritten.`,
    context: { tables: lost },
  });
}

const shortList = (names: readonly string[]): string =>
  `${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}`;

/** Throws PLAN_UNREADABLE for a file that is missing, no plan, newer than this program, or edited by hand. */
export async function readPlan(file: string): Promise<Plan> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw unreadable(missing ? `There is no plan file ${file}.` : `The plan file ${file} cannot be opened.`, {
      cause,
    });
  }
  let plan: Partial<Plan> | null;
  try {
    plan = JSON.parse(text) as Partial<Plan> | null;
  } catch (cause) {
    throw unreadable(`The plan file ${file} is not JSON.`, { cause });
  }
  if (plan === null || typeof plan !== 'object' || typeof plan.formatVersion !== 'number') {
    throw unreadable(`${file} is not a plan file.`);
  }
  if (plan.formatVersion !== FORMAT) {
    throw unreadable(
      `The plan file ${file} has format version ${Number(plan.formatVersion)}; this program reads ${FORMAT}.`,
      {
        hint: 'Use the version of migrate that wrote it, or make it anew with `migrate plan`.',
      },
    );
  }
  if (!isWhole(plan)) throw unreadable(`The plan file ${file} is not complete.`);
  if (planHash(plan) !== plan.planHash) {
    throw unreadable(`The plan file ${file} was changed after it was written: its planHash does not fit.`, {
      hint: 'Put decisions into migrate.config.yaml instead, and make the plan anew with `migrate plan`.',
    });
  }
  return plan;
}

const isWhole = (plan: Partial<Plan>): plan is Plan =>
  typeof plan.planHash === 'string' &&
  Array.isArray(plan.tables) &&
  Array.isArray(plan.foreignKeys) &&
  Array.isArray(plan.findings) &&
  typeof plan.catalog === 'object' &&
  plan.catalog !== null;

const unreadable = (message: string, options: { cause?: unknown; hint?: string } = {}): MigrateError =>
  new MigrateError('PLAN_UNREADABLE', { message, ...options });
