import { type Digest, formatDigest } from '../../core/digest.js';
import { MigrateError } from '../../core/errors.js';
import { formatCount, plural } from '../../core/format.js';
import type { Discrepancy, Verdict } from '../../core/verification.js';
import { writingSide } from '../../cutover/writing-side.js';
import { verifyLive } from '../../dualwrite/live.js';
import { Measurements, measurementsFile } from '../../verify/measurements.js';
import { tenantTablesOf } from '../../verify/scope.js';
import type { TableResult, VerifyResult } from '../../verify/types.js';
import { verify as compare } from '../../verify/verify.js';
import type { Command, Invocation, Outcome } from '../frame/command.js';
import { type Paint, paint, renderTable } from '../frame/table.js';
import { withDatabases } from '../support/databases.js';
import { fenceOf, fenceText } from '../support/fence.js';
import { nextCommand } from '../support/next.js';
import { note, verified } from '../support/note.js';
import { chooseTables, loadPlan, loadPlanForReturn } from '../support/plan.js';
import { printable } from '../support/printable.js';
import { refuseRepair, repairAfter } from '../support/repair.js';
import { comparedWhat, keepReports } from '../support/reports.js';
import { explainParts } from '../support/verified-parts.js';

const EXIT: Readonly<Record<Verdict, number>> = { match: 0, mismatch: 1, inconclusive: 4 };
const COLOR: Readonly<Record<Verdict, Paint>> = { match: 'green', mismatch: 'red', inconclusive: 'yellow' };

const side = (digest: Digest) => ({ rows: String(digest.rows), digest: formatDigest(digest) });

function document(result: VerifyResult): Record<string, unknown> {
  return {
    verdict: result.verdict,
    mode: result.mode,
    ...(result.sampled ? { sampled: true } : {}),
    notes: result.notes ?? [],
    tables: result.tables.map((table) => ({
      table: table.table,
      placement: table.placement,
      verdict: table.verdict,
      source: side(table.source),
      target: side(table.target),
      shards: table.shards.map((shard) => ({
        shardId: shard.shardId,
        node: shard.nodes[0],
        nodes: shard.nodes,
        verdict: shard.verdict,
        source: side(shard.source),
        target: side(shard.target),
      })),
      discrepancies: table.discrepancies,
      discrepancyCount: table.discrepancyCount,
      countComplete: table.countComplete,
      durationMs: table.durationMs,
      ...(table.sampled ? { sampled: true } : {}),
      ...(table.detail === undefined ? {} : { detail: table.detail }),
    })),
    integrity: result.integrity,
    sequences: result.sequences,
    schema: result.schema,
    skipped: result.skipped,
  };
}

/** Lines of a table's discrepancies on a terminal; --json has them all. */
const SHOWN = 20;

function describeKey({ key }: Discrepancy): string {
  if (key === null) return '';
  return ` ${Object.entries(key)
    .map(([column, value]) => `${column}=${value === null ? 'NULL' : printable(value)}`)
    .join(', ')}`;
}

function describeValues({ values = {} }: Discrepancy): string {
  const shown = (value: string | null | undefined): string =>
    value === undefined ? '–' : value === null ? 'NULL' : printable(value);
  return Object.entries(values)
    .map(([column, { source, target }]) => `\n    ${column}: ${shown(source)} → ${shown(target)}`)
    .join('');
}

function rest({ discrepancyCount, countComplete }: TableResult): string[] {
  const more = discrepancyCount - Math.min(SHOWN, discrepancyCount);
  if (more === 0 && countComplete) return [];
  const found = countComplete ? formatCount(discrepancyCount) : `at least ${formatCount(discrepancyCount)}`;
  return [`  … ${found} in all (--json lists them, --max-discrepancies says how many to look for)`];
}

