import { readFileSync } from 'node:fs';
import { MigrateError } from '../../core/errors.js';
import { formatCount, plural } from '../../core/format.js';
import { localError } from '../../files/local-error.js';
import { exitOf, type QueryVerdict } from '../../queries/assess.js';
import { compareQueries as compare, type QueryResult } from '../../queries/compare.js';
import type { Latency } from '../../queries/latency.js';
import { type Statement, statementsOf } from '../../queries/statements.js';
import { topStatements } from '../../queries/top.js';
import type { Command, Invocation, Outcome } from '../frame/command.js';
import { type Paint, paint, renderTable } from '../frame/table.js';
import { type Sides, withDatabases } from '../support/databases.js';
import { nextCommand } from '../support/next.js';
import { note } from '../support/note.js';

const COLOR: Readonly<Record<QueryVerdict, Paint>> = {
  match: 'green',
  mismatch: 'red',
  refused: 'red',
  'not-run': 'yellow',
  inconclusive: 'yellow',
};

async function readStatements(
  { config: { queries }, flags }: Invocation,
  { source }: Sides,
): Promise<Statement[]> {
  const { file, top } = queries;
  if (top !== undefined) {
    if (flags.queryFile !== undefined)
      throw new MigrateError('USAGE', { message: '--top cannot stand beside --file' });
    return topStatements(source.session, top);
  }
  if (file === undefined) throw new MigrateError('STATEMENTS_MISSING');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw localError(error, file);
  }
  return statementsOf(file, text);
}

const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
const times = (latency: Latency | undefined): string =>
  latency === undefined ? '' : [latency.p50, latency.p95, latency.p99].map(ms).join(' / ');

function routeText({ route }: QueryResult): string {
  if (route === undefined) return '';
  return route.kind === 'fan-out' ? `fan-out ${route.shards}` : route.kind;
}

function text(results: readonly QueryResult[], invocation: Invocation): string {
  const { style } = invocation;
  const table = renderTable(
    [
      { header: 'statement', flexible: true },
      { header: 'route' },
      { header: 'rows', align: 'right' },
      { header: 'source ms p50/p95/p99', align: 'right' },
      { header: 'target ms p50/p95/p99', align: 'right' },
      { header: 'target p95', color: (cell) => (cell.startsWith('over') ? 'yellow' : undefined) },
      { header: 'verdict', color: (cell) => COLOR[cell as QueryVerdict] },
    ],
    results.map((each) => [
      each.name,
      routeText(each),
      each.source.rows === undefined ? '' : formatCount(each.source.rows),
      times(each.source.latency),
      times(each.target.latency),
      each.limitMs === undefined ? '' : `${each.withinLimit ? 'below' : 'over'} ${each.limitMs} ms`,
      each.verdict,
    ]),
    style,
  );
  const why = results
    .filter(({ reason }) => reason !== undefined)
    .map(
      ({ name, verdict, sqlstate, reason }) =>
        `${name}: ${verdict}${sqlstate === undefined ? '' : ` (${sqlstate})`}: ${reason}`,
    );
  return [table, ...(why.length > 0 ? [why.join('\n')] : []), closing(results, invocation)].join('\n\n');
}

function closing(results: readonly QueryResult[], invocation: Invocation): string {
  const count = (verdict: QueryVerdict) => results.filter((each) => each.verdict === verdict).length;
  const over = results.filter(({ withinLimit }) => withinLimit === false).length;
  const parts = [
    `${count('match')} of ${plural(results.length, 'statement')} gave the same result on both sides`,
    ...(['mismatch', 'refused', 'inconclusive', 'not-run'] as const)
      .filter((verdict) => count(verdict) > 0)
      .map((verdict) => `${count(verdict)} ${paint(verdict, COLOR[verdict], invocation.style)}`),
    ...(over > 0 ? [`${over} slower on the target than the configuration asks for`] : []),
  ];
  const exit = exitOf(results.map(({ verdict }) => verdict));
  const next =
    exit === 0
      ? `Next: ${nextCommand(invocation, 'checklist')}`
      : 'Next: change the statements that were refused or differ, in the application and in the file; then run this again.';
  return `${parts.join('; ')}.\n${next}`;
}

const sideDocument = ({ rows, digest, latency }: QueryResult['source']) => ({
  ...(rows === undefined ? {} : { rows: String(rows), digest }),
  ...latency,
});

function outcome(results: readonly QueryResult[], invocation: Invocation): Outcome {
  const { runs, singleShardP95, crossShardP95 } = invocation.config.queries;
  const exit = exitOf(results.map(({ verdict }) => verdict));
  const queries = results.map((each) => ({
    ...each,
    source: sideDocument(each.source),
    target: sideDocument(each.target),
  }));
  const document = {
    verdict: exit === 0 ? 'match' : exit === 1 ? 'mismatch' : 'inconclusive',
    runs,
    limits: { singleShardP95, crossShardP95 },
    queries,
  };
  return { exit, document, text: text(results, invocation) };
}

export const compareQueries: Command = {
  name: 'compare-queries',
  summary: "Run the application's statements on both sides: results, times, shards",
  options: ['queryFile', 'top', 'runs'],
  examples: [
    [
      'migrate compare-queries --file queries.sql',
      'Exit code 0: the same results; 1: some differ or are refused',
    ],
    ['migrate compare-queries --file queries.sql --runs 200', 'Times over more runs'],
    [
      'migrate compare-queries --top 50',
      'What took most time on the source; needs its extension pg_stat_statements',
    ],
  ],
  run: (invocation) =>
    withDatabases(invocation, { source: 'read', target: 'read' }, async (sides) => {
      const { runs, singleShardP95, crossShardP95 } = invocation.config.queries;
      const statements = await readStatements(invocation, sides);
      const limits = { singleShardP95, crossShardP95 };
      const results = await compare({ ...sides, statements, runs, limits }, invocation.context);
      const found = outcome(results, invocation);
      const slower = results.filter(({ withinLimit }) => withinLimit === false).length;
      const detail = { verdict: found.document.verdict, statements: results.length, slower, limits, runs };
      await note(invocation, [sides.source, sides.target], { evidence: { kind: 'queries', detail } });
      return found;
    }),
};
