import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { buildChecklist, dateOf } from '../../src/cutover/checklist/build.js';
import type { ChecklistFacts } from '../../src/cutover/checklist/facts.js';
import { renderChecklist } from '../../src/cutover/checklist/markdown.js';
import { CHECKLIST } from '../../src/cutover/checklist/steps.js';
import { GATES, type Gate } from '../../src/cutover/gates/check.js';
import type { EvidenceRow } from '../../src/ledger/record.js';

const AT = '2026-03-01 12:00:00.123456+00';
const row = (kind: string, detail: object): EvidenceRow => ({
  id: '1',
  at: AT,
  runId: 'r',
  kind,
  detail: detail as EvidenceRow['detail'],
});
const status: ChecklistFacts['status'] = {
  phase: 'planned',
  meaning: '',
  since: null,
  tables: [],
  lag: null,
  lagBack: null,
  writes: null,
  lastVerification: null,
  next: 'plan',
  unreachable: [],
};
const nothing: ChecklistFacts = { status, evidence: [], phases: [], reverse: false };
const open: readonly Gate[] = GATES.map(({ gate }) => ({ gate, verdict: 'holds', evidence: 'fine' }));
const options = { owners: {}, limits: { singleShardP95: 10, crossShardP95: 25 } };
const build = (facts: Partial<ChecklistFacts>) => buildChecklist({ ...nothing, ...facts }, options);
const states = (facts: Partial<ChecklistFacts>): Record<string, string> =>
  Object.fromEntries(build(facts).steps.map(({ id, state }) => [id, state]));

const whole: Partial<ChecklistFacts> = {
  plan: { hash: 'abc', blockers: 0, tables: 3 },
  status: {
    ...status,
    phase: 'cut-over',
    lag: { changes: 0, seconds: 0 },
    writes: { share: 100, named: {} },
  },
  evidence: [
    row('load', { phase: 'all', planHash: 'abc' }),
    row('queries', { verdict: 'match', statements: 4, slower: 0 }),
    row('verification', { verdict: 'match', whole: true, direction: 'forward', live: true, mode: 'digest' }),
    row('move', { direction: 'forward', share: 100, namespaces: [] }),
  ],
  phases: [{ id: '1', at: AT, runId: 'r', phase: 'cut-over', detail: {} }],
  reverse: true,
  gates: open,
};

describe('the checklist', () => {
  test('ticks nothing without evidence', () => {
    const found = states({});
    expect(Object.values(found).filter((state) => state === 'done')).toEqual([]);
    expect(build({}).goNoGo.verdict).toBe('unknown');
  });

  test('ticks every step that is recorded, and none that only a person can know', () => {
    const found = states(whole);
    const rest = Object.entries(found).filter(([, state]) => state !== 'done');
    expect(rest).toEqual([
      ['rehearsal', 'by hand'],
      ['grace', 'by hand'],
      ['finish', 'open'],
    ]);
    expect(build(whole).goNoGo.verdict).toBe('go');
  });

  test.each<[string, Partial<ChecklistFacts>]>([
    ['plan', { plan: { hash: 'abc', blockers: 1, tables: 3 } }],
    ['copy', { evidence: [row('load', { phase: 'all', planHash: 'other' })] }],
    ['queries', { evidence: [row('queries', { verdict: 'mismatch', statements: 4, slower: 0 })] }],
    [
      'verify',
      { evidence: [row('verification', { verdict: 'mismatch', whole: true, direction: 'forward' })] },
    ],
    [
      'backup',
      { gates: open.map((gate) => (gate.gate === 'backup' ? { ...gate, verdict: 'fails' } : gate)) },
    ],
    ['go', { gates: open.map((gate) => (gate.gate === 'lag' ? { ...gate, verdict: 'fails' } : gate)) }],
    ['share-100', { status: { ...status, writes: { share: 10, named: {} } } }],
  ])('says that %s failed, and ticks it not', (id, change) => {
    expect(states({ ...whole, ...change })[id]).toBe('failed');
  });

  test.each<[string, Partial<ChecklistFacts>]>([
    ['copy', { evidence: [row('load', { phase: 'data', planHash: 'abc' })] }],
    ['verify', { evidence: [row('verification', { verdict: 'match', whole: false, direction: 'forward' })] }],
    ['verify', { evidence: [row('verification', { verdict: 'match', whole: true, direction: 'reverse' })] }],
    ['share-50', { status: { ...status, writes: { share: 10, named: {} } }, evidence: [] }],
    ['canary', { evidence: [row('move', { direction: 'reverse', share: 0, namespaces: [] })] }],
    [
      'reverse',
      {
        gates: open.map((gate) =>
          gate.gate === 'reverse-capture' ? { ...gate, verdict: 'inconclusive' } : gate,
        ),
      },
    ],
  ])('leaves %s open for evidence of something else', (id, change) => {
    expect(states({ ...whole, ...change })[id]).toBe('open');
  });

  test('goes from a week before to a week after, and every command in it exists', () => {
    const days = CHECKLIST.map(({ day }) => day);
    expect(days).toEqual([...days].sort((one, other) => one - other));
    expect([days[0], days.at(-1)]).toEqual([-7, 7]);
    const names: readonly string[] = COMMANDS.map(({ name }) => name);
    const used = CHECKLIST.flatMap(({ commands }) => commands).map((line) => line.split(' ')[1]!);
    expect(used.filter((name) => !names.includes(name) && !['cutover', 'finish'].includes(name))).toEqual([]);
    expect(dateOf('2026-03-01', -7)).toBe('2026-02-22');
  });
});

describe('the go or no-go page', () => {
  const verdictOf = (facts: Partial<ChecklistFacts>) => build({ ...whole, ...facts }).goNoGo.verdict;
  const gate = (verdict: Gate['verdict']) => ({ gates: [{ ...open[0]!, verdict }, ...open.slice(1)] });
  test('says no for one criterion, and nothing where something is not known', () => {
    expect(verdictOf(gate('accepted'))).toBe('go');
    expect(verdictOf(gate('fails'))).toBe('no-go');
    expect(verdictOf(gate('inconclusive'))).toBe('unknown');
    const slow = row('queries', { verdict: 'match', statements: 4, slower: 1 });
    expect(verdictOf({ evidence: [slow] })).toBe('no-go');
    const { gates: _, ...unseen } = whole;
    expect(buildChecklist({ ...nothing, ...unseen }, options).goNoGo.verdict).toBe('unknown');
  });

  test('is Markdown that evidence cannot break', () => {
    const nasty = { ...open[0]!, evidence: 'a | b\n# <script> [x](y)' };
    const text = renderChecklist(build({ ...whole, gates: [nasty] }));
    expect(text).toContain('a \\| b \\# \\<script\\> \\[x\\](y)');
    expect(text).toMatch(/^- \[x\] \*\*plan\*\*/m);
    expect(text).toMatch(/^- \[ \] \*\*rehearsal\*\*/m);
  });
});
