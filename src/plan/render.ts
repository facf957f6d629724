import { formatBytes, formatCount } from '../core/format.js';
import type { Finding, Placement, Plan, Severity } from '../core/plan-types.js';
import { displayWidth, pad } from '../core/text-width.js';
import { FINDINGS, type FindingCode } from './finding-codes.js';
import { sortFindings } from './findings.js';
import type { PlanReport, TableReport } from './report.js';

/** The plan for a reader: tables, then findings by severity with their remedies, then what to run next. */
export function renderPlan(plan: Plan, report: PlanReport): string {
  const findings = sortFindings([...plan.findings, ...report.findings]);
  const blocked = findings.some((one) => one.severity === 'blocker');
  const sections = [
    tableSection(plan, report),
    ...(['blocker', 'warning', 'info'] as const).map((severity) => findingSection(severity, findings)),
    blocked
      ? 'The plan is blocked. Resolve the blockers, then run `migrate plan` again.'
      : 'Next: review the plan file, then run `migrate schema` or `migrate copy`.',
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

const HEADER = ['table', 'placement', 'by', 'key', 'rows', 'size', 'shards', 'largest share'] as const;
const RIGHT = new Set(['rows', 'size', 'shards', 'largest share']);

function tableSection(plan: Plan, report: PlanReport): string {
  const roots = new Map(plan.catalog.tables.map((table) => [`${table.schema}.${table.name}`, table]));
  const rows = plan.tables.flatMap((table, place) => {
    if (roots.get(`${table.schema}.${table.name}`)?.partitionOf) return [];
    const { rows: count, exact, bytes, shards, keys } = report.tables[place] as TableReport;
    const largest = keys?.largest[0];
    const size = bytes + partBytes(plan, report, table);
    return [
      [
        table.table,
        table.placement.kind,
        keyText(table.placement),
        table.key?.join(', ') ?? 'none',
        `${exact ? '' : '~'}${formatCount(count)}`,
        formatBytes(size),
        String(shards),
        largest && count > 0 ? `${((100 * largest.rows) / count).toFixed(1)} %` : '',
      ],
    ];
  });
  const lines = [[...HEADER], ...rows];
  const widths = HEADER.map((_, column) => Math.max(...lines.map((line) => displayWidth(line[column]!))));
  return lines
    .map((line) =>
      line
        .map((cell, column) => pad(cell, widths[column]!, RIGHT.has(HEADER[column]!) ? 'right' : 'left'))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Bytes of the partitions of a table: it has none itself. */
function partBytes(plan: Plan, report: PlanReport, root: { schema: string; name: string }): number {
  let sum = 0;
  for (const [place, table] of plan.tables.entries()) {
    const parent = plan.catalog.tables.find(
      (one) => one.schema === table.schema && one.name === table.name,
    )?.partitionOf;
    if (parent?.schema !== root.schema || parent.name !== root.name) continue;
    sum += report.tables[place]!.bytes + partBytes(plan, report, table);
  }
  return sum;
}

function keyText(placement: Placement): string {
  if (placement.kind !== 'distributed') return '';
  const path = placement.via.map((step) => step.references.name);
  return path.length === 0 ? placement.column : `${placement.column} (via ${path.join(', ')})`;
}

const TITLES: Readonly<Record<Severity, string>> = {
  blocker: 'Blockers',
  warning: 'Warnings',
  info: 'Notes',
};

/** Findings of one code stand together; a remedy that is the same for all of them stands once. */
function findingSection(severity: Severity, findings: readonly Finding[]): string {
  const own = findings.filter((one) => one.severity === severity);
  if (own.length === 0) return '';
  const codes = [...new Set(own.map((one) => one.code))];
  const parts = codes.map((code) => {
    const same = own.filter((one) => one.code === code);
    const remedies = new Set(same.map((one) => one.remedy));
    const consequence = FINDINGS[code as FindingCode].consequence;
    const shared = same.length > 1 && same.every((one) => one.message.endsWith(consequence));
    const lines = same.flatMap((one) => [
      `    ${shared ? one.message.slice(0, -consequence.length).trim() : one.message}`,
      ...(remedies.size > 1 ? [`      → ${one.remedy}`] : []),
    ]);
    return [
      `  ${code}`,
      ...lines,
      ...(shared ? [`    ${consequence}`] : []),
      ...(remedies.size === 1 ? [`      → ${same[0]!.remedy}`] : []),
    ].join('\n');
  });
  return `${TITLES[severity]} (${own.length})\n${parts.join('\n')}`;
}
