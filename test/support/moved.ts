import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Database } from '../../src/citus/database.js';
import { movedTables } from '../../src/cli/support/plan.js';
import type { Context } from '../../src/core/context.js';
import { noopContext } from '../../src/observe/noop.js';
import { readPlan } from '../../src/plan/plan-file.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import type { TableResult, VerifyResult } from '../../src/verify/types.js';
import { type VerifyRequest, verify } from '../../src/verify/verify.js';
import { type FreshDatabase, freshSource } from './databases.js';
import { type Document, freshFolder, runJson } from './migrate.js';

export type CompareOptions = Partial<VerifyRequest> & {
  /** Display names. */
  readonly only?: readonly string[];
  readonly context?: Partial<Context>;
};

/** A migration that was done, to be damaged and compared. */
export interface Moved<T extends FreshDatabase = FreshDatabase> {
  readonly source: FreshDatabase;
  readonly target: T;
  readonly cwd: string;
  readonly planFile: string;
  /** Compares both sides in this process: a program that starts anew for each look would take most of the time. */
  compare(options?: CompareOptions): Promise<VerifyResult>;
  /** The same by the command line. */
  verify(...args: string[]): Promise<Document>;
  /** The command line's options for both sides. */
  readonly sides: readonly string[];
}

/** Fills a new source, copies it to a new target and names both. */
export async function moved<T extends FreshDatabase>(
  freshTarget: () => Promise<T>,
  fill: (source: FreshDatabase) => Promise<unknown>,
  config = '',
): Promise<Moved<T>> {
  const [source, target] = [await freshSource(), await freshTarget()];
  const cwd = freshFolder();
  await fill(source);
  if (config !== '') writeFileSync(join(cwd, 'migrate.config.yaml'), config);
  const sides = ['--source', source.url, '--target', target.url];
  expect(await runJson(['plan', ...sides], { cwd })).toMatchObject({ exit: 0 });
  expect(await runJson(['copy', ...sides], { cwd })).toMatchObject({ exit: 0 });
  const planFile = join(cwd, 'migrate.plan.json');
  return {
    source,
    target,
    cwd,
    planFile,
    sides,
    verify: (...args) => runJson(['verify', ...sides, ...args], { cwd }),
    compare: (options = {}) => compare({ source, target, planFile }, options),
  };
}

async function compare(
  { source, target, planFile }: Pick<Moved, 'source' | 'target' | 'planFile'>,
  { only, context, ...options }: CompareOptions,
): Promise<VerifyResult> {
  const plan = await readPlan(planFile);
  const open = (side: 'source' | 'target', url: string): Promise<Database> =>
    Database.open(resolveConninfo(url, {}), { side, runId: 'compared', readOnly: true });
  const left = await open('source', source.url);
  try {
    const right = await open('target', target.url);
    try {
      const request: VerifyRequest = {
        source: left,
        target: right,
        plan,
        tables: movedTables(plan).filter(({ table }) => only?.includes(table) ?? true),
        direction: 'forward',
        mode: 'digest',
        maxDiscrepancies: 1000,
        jobs: 2,
        ...options,
      };
      return await verify(request, noopContext(context));
    } finally {
      await right.close();
    }
  } finally {
    await left.close();
  }
}

/** The discrepancies of a table without the places where they lie. */
export const strip = ({ discrepancies }: Pick<TableResult, 'discrepancies'>): Document[] =>
  discrepancies.map(({ kind, key, columns }) => ({ kind, key, ...(columns ? { columns } : {}) }));

/** All that is wrong about rows, by table. */
export const differing = ({ tables }: VerifyResult): Document =>
  Object.fromEntries(
    tables.filter(({ verdict }) => verdict !== 'match').map((table) => [table.table, strip(table)]),
  );
