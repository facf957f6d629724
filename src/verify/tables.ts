import type { Node } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { digestsEqual, EMPTY_DIGEST } from '../core/digest.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Discrepancy, Verdict } from '../core/verification.js';
import type { CheckedSide } from './checked-side.js';
import type { Found } from './classify.js';
import { RowComparison } from './compare-rows.js';
import { type Comparison, openComparison, type TablePair } from './comparison.js';
import { readDetails, type Suspects, suspectsOf, withValues } from './details.js';
import { type Mode, total } from './digests.js';
import { type DrillResult, drill } from './drill.js';
import { type Measured, measure, placementKey } from './measure.js';
import type { Measurements } from './measurements.js';
import { pinpoint } from './pinpoint.js';
import { type RowScope, tablesInScope } from './scope.js';
import type { ShardResult, TableResult } from './types.js';
import type { Unit } from './units.js';

export interface CompareRequest {
  /** The single node. */
  readonly source: CheckedSide;
  /** The cluster, or a plain PostgreSQL in its place. */
  readonly target: CheckedSide;
  readonly tables: readonly TablePlan[];
  readonly mode: Mode;
  readonly scope: RowScope;
  readonly maxDiscrepancies: number;
  /** What is read of discrepant rows besides their keys: values to be shown, all that a repair needs, or nothing. */
  readonly details: { readonly values: boolean; readonly repair: boolean };
  readonly measurements: Measurements;
  readonly jobs: number;
}

const NOTHING_FOUND: DrillResult = { found: [], complete: true };

/** Compares every table of two cuts: per shard, every placement, and the rows behind what differs. */
export async function compareTables(request: CompareRequest, context: Context): Promise<TableResult[]> {
  const { source, target, mode, scope, jobs, measurements } = request;
  const tables = tablesInScope(request.tables, scope);
  const comparison = await openComparison({ source, target }, tables, scope, jobs);
  context.progress.start(
    'verify',
    comparison.pairs.map(({ table, rows, chosen }) => ({
      label: table.table,
      // Of some tenants it is not known how many rows they have.
      totalRows: chosen === undefined ? Math.round((rows * (scope.sample ?? 100)) / 100) : 0,
      totalBytes: 0,
    })),
  );
  const results: TableResult[] = [];
  const pairsWhere = (wanted: boolean): Comparison => ({
    ...comparison,
    pairs: comparison.pairs.filter(
      (pair) => (mode === 'counts' || !comparison.incomparable.has(pair)) === wanted,
    ),
  });
  const counts = await measure(pairsWhere(false), 'counts', jobs, measurements, context);
  const measured =
    mode === 'rows' ? undefined : await measure(pairsWhere(true), mode, jobs, measurements, context);
  for (const pair of comparison.pairs) {
    const found = counts.get(pair);
    if (found !== undefined) {
      const result = await judge({ ...request, mode: 'counts' }, comparison, pair, found, context);
      results.push(withoutAnswer(result, comparison.incomparable.get(pair)!));
    } else if (measured === undefined) {
      const rows = new RowComparison(comparison, pair, request.maxDiscrepancies, measurements, context);
      const { measured: streamed, ...found } = await rows.run(jobs);
      results.push(await judge(request, comparison, pair, streamed, context, found));
    } else {
      results.push(await judge(request, comparison, pair, measured.get(pair)!, context));
    }
    context.progress.finish(pair.table.table);
  }
  return results;
}

/** Rows were counted, values not compared: another count is a mismatch, the same count is no match. */
function withoutAnswer(result: TableResult, detail: string): TableResult {
  const doubt = (verdict: Verdict): Verdict => (verdict === 'match' ? 'inconclusive' : verdict);
  return {
    ...result,
    verdict: doubt(result.verdict),
    shards: result.shards.map((shard) => ({ ...shard, verdict: doubt(shard.verdict) })),
    detail,
  };
}

/** The shards of a table by what their digests say. */
function compareShards({ shards, chosen }: TablePair, { source, target, misplaced }: Measured) {
  const results: ShardResult[] = [];
  const divergent: Discrepancy[] = [];
  /** 1-based: those that differ from the source, and those whose placements differ from each other. */
  const differing = new Set<number>();
  const diverging = new Set<number>();
  const speakers = new Map<number, Node>();
  shards.shards.forEach((shard, index) => {
    const number = index + 1;
    if (chosen?.has(number) === false) return;
    const wanted = source.get(number) ?? EMPTY_DIGEST;
    const copies = shard.nodes.map((node) => ({
      node,
      digest: target.get(placementKey(number, node.name)) ?? EMPTY_DIGEST,
    }));
    // A copy that equals the source speaks for the shard: the others are those that went astray.
    const first = copies.find((copy) => digestsEqual(copy.digest, wanted)) ?? copies[0]!;
    speakers.set(number, first.node);
    for (const copy of copies) {
      if (digestsEqual(copy.digest, first.digest)) continue;
      diverging.add(number);
      divergent.push({ kind: 'divergent', key: null, shardId: shard.shardId, node: copy.node.name });
    }
    if (!digestsEqual(wanted, first.digest) || misplaced.has(number)) differing.add(number);
    results.push({
      shardId: shard.shardId,
      nodes: [first, ...copies.filter((copy) => copy !== first)].map(({ node }) => node.name),
      source: wanted,
      target: first.digest,
      verdict: differing.has(number) || diverging.has(number) ? 'mismatch' : 'match',
    });
  });
  return { results, divergent, differing, diverging, speakers };
}