function explain(table: TableResult): string {
  const { detail } = table;
  if (table.verdict === 'inconclusive') return `${table.table}: ${detail}`;
  const shards = table.shards.filter((shard) => shard.verdict === 'mismatch');
  const lines = [
    ...(detail === undefined ? [] : [`${table.table}: ${detail}`]),
    `${table.table}: ${shards.length} of ${plural(table.shards.length, 'shard')} ${shards.length === 1 ? 'differs' : 'differ'}`,
    ...shards
      .slice(0, 8)
      .map(
        (shard) =>
          `  shard ${shard.shardId} on ${shard.nodes.join(', ')}: ${plural(shard.source.rows, 'row')} expected, ${formatCount(shard.target.rows)} found`,
      ),
    ...(shards.length > 8 ? [`  … and ${shards.length - 8} more (--json lists all)`] : []),
    ...table.discrepancies
      .slice(0, SHOWN)
      .map(
        (found) =>
          `  ${found.kind}${describeKey(found)} (shard ${found.shardId}, ${found.node})${found.columns?.length ? ` in ${found.columns.join(', ')}` : ''}${describeValues(found)}`,
      ),
    ...rest(table),
  ];
  return lines.join('\n');
}

/** What to do about a mismatch: nothing is certain, for writes in between look the same. */
function next(result: VerifyResult, invocation: Invocation): string[] {
  const { reverse, verify } = invocation.config;
  const tables = result.tables.filter((table) => table.verdict === 'mismatch').map((table) => table.table);
  const line = (command: string, over: Invocation['flags'] = {}) => nextCommand(invocation, command, over);
  const anew = { tables, exclude: undefined };
  const wrong = (parts: readonly { readonly verdict: Verdict }[]) =>
    parts.some(({ verdict }) => verdict === 'mismatch');
  const lines = [
    ...(tables.length > 0 ? ['What was written on one side alone since the copy is a difference, too.'] : []),
    ...(tables.length > 0 && !reverse && verify.repair === undefined
      ? [`Next: ${line('verify --repair plan')}, which writes the statements that would mend the target.`]
      : []),
    ...(tables.length > 0
      ? [
          `Or load these tables anew: ${line('copy --phase data --truncate', anew)}`,
          `and compare again: ${line('verify', anew)}`,
        ]
      : []),
    ...(wrong(result.sequences) || wrong(result.schema)
      ? [
          `Indexes and constraints that are missing and sequences that are behind are made up for by: ${line('copy --phase after-data')}`,
          `Other parts that are not as planned have to be changed by hand; \`${line('schema --print')}\` shows how they should be.`,
        ]
      : []),
  ];
  return lines.length === 0 ? [] : [lines.join('\n')];
}

function text(result: VerifyResult, invocation: Invocation): string {
  const { style } = invocation;
  const table = renderTable(
    [
      { header: 'table', flexible: true },
      { header: 'source rows', align: 'right' },
      { header: 'target rows', align: 'right' },
      { header: 'shards', align: 'right' },
      { header: 'verdict', color: (cell) => COLOR[cell as Verdict] },
    ],
    result.tables.map((each) => [
      each.table,
      formatCount(each.source.rows),
      formatCount(each.target.rows),
      formatCount(each.shards.length),
      each.verdict,
    ]),
    style,
  );
  const parts = [
    table,
    ...result.tables.filter((each) => each.verdict !== 'match').map(explain),
    ...explainParts(result),
    ...(result.notes?.length ? [result.notes.join('\n')] : []),
    `${paint(result.verdict, COLOR[result.verdict], style)}: ${sentence(result)}`,
    ...next(result, invocation),
  ];
  return parts.join('\n\n');
}

const SENTENCE: Readonly<Record<Verdict, string>> = {
  match: 'every compared table is the same on both sides, in the shard where it belongs.',
  mismatch: 'source and target differ as listed.',
  inconclusive: 'something could not be compared.',
};

