import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { MigrateError } from '../core/errors.js';
import type { Plan } from '../core/plan-types.js';
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
 * Writes the plan under its name only when it is complete. Throws LOCAL_IO or LOCAL_DISK_FULL.
 * The text is the same for the same plan, so that a difference in version control is a difference in decisions.
 */
export async function writePlan(file: string, plan: Plan, mode = 0o644): Promise<void> {
  const parts = ORDER.filter((key) => plan[key] !== undefined).map((key) => {
    const value = canonicalJson(plan[key], 2).replaceAll('\n', '\n  ');
    return `  ${JSON.stringify(key)}: ${value}`;
  });
  const text = `{\n${parts.join(',\n')}\n}\n`;
  const part = `${file}.${randomBytes(4).toString('hex')}.part`;
  try {
    const handle = await open(part, 'wx', mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true });
    const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
    throw new MigrateError(full ? 'LOCAL_DISK_FULL' : 'LOCAL_IO', {
      message: `The plan file ${file} cannot be written.`,
      cause,
    });
  }
}

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
