import type { IntegrityResult, Verdict } from '../../src/core/verification.js';
import type { ReportShard, ReportTable, VerifyDocument } from '../../src/observe/report/types.js';

const side = (rows: number) => ({
  rows: String(rows),
  digest: `${rows}-${'0'.repeat(32)}-${'0'.repeat(16)}`,
});

/** A shard with as many rows on both sides, or with other rows on the target. */
export function reportShard(
  index: number,
  rows: number,
  {
    found = rows,
    verdict = 'match',
    nodes = [`worker-${(index % 2) + 1}:5432`],
  }: { found?: number; verdict?: Verdict; nodes?: readonly string[] } = {},
): ReportShard {
  return { shardId: String(102_008 + index), nodes, verdict, source: side(rows), target: side(found) };
}

/** A table whose totals are those of its shards. */
export function reportTable(
  table: string,
  shards: readonly ReportShard[],
  more: Partial<ReportTable> = {},
): ReportTable {
  const sum = (of: 'source' | 'target') => shards.reduce((rows, shard) => rows + Number(shard[of].rows), 0);
  const discrepancies = more.discrepancies ?? [];
  return {
    table,
    placement: 'distributed',
    verdict: shards.some((shard) => shard.verdict === 'mismatch') ? 'mismatch' : 'match',
    source: side(sum('source')),
    target: side(sum('target')),
    shards,
    discrepancies,
    discrepancyCount: discrepancies.length,
    countComplete: true,
    durationMs: { source: 1200, target: 900, drill: 0 },
    ...more,
  };
}

/** A document of `verify`: a match of nothing unless told otherwise. */
export function verifyDocument(more: Partial<VerifyDocument> = {}): VerifyDocument {
  return {
    exit: 0,
    runId: '1f2e3d4c',
    startedAt: '2026-01-02T03:04:05.678Z',
    durationMs: 83_456,
    verdict: 'match',
    mode: 'digest',
    direction: 'forward',
    planHash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    tablesPlanned: more.tables?.length ?? 0,
    versions: { migrate: '0.1.0', source: '15.18', target: '15.18', citus: '13.2-2' },
    servers: { source: 'db:5432/app', target: 'coordinator:5432/app' },
    tables: [],
    sequences: [],
    ...more,
  };
}

export const missing = (key: Record<string, string | null> | null) =>
  ({ kind: 'missing', key, shardId: '102008', node: 'worker-1:5432' }) as const;

export const rule = (more: Partial<IntegrityResult>): IntegrityResult => ({
  kind: 'foreign',
  table: 'a',
  constraint: 'a_b_fkey',
  verdict: 'mismatch',
  orphans: 2,
  keys: [],
  ...more,
});

/** One table with one differing shard. */
export function damaged(more: Partial<ReportTable> = {}): ReportTable {
  const shards = [reportShard(0, 10, { found: 9, verdict: 'mismatch' }), reportShard(1, 30)];
  return reportTable('item', shards, { discrepancies: [missing({ id: '7' })], ...more });
}
