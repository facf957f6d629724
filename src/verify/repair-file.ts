import { applyingOn } from '../citus/applying.js';
import type { Node } from '../citus/database.js';
import { sql } from '../postgres/sql-files.js';
import type { RepairStep, TableRepair } from './repair-plan.js';
import { type RepairStatement, statementsOf } from './repair-sql.js';

/** What a repair file is made for. */
export interface RepairFileFacts {
  readonly head: Node;
  readonly citus: boolean;
  /** Triggers and foreign keys stay silent: the source's rows are taken as they are. */
  readonly silent: boolean;
}

const HEADER = `-- Statements that make the target's rows like the source's. Run it with psql on the coordinator (or single node):
--   psql "<URL of the target>" -f THIS_FILE
-- Every statement touches one row, and only as verification saw it: one that has changed since is refused, which
-- is said, and the others go on. Rows on single shards are mended in sections of their own at the end, each on the
-- node that it names. Then run \`migrate verify\` again. The source is not touched.
\\set ON_ERROR_STOP on
`;

/** A comment on one line, whatever the key holds. */
function comment(table: string, step: RepairStep): string {
  const { key, copies, action } = step;
  const what =
    copies === undefined
      ? key.map((value) => JSON.stringify(value)).join(', ')
      : `${copies.change} equal rows`;
  return `-- ${action} ${JSON.stringify(table)} ${what.replace(/[\u007f-\u009f\u2028\u2029]/g, '?')}`;
}

/** Steps by the place that they run at, the coordinator's first. */
export function byNode(steps: readonly RepairStep[]): Map<string, RepairStep[]> {
  const groups = new Map<string, RepairStep[]>([['', []]]);
  for (const step of steps) {
    const name = step.place.shardId === undefined ? '' : step.place.node.name;
    groups.set(name, [...(groups.get(name) ?? []), step]);
  }
  return groups;
}

/** What a transaction that mends rows starts with. */
export function transactionSettings({ citus, silent }: Pick<RepairFileFacts, 'citus' | 'silent'>): string[] {
  return [
    ...applyingOn(citus ? 'citus' : 'single'),
    ...(silent ? ['SET LOCAL session_replication_role = replica'] : []),
  ];
}

/** Sorted numerically, so that several repairs at once wait for each other in the same order. */
export function shardsOfSteps(steps: readonly RepairStep[]): string[] {
  const ids = new Set(steps.flatMap(({ place }) => (place.shardId === undefined ? [] : [place.shardId])));
  return [...ids].sort((a, b) => Number(a) - Number(b));
}

/** The text of the file; deterministic for the same differences. */
export function repairFile(repairs: readonly TableRepair[], facts: RepairFileFacts): string {
  let count = 0;
  const pins = sql('postgres/session', { read_only: 'off' })
    .replace(/^(?:--.*\n)+/, '')
    .trim();
  const lines: string[] = [HEADER, '\\o /dev/null', pins, '\\o'];
  const block = (repair: TableRepair, steps: readonly RepairStep[]): void => {
    const { table } = repair.details.table;
    lines.push('BEGIN;', ...transactionSettings(facts).map((each) => `${each};`));
    const shards = shardsOfSteps(steps);
    for (const shard of shards) lines.push(holdShard(shard));
    const deleted = new Map<RepairStep, number>();
    for (const statement of statementsOf(repair.details, steps)) {
      count += 1;
      lines.push(...statementLines(statement, table, count, deleted));
    }
    lines.push('COMMIT;', '');
  };
  const nodes = new Map<string, { node: Node; parts: { repair: TableRepair; steps: RepairStep[] }[] }>();
  for (const repair of repairs) {
    for (const [name, steps] of byNode(repair.steps)) {
      if (steps.length === 0) continue;
      if (name === '') {
        lines.push(
          `-- Table ${JSON.stringify(repair.details.table.table)}, on the coordinator or single node.`,
        );
        block(repair, steps);
      } else {
        const entry = nodes.get(name) ?? { node: steps[0]!.place.node, parts: [] };
        entry.parts.push({ repair, steps });
        nodes.set(name, entry);
      }
    }
  }
  for (const [name, { node, parts }] of nodes) {
    const { host, port } = node.conninfo.hosts[0]!;
    lines.push(
      `-- ${'-'.repeat(100)}`,
      `-- On node ${name}, on its shards themselves.`,
      `\\connect -reuse-previous=on "host='${host.replace(/['\\]/g, '\\$&')}' port=${port}"`,
      '\\o /dev/null',
      pins,
      '\\o',
    );
    for (const { repair, steps } of parts) block(repair, steps);
  }
  return `${lines.join('\n')}\n`;
}

/** A shard that was moved since ends the file: what is written to its old place would be lost. */
function holdShard(shard: string): string {
  return [
    sql('repair/hold-shard', { shard })
      .replace(/^(?:--.*\n)+/, '')
      .trim()
      .replace(/;$/, ' \\gset'),
    '\\if :here',
    '\\else',
    `\\echo Shard ${shard} has moved to another node since; run migrate verify --repair plan again.`,
    '\\quit',
    '\\endif',
  ].join('\n');
}

function statementLines(
  { step, phase, text }: RepairStatement,
  table: string,
  number: number,
  deleted: Map<RepairStep, number>,
): string[] {
  const before = deleted.get(step);
  const head = comment(table, step);
  const run = [
    text,
    `SELECT :ROW_COUNT > 0 AS done_${number} \\gset`,
    `\\if :done_${number}`,
    '\\else',
    `\\echo Refused: statement ${number}, the row has changed since it was compared`,
    '\\endif',
  ];
  if (phase === 'delete') deleted.set(step, number);
  if (before === undefined) return [head, ...run];
  return [head, `\\if :done_${before}`, ...run, '\\endif'];
}
