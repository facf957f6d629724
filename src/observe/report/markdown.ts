import { formatCount, formatDuration, plural } from '../../core/format.js';
import type { Discrepancy } from '../../core/verification.js';
import {
  caveats,
  difference,
  factsOf,
  found,
  rowsFound,
  ruleItems,
  schemaItems,
  skew,
  worstFirst,
} from './facts.js';
import { visible, visibleValue } from './markup.js';
import { moment } from './page.js';
import type { ReportTable, VerifyDocument } from './types.js';
import { SIGN } from './verdict.js';

/**
 * Lines of one list in a ticket, tables whose keys are listed, keys of each, and characters of a key: together below
 * the 65,536 characters that GitHub takes in one comment. The result document has all.
 */
const SHOWN = 50;
const DETAILED = 20;
const KEYS = 15;
const CLIP = 120;

/**
 * Names and keys as code: nothing in them is a mark, a link or a mention there. The fence is longer than any run of
 * backticks inside, and a bar would end a table's cell.
 */
function fenced(seen: string): string {
  const letters = [...seen];
  const text = letters.length > CLIP ? `${letters.slice(0, CLIP - 1).join('')}…` : letters.join('');
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const space = longest > 0 ? ' ' : '';
  return `${fence}${space}${text}${space}${fence}`.replaceAll('|', '\\|');
}

const code = (name: string): string => fenced(visible(name));

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  // A header that starts with > is a column of numbers.
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const names = header.map((name) => name.replace(/^>/, ''));
  const rule = header.map((name) => (name.startsWith('>') ? '---:' : '---'));
  return [line(names), line(rule), ...rows.map(line)].join('\n');
}

function limited<T>(
  items: readonly T[],
  noun: string,
  render: (shown: readonly T[]) => string,
  limit = SHOWN,
): string {
  const left = items.length - limit;
  return `${render(items.slice(0, limit))}${left > 0 ? `\n\n… and ${plural(left, noun)} more, in the result document.` : ''}`;
}

const number = (value: string | number | null | undefined, absent: string): string =>
  value === null || value === undefined ? absent : formatCount(BigInt(value));

const verdictOf = (verdict: VerifyDocument['verdict']): string => `${SIGN[verdict]} ${verdict}`;

function tables(all: readonly ReportTable[]): string {
  return limited(worstFirst(all), 'table', (shown) =>
    table(
      [
        'Table',
        'Verdict',
        '>Source rows',
        '>Target rows',
        '>Difference',
        '>Shards',
        '>Skew',
        '>Discrepancies',
      ],
      shown.map((each) => [
        code(each.table),
        verdictOf(each.verdict),
        formatCount(BigInt(each.source.rows)),
        formatCount(BigInt(each.target.rows)),
        difference(each),
        formatCount(each.shards.length),
        skew(each)?.toFixed(1) ?? '–',
        found(each),
      ]),
    ),
  );
}

function keyOf({ kind, key }: Discrepancy): string {
  if (key === null) return kind === 'divergent' ? 'the whole copy' : 'the table has no key';
  return Object.entries(key)
    .map(([column, value]) => `${code(column)} = ${value === null ? 'NULL' : fenced(visibleValue(value))}`)
    .join(', ');
}

