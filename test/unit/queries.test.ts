import { describe, expect, test } from 'vitest';
import { type Answer, assessQuery, exitOf, type QueryFacts } from '../../src/queries/assess.js';
import { indexesOf, routeOf, unplannedOf } from '../../src/queries/explained.js';
import { latencyOf } from '../../src/queries/latency.js';
import { outlineOf } from '../../src/queries/outline.js';
import { ResultDigester } from '../../src/queries/result-digest.js';
import { statementsOf } from '../../src/queries/statements.js';

const texts = (sql: string): string[] => statementsOf('q.sql', sql).map(({ text }) => text);

describe('a file of statements', () => {
  test.each([
    ['SELECT 1; SELECT 2', ['SELECT 1', 'SELECT 2']],
    [`SELECT ';', E'\\';', "a;b";`, [`SELECT ';', E'\\';', "a;b"`]],
    ['SELECT $$;$$, $x$ $$; $x$; SELECT $1', ['SELECT $$;$$, $x$ $$; $x$', 'SELECT $1']],
    ['SELECT 1 /* ; /* ; */ ; */ ; -- ;\n;;', ['SELECT 1 /* ; /* ; */ ; */']],
    ['SELECT a$1;', ['SELECT a$1']],
  ])('is cut at its semicolons and nowhere else: %j', (sql, found) => {
    expect(texts(sql)).toEqual(found);
  });

  test('has names and parameters above its statements', () => {
    const sql = `
      -- a remark
      -- name: by key
      -- params: ["a", 1, null, true, [1, 2]]
      -- params: ["b"]
      SELECT $1;
      SELECT 2; -- params: [3]
      SELECT $1`;
    expect(statementsOf('q.sql', sql)).toEqual([
      { name: 'by key #1', text: 'SELECT $1', parameters: ['a', 1, null, true, [1, 2]] },
      { name: 'by key #2', text: 'SELECT $1', parameters: ['b'] },
      { name: 'q.sql:7', text: 'SELECT 2' },
      { name: 'q.sql:8', text: 'SELECT $1', parameters: [3] },
    ]);
  });

  test.each([
    ['-- params: {"a": "secret"}\nSELECT 1', /q\.sql:1: the parameters are not a JSON array/],
    ['\n-- params: [secret]\nSELECT 1', /q\.sql:2: the parameters are not JSON/],
    ['-- params: [9007199254740993]\nSELECT 1', /more digits than JSON keeps/],
    ['SELECT 1;\n-- params: [1]', /no statement follows/],
    [`SELECT 1;\nSELECT 'secret`, /q\.sql:2: a quote or comment is never closed/],
    ['SELECT 1; /* secret', /q\.sql:1: a quote or comment is never closed/],
    ['SELECT 1; SELECT $x$ secret', /never closed/],
  ])('is refused with its line and none of its values: %j', (sql, message) => {
    expect(() => statementsOf('q.sql', sql)).toThrow(message);
    expect(() => statementsOf('q.sql', sql)).not.toThrow(/secret/);
  });

  test('without statements is told', () => {
    expect(() => statementsOf('q.sql', ' -- nothing\n ;')).toThrow(
      expect.objectContaining({ code: 'STATEMENTS_MISSING' }),
    );
  });
});

describe('the outline of a statement', () => {
  test.each([
    ['SELECT 1', { reads: true, ordered: false, cut: false, parameters: 0 }],
    ['-- x\n(values (1)) ', { reads: true }],
    ['WITH a AS (SELECT 1 ORDER BY 1 LIMIT 1) SELECT * FROM a', { reads: true, ordered: false, cut: false }],
    ['select row_number() over (order by a) from t', { ordered: false }],
    ['select a from t order /* */ by a fetch first row only', { ordered: true, cut: true }],
    [
      `select 'order by' as "limit" from t where a = $2 or b = '$9'`,
      { ordered: false, cut: false, parameters: 2 },
    ],
    ['update t set a = 1', { reads: false }],
    ['CALL p()', { reads: false }],
  ])('of %j', (sql, outline) => {
    expect(outlineOf(sql)).toMatchObject(outline);
  });
});

test('percentiles are by the nearest rank', () => {
  expect(latencyOf([])).toBeUndefined();
  expect(latencyOf([3])).toEqual({ runs: 1, p50: 3, p95: 3, p99: 3 });
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
  expect(latencyOf(hundred)).toEqual({ runs: 100, p50: 50, p95: 95, p99: 99 });
});

describe('a digest of rows', () => {
  const digest = (...rows: (string | null)[][]) => {
    const digester = new ResultDigester();
    for (const row of rows) digester.add(row);
    return digester.finish(['a']);
  };
  test('tells apart what differs in a byte, in NULL, in where a value ends, and in how often a row comes', () => {
    const different = [
      digest(),
      digest(['']),
      digest([null]),
      digest(['a']),
      digest(['a ']),
      digest(['a', 'b']),
      digest(['ab', '']),
      digest(['a'], ['a']),
      digest(['a'], ['a'], ['a']),
    ];
    expect(new Set(different.map(({ set }) => set)).size).toBe(different.length);
    expect(new Set(different.map(({ sequence }) => sequence)).size).toBe(different.length);
  });
});

