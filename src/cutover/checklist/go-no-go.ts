import { GATES, type Gate } from '../gates/check.js';
import type { ChecklistFacts } from './facts.js';
import { latest } from './facts.js';

export interface Criterion {
  readonly criterion: string;
  readonly title: string;
  readonly verdict: Gate['verdict'];
  readonly evidence: string;
  readonly remedy?: string;
  readonly reason?: string;
}

export interface GoNoGo {
  /** `unknown`: nothing says no, but not everything is known. */
  readonly verdict: 'go' | 'no-go' | 'unknown';
  readonly criteria: readonly Criterion[];
}

/** Milliseconds that p95 on the target should keep below. */
export interface LatencyLimits {
  readonly singleShardP95: number;
  readonly crossShardP95: number;
}

function queries(facts: ChecklistFacts, { singleShardP95, crossShardP95 }: LatencyLimits): Criterion[] {
  const row = latest(facts, 'queries');
  const again = 'Run `migrate compare-queries`.';
  const base = { criterion: 'queries', title: "the application's statements give the same results" };
  const speed = {
    criterion: 'latency',
    title: `p95 below ${singleShardP95} ms on one shard, ${crossShardP95} ms on several`,
  };
  if (row === undefined) {
    const none = { verdict: 'inconclusive', evidence: 'no comparison is recorded', remedy: again } as const;
    return [
      { ...base, ...none },
      { ...speed, ...none },
    ];
  }
  const { verdict, statements, slower } = row.detail;
  const when = `${statements} statements, ${row.at.slice(0, 19)} UTC`;
  const same = verdict === 'match';
  const quick = Number(slower) === 0;
  return [
    {
      ...base,
      verdict: same ? 'holds' : verdict === 'mismatch' ? 'fails' : 'inconclusive',
      evidence: `${String(verdict)}: ${when}`,
      ...(same ? {} : { remedy: `Change the statements that differ. ${again}` }),
    },
    {
      ...speed,
      verdict: quick ? 'holds' : 'fails',
      evidence: `${Number(slower)} slower: ${when}`,
      ...(quick ? {} : { remedy: `See which and why (EXPLAIN on the cluster). ${again}` }),
    },
  ];
}

/** The page to decide by: every gate as it is now, and how the application's statements did. */
export function goNoGo(facts: ChecklistFacts, limits: LatencyLimits): GoNoGo {
  const titles = new Map(GATES.map(({ gate, title }) => [gate, title]));
  const gates = (facts.gates ?? []).map(
    ({ gate, ...rest }): Criterion => ({
      criterion: gate,
      title: titles.get(gate)!,
      ...rest,
    }),
  );
  const criteria = [...gates, ...queries(facts, limits)];
  const verdicts = criteria.map(({ verdict }) => verdict);
  if (verdicts.includes('fails')) return { verdict: 'no-go', criteria };
  const known = facts.gates !== undefined && !verdicts.includes('inconclusive');
  return { verdict: known ? 'go' : 'unknown', criteria };
}