function discrepancies(each: ReportTable, mode: string): string {
  const shards = each.shards.filter((shard) => shard.verdict !== 'match').length;
  return [
    `### ${code(each.table)}`,
    `${plural(shards, 'shard')} of ${formatCount(each.shards.length)} ${shards === 1 ? 'is' : 'are'} not a match. ${rowsFound(each, mode)}${each.detail === undefined ? '' : ` ${code(each.detail)}`}`,
    limited(
      each.discrepancies,
      'discrepancy',
      (shown) =>
        table(
          ['Kind', 'Key', 'Columns', 'Shard', 'Node'],
          shown.map((one) => [
            one.kind,
            keyOf(one),
            one.columns?.length ? one.columns.map(code).join(', ') : '–',
            one.shardId ?? '–',
            one.node === undefined ? '–' : code(one.node),
          ]),
        ),
      KEYS,
    ),
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** Of a list beside the rows only what is not a match is listed; the heading says how many there are. */
function listing<T extends { readonly verdict: VerifyDocument['verdict']; readonly detail?: string }>(
  title: string,
  noun: string,
  items: readonly T[] | undefined,
  header: readonly string[],
  cells: (item: T) => readonly string[],
): string {
  if (items === undefined) return `## ${title}\n\nNot checked in this run.`;
  const open = worstFirst(items).filter((item) => item.verdict !== 'match');
  // Of the schema what matches is summed up by kind, so that lines are no number of objects.
  const matches =
    title === 'Schema'
      ? `${open.length === 0 ? 'Everything is' : `${plural(open.length, noun)} not`} as planned.`
      : `${formatCount(items.length - open.length)} of ${plural(items.length, noun)} match.`;
  const explained = open.some((item) => item.detail !== undefined);
  const list = limited(open, noun, (shown) =>
    table(
      [...header, 'Verdict', ...(explained ? ['Detail'] : [])],
      shown.map((item) => [
        ...cells(item),
        verdictOf(item.verdict),
        ...(explained ? [item.detail === undefined ? '–' : code(item.detail)] : []),
      ]),
    ),
  );
  return [`## ${title}`, matches, list].filter(Boolean).join('\n\n');
}

/** The result for a ticket: GitHub-flavoured Markdown, short enough to be read there. */
export function renderMarkdown(document: VerifyDocument): string {
  const { verdict, versions, servers, mode, sequences } = document;
  const facts = factsOf(document);
  const differing = document.tables.filter((each) => each.verdict !== 'match');
  const citus = versions.citus === null ? '' : `, Citus ${versions.citus}`;
  const sections = [
    `# ${SIGN[verdict]} Verification: ${verdict}`,
    `**${facts.sentence}**`,
    caveats(document)
      .map((note) => `- ${note}`)
      .join('\n'),
    table(
      ['', ''],
      [
        ['Source', `${code(servers.source)}, PostgreSQL ${versions.source}`],
        ['Target', `${code(servers.target)}, PostgreSQL ${versions.target}${citus}`],
        [
          'Rows',
          `${formatCount(facts.rows.source)} in the source, ${formatCount(facts.rows.target)} in the target`,
        ],
        [
          'Compared',
          `${plural(document.tables.length, 'table')} of ${formatCount(document.tablesPlanned)}, ${plural(facts.shards, 'shard')}, mode ${mode}`,
        ],
        ['Direction', document.direction === 'reverse' ? 'cluster to single node' : 'single node to cluster'],
        ['Started', `${moment(document.startedAt)}, took ${formatDuration(document.durationMs)}`],
        ['Run', `\`${document.runId}\`, exit code ${document.exit}, migrate ${versions.migrate}`],
        ['Plan', `\`${document.planHash}\``],
      ],
    ),
    '## Tables',
    tables(document.tables) || 'None.',
    differing.length === 0 ? '' : '## Discrepancies',
    ...differing.slice(0, DETAILED).map((each) => discrepancies(each, mode)),
    differing.length > DETAILED
      ? `… and ${plural(differing.length - DETAILED, 'table')} more, in the result document.`
      : '',
    listing(
      'References',
      'reference',
      ruleItems(document, 'foreign'),
      ['Rule', 'Table', '>Orphans'],
      (item) => [code(item.constraint), code(item.table), number(item.orphans, 'unknown')],
    ),
    listing(
      'Uniqueness',
      'unique rule',
      ruleItems(document, 'unique'),
      ['Rule', 'Table', '>Duplicates'],
      (item) => [code(item.constraint), code(item.table), number(item.duplicates, 'unknown')],
    ),
    listing('Sequences', 'sequence', sequences, ['Sequence', '>Stands at', '>Must have reached'], (item) => [
      code(item.sequence),
      number(item.value, 'its start'),
      number(item.required, '–'),
    ]),
    listing('Schema', 'object', schemaItems(document), ['Object'], (item) => [code(item.object)]),
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}
