import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { expect } from 'vitest';
import { Database } from '../../src/citus/database.js';
import { movedTables } from '../../src/cli/support/plan.js';
import { resolveConfig } from '../../src/config/resolve.js';
import type { Context } from '../../src/core/context.js';
import type { Plan } from '../../src/core/plan-types.js';
import { exportDump } from '../../src/export/export.js';
import { readManifest } from '../../src/export/manifest.js';
import { copyData } from '../../src/load/copy.js';
import { importDump } from '../../src/load/import.js';
import type { LoadResult } from '../../src/load/load-chunks.js';
import type { QuarantineOptions } from '../../src/load/quarantine.js';
import type { LoadPhase } from '../../src/load/run.js';
import { noopContext, noopLog } from '../../src/observe/noop.js';
import { buildPlan } from '../../src/plan/build.js';
import { writePlan } from '../../src/plan/plan-file.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import { freshFolder, runJson } from './migrate.js';
import { contentsOf, shapesOf } from './same-rows.js';

const CHILD = fileURLToPath(new URL('./run-load.mjs', import.meta.url));

/** Rows with and without a key, a table that is reached through another, and a reference table. */
export const SCHEMA = `
  CREATE TABLE kind (id int PRIMARY KEY, label text NOT NULL);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 50) g;
  CREATE TABLE item (
    id bigint PRIMARY KEY, namespace varchar(50) NOT NULL, kind int NOT NULL REFERENCES kind, note text
  );
  CREATE TABLE loose (namespace text NOT NULL, what text);
`;

/** `rows` items of about 200 bytes, and half as many rows that nothing tells apart from their doubles. */
export const filled = (rows: number): string => `
  ${SCHEMA}
  INSERT INTO item SELECT g, 'ns' || g % 40, 1 + g % 50, repeat(md5(g::text), 5) FROM generate_series(1, ${rows}) g;
  INSERT INTO loose SELECT 'ns' || g % 40, repeat(md5((g % 100)::text), 3) FROM generate_series(1, ${rows / 2}) g;
  ANALYZE;
`;

interface Side {
  readonly url: string;
  readonly client: pg.Client;
}

/** One source, one target and the plan between them. */
export interface Journey {
  readonly source: Side;
  readonly target: Side;
  readonly plan: Plan;
  readonly folder: string;
  readonly planFile: string;
}

export interface LoadOptions {
  readonly context?: Partial<Context>;
  readonly via?: 'direct' | 'coordinator' | 'auto';
  readonly jobs?: number;
  readonly mayReduce?: boolean;
  readonly chunkBytes?: number;
  readonly truncate?: boolean;
  readonly phase?: LoadPhase;
  readonly nodeAddresses?: Readonly<Record<string, string>>;
  readonly stallMs?: number;
  readonly indexMemory?: number;
  /** Import this dump instead of copying. */
  readonly from?: string;
  readonly runId?: string;
  /** Set refused rows aside here. */
  readonly quarantine?: QuarantineOptions;
}

const CHUNK_BYTES = 64 * 1024;
let runs = 0;

type Access = 'read' | 'write';

async function withSides<T>(
  journey: Pick<Journey, 'source' | 'target'>,
  options: LoadOptions,
  work: (sides: { source: Database; target: Database }) => Promise<T>,
): Promise<T> {
  runs += 1;
  const runId = options.runId ?? `test-${process.pid}-${runs}`;
  const open = (side: 'source' | 'target', access: Access): Promise<Database> =>
    Database.open(resolveConninfo(journey[side].url, {}), {
      side,
      runId,
      readOnly: access === 'read',
      ...(options.nodeAddresses ? { nodeAddresses: options.nodeAddresses } : {}),
    });
  const source = await open('source', 'read');
  try {
    const target = await open('target', 'write');
    try {
      return await work({ source, target });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Plans the way from a filled source to an empty target. */
export async function prepare(source: Side, target: Side, file = {}): Promise<Journey> {
  const folder = freshFolder();
  const planFile = join(folder, 'migrate.plan.json');
  const config = { ...resolveConfig({ flags: {}, env: {} }), ...file };
  const plan = await withSides({ source, target }, {}, async (sides) => {
    const context = noopContext();
    const built = await buildPlan({
      source: sides.source.session,
      target: sides.target.session,
      config,
      ...context,
    });
    return built.plan;
  });
  await writePlan(planFile, plan);
  return { source, target, plan, folder, planFile };
}

/** One load in this process, of all tables. */
export function load(journey: Journey, options: LoadOptions = {}): Promise<LoadResult> {
  const { plan } = journey;
  const { via = 'auto', jobs = 2, truncate = false, phase = 'all', chunkBytes = CHUNK_BYTES } = options;
  const { stallMs, quarantine, indexMemory, mayReduce = false } = options;
  const context = noopContext(options.context);
  return withSides(journey, options, async ({ source: reader, target: writer }) => {
    const request = {
      ...({ writer, plan, tables: movedTables(plan), phase, truncate, jobs, mayReduce, via } as const),
      ...(stallMs === undefined ? {} : { stallMs }),
      ...(indexMemory === undefined ? {} : { indexMemory }),
      ...(quarantine === undefined ? {} : { quarantine }),
    };
    if (options.from === undefined)
      return copyData({ ...request, reader, direction: 'forward', chunkBytes }, context);
    const manifest = await readManifest(options.from);
    return importDump({ ...request, directory: options.from, manifest }, context);
  });
}

/** A dump of all tables; returns its directory. */
export async function dump(journey: Journey, chunkBytes = CHUNK_BYTES): Promise<string> {
  const { plan } = journey;
  const out = join(journey.folder, 'dump');
  await withSides(journey, {}, ({ source: reader }) =>
    exportDump(
      {
        reader,
        plan,
        tables: plan.tables,
        direction: 'forward',
        out,
        compression: 'none',
        chunkBytes,
        jobs: 2,
      },
      noopContext(),
    ),
  );
  return out;
}

/**
 * One load in a process of its own, which kills itself (SIGKILL) when it passes the failpoint for the n-th time. The
 * marker that it leaves proves that it got there.
 */
export async function loadAndDie(
  journey: Journey,
  at: { readonly point: string; readonly hit: number } & LoadOptions,
): Promise<void> {
  const marker = join(journey.folder, `marker-${++runs}`);
  const { point, hit, via = 'auto', jobs = 2, truncate = false, phase = 'all' } = at;
  const { from, nodeAddresses, quarantine } = at;
  const task = {
    source: journey.source.url,
    target: journey.target.url,
    planFile: journey.planFile,
    runId: `test-${process.pid}-${runs}`,
    chunkBytes: CHUNK_BYTES,
    marker,
    point,
    hit,
    via,
    jobs,
    truncate,
    from,
    nodeAddresses,
    phase,
    quarantine,
  };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(task)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data) => (said += data));
  const ended = await new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal })),
  );
  expect({ ...ended, said }).toEqual({ code: null, signal: 'SIGKILL', said: '' });
  expect(existsSync(marker)).toBe(true);
}

