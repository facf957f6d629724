import pLimit from 'p-limit';
import type { Cut } from '../citus/cut.js';
import { SessionPool } from '../citus/pool.js';
import { readShards, shardsOf, type TableShards } from '../citus/shards.js';
import type { Context } from '../core/context.js';
import { type Digest, digestsEqual, EMPTY_DIGEST } from '../core/digest.js';
import { MigrateError } from '../core/errors.js';
import { parallel } from '../core/parallel.js';
import type { TablePlan } from '../core/plan-types.js';
import { addDigests, type BucketDigests, type Mode, readDigests, total } from './digests.js';
import { drill, type UnitRunner } from './drill.js';
import { expressionsOf, missingColumns, readTypes } from './side.js';
import type { Discrepancy, ShardResult, TableResult, Verdict } from './types.js';
import { homeOf, shardUnits, singleUnits, type Unit } from './units.js';

export interface CompareRequest {
  /** Cut of the single node. */
  readonly source: Cut;
  /** Cut of the cluster, or of a plain PostgreSQL in its place. */
  readonly target: Cut;
  readonly tables: readonly TablePlan[];
  readonly mode: Mode;
  readonly maxDiscrepancies: number;
  readonly jobs: number;
}

interface Measured {
  /** By shard, as the source's rows would be placed. */
  readonly source: BucketDigests;
  /** By shard and node, all rows that lie there. */
  readonly target: Map<string, Digest>;
  /** Shards that hold rows of another shard's range. */
  readonly misplaced: Set<number>;
  /** Milliseconds of queries, summed over connections. */
  readonly spent: { source: number; target: number };
}

const at = (shard: number, node: string): string => `${shard} ${node}`;

/** Compares every table of two cuts: per shard, every placement, and the rows behind what differs. */
export async function compareTables(request: CompareRequest, context: Context): Promise<TableResult[]> {
  const { source, target, tables, jobs } = request;
  const types = {
    source: await readTypes(source.database, withReferences(tables)),
    target: await readTypes(target.database, tables),
  };
  refuseMissing(tables.flatMap((table) => missingColumns(table, types)));
  const map = await readShards(target.database.session, target.database.connector);
  const shards = new Map(tables.map((table) => [table.table, shardsOf(map, table, target.database.head)]));
  const homes = (side: 'source' | 'target') =>
    new Map(
      tables.map((table) => {
        const expressions = expressionsOf(table, side, types);
        return [table.table, { home: homeOf(shards.get(table.table)!, expressions), expressions }];
      }),
    );
  const pools = {
    source: new SessionPool((node) => source.open(node)),
    target: new SessionPool((node) => target.open(node)),
  };
  try {
    const sourceUnits = await singleUnits(source, pools.source, tables, homes('source'));
    const targetHomes = homes('target');
    const targetUnits =
      target.database.kind === 'single'
        ? await singleUnits(target, pools.target, tables, targetHomes)
        : tables.flatMap((table) => {
            const { home, expressions } = targetHomes.get(table.table)!;
            return shardUnits(table, shards.get(table.table)!, home, expressions);
          });
    const measured = await measure(request, pools, sourceUnits, targetUnits, context);
    const runner = (pool: SessionPool): UnitRunner => {
      const limit = pLimit(jobs);
      return (unit, work) => limit(() => pool.use(unit.node, work));
    };
    const run = { source: runner(pools.source), target: runner(pools.target) };
    const results: TableResult[] = [];
    for (const table of tables) {
      const mine = (units: readonly Unit[]) => units.filter((unit) => unit.table === table);
      const units = { source: mine(sourceUnits), target: mine(targetUnits) };
      results.push(
        await judge(
          request,
          table,
          shards.get(table.table)!,
          measured.get(table.table)!,
          units,
          run,
          context,
        ),
      );
      context.progress.finish(table.table);
    }
    return results;
  } finally {
    await Promise.all([pools.source.close(), pools.target.close()]);
  }
}

function withReferences(tables: readonly TablePlan[]) {
  return tables.flatMap((table) => [
    table,
    ...(table.placement.kind === 'distributed' ? table.placement.via.map((step) => step.references) : []),
  ]);
}

function refuseMissing(missing: readonly string[]): void {
  if (missing.length === 0) return;
  throw new MigrateError('TARGET_TABLE_MISSING', {
    message: `Cannot compare, these are missing: ${missing.join(', ')}`,
    context: { missing },
  });
}

