/**
 * The library: what the commands are made of, for programs that would rather call than spawn them.
 *
 * A database is opened from a connection string, a plan is built or read, and the plan drives everything else. Every
 * function that takes a context honours its `signal` and throws `MigrateError` with a code of `ERROR_CODES`. Nothing
 * is written to stdout or stderr. The types need @types/node; with `skipLibCheck` off, @types/pg, too.
 *
 * ```ts
 * import { buildPlan, copyData, noopContext, openDatabase, verify } from 'citus-migrate';
 *
 * const context = noopContext();
 * const source = await openDatabase(process.env.SOURCE_URL, { side: 'source', runId: 'nightly', readOnly: true });
 * const target = await openDatabase(process.env.TARGET_URL, { side: 'target', runId: 'nightly', readOnly: false });
 * try {
 *   const { plan } = await buildPlan({ source: source.session, target: target.session, config: {}, ...context });
 *   const both = { plan, tables: plan.tables, direction: 'forward', jobs: 4 } as const;
 *   const load = { ...both, phase: 'all', truncate: false, chunkBytes: 64 * 1024 * 1024 } as const;
 *   await copyData({ reader: source, writer: target, ...load }, context);
 *   const result = await verify({ source, target, ...both, mode: 'digest', maxDiscrepancies: 100 }, context);
 *   console.log(result.verdict);
 * } finally {
 *   await Promise.all([source.close(), target.close()]);
 * }
 * ```
 */

import { Database, type OpenOptions } from './citus/database.js';
import { resolveConninfo } from './postgres/conninfo.js';

/**
 * Opens a single node or a cluster by its coordinator. `url` has libpq's forms and meaning; what it leaves out comes
 * from `env`, the service file and ~/.pgpass. Throws URL_INVALID, CONNECTION_REFUSED, VERSION_UNSUPPORTED, ….
 */
export async function openDatabase(
  url: string | undefined,
  options: OpenOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Database> {
  return Database.open(resolveConninfo(url, env), options);
}

export type { Database, Node, OpenOptions } from './citus/database.js';
export type { Context } from './core/context.js';
export { ERROR_CODES, type ErrorCode, type ErrorEntry } from './core/error-codes.js';
export { MigrateError } from './core/errors.js';
export type { Finding, ForeignKeyPlan, Placement, Plan, TablePlan } from './core/plan-types.js';
export type { Verdict } from './core/verification.js';
export { type Compression, DEFAULT_COMPRESSION } from './export/compression.js';
export { type ExportRequest, exportDump } from './export/export.js';
export { type Manifest, readManifest } from './export/manifest.js';
export { type CopyRequest, copyData } from './load/copy.js';
export { type ImportRequest, importDump } from './load/import.js';
export type { LoadResult, TableLoad } from './load/load-chunks.js';
export type { Via } from './load/route.js';
export type { LoadPhase, LoadRequest } from './load/run.js';
export { Throttle, type ThrottleOptions } from './load/throttle.js';
export { noopContext } from './observe/noop.js';
export { type BuildPlanRequest, type BuiltPlan, buildPlan } from './plan/build.js';
export { originalDdl, targetDdl } from './plan/ddl.js';
export { FINDINGS, type FindingCode, type FindingEntry } from './plan/finding-codes.js';
export type { PlanConfig } from './plan/options.js';
export { comparePlan, readPlan, writePlan } from './plan/plan-file.js';
export type { Direction } from './plan/projection.js';
export type { PlanReport } from './plan/report.js';
export type { Ddl, Statement } from './plan/statement.js';
export { type Chosen, createRouter, type Router, type RouterOptions } from './router/create-router.js';
export type { Mode, NamespacedPool, TransactionOptions } from './router/namespaced-pool.js';
export type { ShadowCounts, ShadowDifference } from './router/shadow.js';
export type { VerifyResult } from './verify/types.js';
export { type VerifyRequest, verify } from './verify/verify.js';