describe('the plan', () => {
  const job = (count: number, more = {}) => ({
    'Distributed Query': { Job: { 'Task Count': count, ...more } },
  });
  test('says how many shards are touched, also by subplans', () => {
    expect(routeOf([{ Plan: { 'Node Type': 'Result' } }])).toEqual({ kind: 'local', shards: 0 });
    expect(routeOf([{ Plan: job(1) }])).toEqual({ kind: 'single-shard', shards: 1 });
    const nested = [{ Plan: { ...job(1), Subplans: [{ PlannedStmt: [{ Plan: job(8) }] }] } }];
    expect(routeOf(nested)).toEqual({ kind: 'fan-out', shards: 8 });
  });

  test('names indexes, and statements that no worker plans', () => {
    expect(indexesOf([{ Plan: { Plans: [{ 'Index Name': 'i' }, { 'Index Name': 'i' }] } }])).toEqual(['i']);
    const tasks = { Tasks: [{ Query: 'INSERT 1', Error: 'no' }, { Query: 'INSERT 2' }] };
    expect(unplannedOf([{ Plan: job(1, tasks) }])).toEqual(['INSERT 1']);
  });
});

describe('what the answers of both sides mean', () => {
  const result = (set: string, more = {}) => ({ columns: ['a'], rows: 1, set, sequence: set, ...more });
  const facts = (
    sql: string,
    source: Answer,
    target: Answer,
    more: Partial<QueryFacts> = {},
  ): QueryFacts => ({
    outline: outlineOf(sql),
    parametersKnown: true,
    approximate: false,
    source,
    target,
    ...more,
  });
  const refusal = (sqlstate: string): Answer => ({ refusal: { sqlstate, reason: 'why' } });
  const one: Answer = { result: result('x') };
  const other: Answer = { result: result('y') };
  const shuffled: Answer = { result: result('x', { sequence: 'y' }) };
  test.each<[string, QueryFacts, object]>([
    ['the same', facts('SELECT', one, one), { verdict: 'match' }],
    ['another order that nobody asked for', facts('SELECT', one, shuffled), { verdict: 'match' }],
    [
      'another order than asked for',
      facts('SELECT a ORDER BY a', one, shuffled),
      { verdict: 'mismatch', reason: /ties/ },
    ],
    ['other rows', facts('SELECT', one, other), { verdict: 'mismatch', reason: /values/ }],
    [
      'other columns',
      facts('SELECT', one, { result: result('x', { columns: ['a', 'b'] }) }),
      { verdict: 'mismatch', reason: /b on the target alone/ },
    ],
    [
      'what changes by itself',
      facts('SELECT', { ...one, unstable: true }, other),
      { verdict: 'inconclusive' },
    ],
    ['a cut without an order', facts('SELECT a LIMIT 1', one, other), { verdict: 'inconclusive' }],
    ['a cut with an order', facts('SELECT a ORDER BY a LIMIT 1', one, other), { verdict: 'mismatch' }],
    [
      'nearest neighbours',
      facts('SELECT a ORDER BY a LIMIT 1', one, other, { approximate: true }),
      { verdict: 'inconclusive' },
    ],
    [
      'a refusal of the target',
      facts('SELECT', one, refusal('0A000')),
      { verdict: 'refused', sqlstate: '0A000' },
    ],
    ['values that the target refuses', facts('SELECT', one, refusal('22012')), { verdict: 'refused' }],
    ['a refusal of both', facts('SELECT', refusal('42P01'), refusal('42P01')), { verdict: 'inconclusive' }],
    ['a write', facts('UPDATE t', {}, {}), { verdict: 'not-run' }],
    ['a write that the target refuses', facts('UPDATE t', {}, refusal('42P10')), { verdict: 'refused' }],
    ['a write that takes ids', facts('INSERT', {}, refusal('25006')), { verdict: 'not-run' }],
    ['a lock', facts('SELECT', refusal('25006'), {}), { verdict: 'not-run' }],
    ['a write on the target alone', facts('SELECT', one, refusal('25006')), { verdict: 'inconclusive' }],
    ['too long', facts('SELECT', one, refusal('57014')), { verdict: 'inconclusive' }],
    ['unknown parameters', facts('SELECT', {}, {}, { parametersKnown: false }), { verdict: 'inconclusive' }],
    [
      'unknown parameters of what is refused',
      facts('SELECT', {}, refusal('0A000'), { parametersKnown: false }),
      { verdict: 'refused' },
    ],
    [
      'unknown parameters that may not be NULL',
      facts('INSERT', {}, refusal('22004'), { parametersKnown: false }),
      { verdict: 'inconclusive' },
    ],
  ])('%s', (_, given, { reason, ...wanted }: { reason?: RegExp }) => {
    const found = assessQuery(given);
    expect(found).toMatchObject(wanted);
    if (reason !== undefined) expect(found.reason).toMatch(reason);
    expect(found.verdict === 'match').toBe(found.reason === undefined);
  });

  test('together give the exit code: no over nobody knows over yes', () => {
    expect(exitOf(['match', 'not-run'])).toBe(0);
    expect(exitOf(['match', 'inconclusive'])).toBe(4);
    expect(exitOf(['not-run'])).toBe(4);
    expect(exitOf([])).toBe(4);
    expect(exitOf(['match', 'inconclusive', 'refused'])).toBe(1);
    expect(exitOf(['mismatch', 'match'])).toBe(1);
  });
});