async function measure(
  { tables, mode, jobs }: CompareRequest,
  pools: { source: SessionPool; target: SessionPool },
  sourceUnits: readonly Unit[],
  targetUnits: readonly Unit[],
  context: Context,
): Promise<Map<string, Measured>> {
  const measured = new Map<string, Measured>(
    tables.map((table) => [
      table.table,
      { source: new Map(), target: new Map(), misplaced: new Set(), spent: { source: 0, target: 0 } },
    ]),
  );
  context.progress.start(
    'verify',
    tables.map((table) => ({ label: table.table, totalRows: 0, totalBytes: 0 })),
  );
  const readAll = (
    units: readonly Unit[],
    side: 'source' | 'target',
    keep: (unit: Unit, digests: BucketDigests) => void,
  ) =>
    parallel(units, jobs, context.signal, async (unit) => {
      const digests = await pools[side].use(unit.node, async (session) => {
        const startedAt = context.clock.now();
        const read = await readDigests(session, unit, mode);
        measured.get(unit.table.table)!.spent[side] += context.clock.now() - startedAt;
        return read;
      });
      keep(unit, digests);
      const { rows } = total(digests.values());
      context.progress.advance(unit.table.table, { rows: Number(rows) });
      context.metrics.count('migrate_verify_rows_total', Number(rows), {
        table: unit.table.table,
        node: unit.node.name,
      });
    });
  const keepTarget = (unit: Unit, digests: BucketDigests): void => {
    const { target, misplaced } = measured.get(unit.table.table)!;
    if (unit.shard === undefined) {
      // A plain target has one shard: everything lies where it belongs.
      for (const [bucket, digest] of digests) {
        const key = at(bucket, unit.node.name);
        target.set(key, total([target.get(key) ?? EMPTY_DIGEST, digest]));
      }
      return;
    }
    target.set(at(unit.shard, unit.node.name), total(digests.values()));
    if ([...digests.keys()].some((bucket) => bucket !== unit.shard)) misplaced.add(unit.shard);
  };
  await Promise.all([
    readAll(sourceUnits, 'source', (unit, digests) =>
      addDigests(measured.get(unit.table.table)!.source, digests),
    ),
    readAll(targetUnits, 'target', keepTarget),
  ]);
  return measured;
}

async function judge(
  request: CompareRequest,
  table: TablePlan,
  shards: TableShards,
  { source, target, misplaced, spent }: Measured,
  units: { source: readonly Unit[]; target: readonly Unit[] },
  run: { source: UnitRunner; target: UnitRunner },
  { clock }: Context,
): Promise<TableResult> {
  const results: ShardResult[] = [];
  const divergent: Discrepancy[] = [];
  const differing: number[] = [];
  shards.shards.forEach((shard, index) => {
    const number = index + 1;
    const wanted = source.get(number) ?? EMPTY_DIGEST;
    const copies = shard.nodes.map((node) => ({
      node: node.name,
      digest: target.get(at(number, node.name)) ?? EMPTY_DIGEST,
    }));
    const first = copies[0]!;
    for (const copy of copies.slice(1)) {
      if (!digestsEqual(copy.digest, first.digest)) {
        divergent.push({ kind: 'divergent', key: null, shardId: shard.shardId, node: copy.node });
      }
    }
    const differs = !digestsEqual(wanted, first.digest) || misplaced.has(number);
    if (differs) differing.push(number);
    const diverges = divergent.some((each) => each.shardId === shard.shardId);
    results.push({
      shardId: shard.shardId,
      nodes: shard.nodes.map((node) => node.name),
      source: wanted,
      target: first.digest,
      verdict: differs || diverges ? 'mismatch' : 'match',
    });
  });
  // Rows without a distribution value belong to no shard of the target.
  const homeless = source.get(0)?.rows ?? 0n;
  const sums = { source: total(source.values()), target: total(results.map((result) => result.target)) };
  const drillStartedAt = clock.now();
  const found =
    differing.length === 0 || request.mode === 'counts'
      ? { discrepancies: [], complete: true }
      : await drill({
          table,
          shards,
          differing,
          rows: sums.source.rows > sums.target.rows ? sums.source.rows : sums.target.rows,
          source: units.source,
          target: units.target.filter(
            (unit) =>
              unit.shard === undefined ||
              (differing.includes(unit.shard) && unit.node === shards.shards[unit.shard - 1]!.nodes[0]),
          ),
          max: request.maxDiscrepancies,
          runSource: run.source,
          runTarget: run.target,
        });
  const discrepancies = [...divergent, ...found.discrepancies];
  const verdict: Verdict =
    differing.length > 0 || divergent.length > 0 || homeless > 0n ? 'mismatch' : 'match';
  return {
    table: table.table,
    placement: table.placement.kind,
    verdict,
    ...sums,
    shards: results,
    discrepancies,
    discrepancyCount: discrepancies.length,
    countComplete: found.complete,
    durationMs: { ...spent, drill: clock.now() - drillStartedAt },
  };
}