/**
 * Of combinations that break the same boundaries again, the ones at `kept`; all of them with MIGRATE_TEST_ALL=1
 * (scripts/soak-points.mjs).
 */
export function thinned<T extends readonly [point: string, ...rest: unknown[]]>(
  cases: readonly T[],
  ...kept: readonly string[]
): T[] {
  return cases.filter(([point]) => process.env.MIGRATE_TEST_ALL === '1' || kept.includes(point));
}

/** What happens at the n-th passage of a failpoint, and what the load says about it. */
export interface Planted {
  readonly context: Partial<Context>;
  /** The point was passed often enough. */
  hit(): boolean;
  /** Warnings of attempts that were made again. */
  retries(): readonly string[];
}

export function atPoint(point: string, hit: number, action: () => void | Promise<void>): Planted {
  let hits = 0;
  const warnings: string[] = [];
  const fail = async (passed: string): Promise<void> => {
    if (passed !== point) return;
    hits += 1;
    if (hits === hit) await action();
  };
  const log = { ...noopLog, warn: (message: string) => void warnings.push(message) };
  return {
    context: { fail, log },
    hit: () => hits >= hit,
    retries: () => warnings.filter((line) => /Trying chunk .* again/.test(line)),
  };
}

export interface CompleteChunk {
  readonly chunk: string;
  readonly rows: string;
  /** When it was written: a chunk that is loaded again gets another. */
  readonly loadedAt: string;
}

/** Chunks that the ledger calls complete. */
export async function completeChunks({ target }: Journey): Promise<CompleteChunk[]> {
  const { rows } = await target.client.query<CompleteChunk>(
    `SELECT table_name || ' ' || chunk AS chunk, rows::text, loaded_at::text AS "loadedAt"
     FROM citus_migrate.chunk ORDER BY 1`,
  );
  return rows;
}

/** Connections of loads to the coordinator. */
async function backends({ target }: Journey): Promise<number> {
  const { rows } = await target.client.query(
    `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name LIKE 'migrate %'
     AND datname = current_database()`,
  );
  return rows[0].count;
}

/** Sorted COPY of both sides is equal, and the ledger's rows are those of the tables. */
export async function expectArrived(journey: Journey): Promise<void> {
  const { source, target } = journey;
  const shapes = await shapesOf(source.client);
  expect(await contentsOf(target.url, shapes)).toEqual(await contentsOf(source.url, shapes));
  for (const { schema, name, table } of journey.plan.tables) {
    const { rows } = await target.client.query(
      `SELECT (SELECT count(*) FROM "${schema}"."${name}") AS there,
              (SELECT coalesce(sum(rows), 0) FROM citus_migrate.chunk WHERE table_name = $1) AS told`,
      [table],
    );
    expect(rows[0].told).toBe(rows[0].there);
  }
}

/** The same, and verify agrees. */
export async function expectVerified(journey: Journey): Promise<void> {
  await expectArrived(journey);
  const { source, target } = journey;
  const args = ['verify', '--source', source.url, '--target', target.url, '--plan', journey.planFile];
  expect(await runJson(args, { cwd: journey.folder })).toMatchObject({ verdict: 'match', exit: 0 });
}

/** Runs the load once more and expects that it finishes what is there without touching what was complete. */
export async function expectContinues(journey: Journey, options: LoadOptions = {}): Promise<LoadResult> {
  // What a killed process had sent may still be carried out.
  await expect.poll(() => backends(journey), { timeout: 30_000 }).toBe(0);
  const before = await completeChunks(journey);
  const result = await load(journey, options);
  const after = await completeChunks(journey);
  expect(after.filter(({ chunk }) => before.some((each) => each.chunk === chunk))).toEqual(before);
  const skipped = result.tables.reduce((sum, table) => sum + table.skippedChunks, 0);
  expect(skipped).toBe(before.length);
  await expectArrived(journey);
  return result;
}