async function judge(
  request: CompareRequest,
  comparison: Comparison,
  pair: TablePair,
  measured: Measured,
  { clock }: Context,
  streamed?: DrillResult,
): Promise<TableResult> {
  const startedAt = clock.now();
  const { table } = pair;
  const { results, divergent, differing, diverging, speakers } = compareShards(pair, measured);
  const sums = {
    source: total(measured.source.values()),
    target: total(results.map((result) => result.target)),
  };
  const rows = sums.source.rows > sums.target.rows ? sums.source.rows : sums.target.rows;
  const look = (shards: readonly number[], target: readonly Unit[]): Promise<DrillResult> =>
    drill({
      table,
      shards: pair.shards,
      differing: shards,
      rows,
      source: pair.source.units,
      target,
      max: request.maxDiscrepancies,
      runSource: comparison.source.run,
      runTarget: comparison.target.run,
    });
  const first = speakingUnits(pair, speakers, pair.chosen === undefined ? differing : undefined);
  const nothing = differing.size === 0 || request.mode === 'counts';
  const found: DrillResult =
    streamed ??
    (nothing ? NOTHING_FOUND : undefined) ??
    (await fromParts(request, comparison, pair, measured, [...differing], speakers, first)) ??
    (await look([...differing], first));
  const { values, repair } = request.details;
  const suspects: Found[] = [...found.found];
  if (repair) {
    for (const shard of diverging) {
      const copies = pair.target.whole.filter((unit) => unit.shard === shard && !first.includes(unit));
      for (const unit of copies) suspects.push(...(await look([shard], [unit])).found);
    }
  }
  const details =
    (values || repair) && suspects.length > 0
      ? await readBoth(comparison, pair, suspectsOf(table, suspects), [...differing, ...diverging])
      : { source: [], target: [] };
  const discrepancies = [
    ...divergent,
    ...(values
      ? withValues(pair, found.found, details.source, details.target)
      : found.found.map(({ discrepancy }) => discrepancy)),
  ];
  // Rows without a distribution value belong to no shard of the target.
  const homeless = measured.source.get(0)?.rows ?? 0n;
  const mismatch = differing.size > 0 || divergent.length > 0 || homeless > 0n;
  const verdict: Verdict = mismatch ? 'mismatch' : 'match';
  return {
    table: table.table,
    placement: table.placement.kind,
    verdict,
    ...sums,
    shards: results,
    discrepancies,
    discrepancyCount: discrepancies.length,
    countComplete: found.complete,
    durationMs: { ...measured.spent, drill: clock.now() - startedAt },
    ...(request.scope.sample === undefined ? {} : { sampled: true as const }),
    ...(repair && suspects.length > 0
      ? {
          details: {
            table,
            shards: pair.shards,
            divergent: diverging,
            expressions: pair.target.expressions,
            ...details,
          },
        }
      : {}),
  };
}

/** The rows that differ, where the first pass has left enough to go by. */
async function fromParts(
  { maxDiscrepancies: max }: CompareRequest,
  { source, target }: Comparison,
  pair: TablePair,
  { parts }: Measured,
  differing: readonly number[],
  speakers: ReadonlyMap<number, Node>,
  placements: readonly Unit[],
): Promise<DrillResult | undefined> {
  const there = new Map(
    differing.map((shard) => [shard, parts.target.get(placementKey(shard, speakers.get(shard)!.name))!]),
  );
  // What an earlier run measured is known for whole shards alone.
  const known =
    [...there.values()].every(Boolean) && pair.source.units.every((unit) => parts.source.has(unit));
  if (!known || pair.chosen !== undefined) return undefined;
  return pinpoint({
    table: pair.table,
    shards: pair.shards,
    differing,
    slices: pair.slices,
    source: parts.source,
    wholes: pair.source.whole,
    target: there,
    placements,
    max,
    runSource: source.run,
    runTarget: target.run,
  });
}

/**
 * The units that read the placement that speaks for its shard, of some shards or of all, or a plain target. Tenants'
 * rows are looked for in all of them, for one may lie where no tenant of the scope belongs.
 */
function speakingUnits(
  { target, shards }: TablePair,
  speakers: ReadonlyMap<number, Node>,
  among: ReadonlySet<number> | undefined,
): Unit[] {
  return target.units.filter(
    ({ shard, node }) =>
      shard === undefined ||
      ((among?.has(shard) ?? true) && node === (speakers.get(shard) ?? shards.shards[shard - 1]!.nodes[0])),
  );
}

async function readBoth(
  comparison: Comparison,
  pair: TablePair,
  suspects: Suspects,
  shards: readonly number[],
) {
  const target = pair.target.whole.filter(
    ({ shard }) => shard === undefined || pair.chosen !== undefined || shards.includes(shard),
  );
  const [left, right] = await Promise.all([
    readDetails(pair.source.whole, suspects, 'source', comparison.source.run),
    readDetails(target, suspects, 'target', comparison.target.run),
  ]);
  return { source: left, target: right };
}