function sentence({ verdict, sampled, mode }: VerifyResult): string {
  const match = verdict === 'match';
  if (mode === 'counts')
    return `${match ? 'every compared shard has as many rows as it should.' : SENTENCE[verdict]} Only rows were counted; values were not compared.`;
  return sampled && match
    ? 'the rows of the sample are the same on both sides; the others were not compared.'
    : SENTENCE[verdict];
}

/** What a live comparison cannot be combined with. Throws USAGE. */
function refuseLive({ verify: { live, repair, resume }, reverse }: Invocation['config']): void {
  const other = reverse
    ? 'reverse'
    : repair !== undefined
      ? 'repair'
      : resume !== undefined
        ? 'resume'
        : undefined;
  if (!live || other === undefined) return;
  throw new MigrateError('USAGE', {
    message: `--live cannot stand beside --${other}`,
    hint: 'Leave one of them out.',
  });
}

export const verify: Command = {
  name: 'verify',
  summary: 'Compare source and target: rows and digests per shard',
  options: [
    'mode',
    'maxDiscrepancies',
    'showValues',
    'namespaces',
    'sample',
    'resume',
    'live',
    'repair',
    'repairFile',
    'report',
    'reverse',
  ],
  examples: [
    ['migrate verify', 'Exit code 0: everything matches; 1: differences; 4: something could not be compared'],
    ['migrate verify --mode counts', 'Rows are counted, not compared'],
    [
      'migrate verify --mode rows --resume',
      'Every row from both sides; the same command goes on after an interruption, and keeps what has not changed',
    ],
    [
      'migrate verify --live',
      'While one side takes writes: its shim tells what has changed, and the other is brought to the same moment',
    ],
    ['migrate verify --repair plan', 'Write the statements that would mend the target'],
    [
      'migrate verify --report verify.html',
      'One page to read, print and keep; verify.md is the same for a ticket',
    ],
    ['migrate verify --json --max-discrepancies 1000', 'Up to 1000 discrepant keys per table as JSON'],
  ],
  run(invocation): Promise<Outcome> {
    const { config, context } = invocation;
    refuseRepair(config);
    refuseLive(config);
    const { live } = config.verify;
    const source = live ? 'write' : 'read';
    const target = live || config.verify.repair === 'apply' ? 'write' : 'read';
    return withDatabases(invocation, { source, target }, async (sides) => {
      const plan = config.reverse ? await loadPlanForReturn(invocation) : await loadPlan(invocation, sides);
      const { mode, maxDiscrepancies, namespaces, sample, showValues, repair, resume } = config.verify;
      const request = {
        ...sides,
        plan,
        tables: chooseTables(plan, config),
        direction: config.reverse ? ('reverse' as const) : ('forward' as const),
        mode,
        maxDiscrepancies,
        scope: {
          namespaces,
          tenantTables: tenantTablesOf(plan.tables, config.distributionColumn),
          ...(sample === undefined ? {} : { sample }),
        },
        details: { values: showValues, repair: repair !== undefined },
        measurements:
          resume === undefined
            ? // After a repair everything is compared again, and what it did not touch is known.
              repair === 'apply'
              ? Measurements.ofThisRun()
              : Measurements.none()
            : await Measurements.open(resume || measurementsFile(config.plan), plan.planHash),
        jobs: config.jobs,
      };
      const found = live
        ? await verifyLive(request, () => writingSide(sides, namespaces), context)
        : await compare(request, context);
      const { result, repaired } = await repairAfter(invocation, request, found);
      await note(invocation, [sides.source, sides.target], verified(invocation, request, found, result));
      return {
        exit: EXIT[result.verdict],
        document: {
          ...document(result),
          ...fenceOf(found),
          ...comparedWhat(invocation, sides, plan),
          ...(repaired === undefined ? {} : { repair: repaired.document }),
        },
        text: [
          text(result, invocation),
          ...fenceText(found),
          ...(repaired === undefined ? [] : [repaired.text]),
        ].join('\n\n'),
        ...keepReports(invocation),
      };
    });
  },
};
