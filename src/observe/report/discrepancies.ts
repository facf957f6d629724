import { formatCount, plural } from '../../core/format.js';
import type { Discrepancy } from '../../core/verification.js';
import { KINDS, rowsFound } from './facts.js';
import { grid } from './grid.js';
import { html, type Markup, type Part, visible, visibleValue } from './markup.js';
import type { ReportShard, ReportTable } from './types.js';
import { badge } from './verdict.js';

/** Rows of one table that a page lists; the result document has all. */
const SHOWN = 1000;

const SIGNS: Readonly<Record<string, string>> = {
  missing: '−',
  extra: '+',
  mismatched: '≠',
  misplaced: '↷',
  divergent: '⇄',
};

/** Key columns with their values, each in an element of its own: no value can look like another column. */
export function keyOf({ kind, key }: Pick<Discrepancy, 'key'> & { readonly kind?: string }): Part {
  if (key === null) return html`<em>${kind === 'divergent' ? 'the whole copy' : 'the table has no key'}</em>`;
  return Object.entries(key).map(
    ([column, value]) => html`<span class="key">${visible(column)}&nbsp;= ${shown(value)}</span> `,
  );
}

function shown(value: string | null | undefined): Part {
  if (value === undefined) return '–';
  return value === null ? html`<em>NULL</em>` : html`<code><bdi>${visibleValue(value)}</bdi></code>`;
}

/** The columns that differ, with both values where they were asked for. */
function columnsOf({ columns = [], values }: Discrepancy): Part {
  if (values !== undefined)
    return Object.entries(values).map(
      ([column, { source, target }]) =>
        html`<div>${visible(column)}: ${shown(source)} → ${shown(target)}</div>`,
    );
  return columns.length > 0 ? columns.map(visible).join(', ') : '–';
}

function differingShards(shards: readonly ReportShard[]): Markup {
  const differing = shards.filter((shard) => shard.verdict !== 'match');
  return html`${grid(
    'Shards that are not a match',
    [
      { header: 'Shard' },
      { header: 'Verdict' },
      { header: 'Nodes' },
      { header: 'Expected rows', number: true },
      { header: 'Found rows', number: true },
    ],
    differing
      .slice(0, SHOWN)
      .map((shard) => [
        html`${visible(shard.shardId)}${shard.detail !== undefined && html`<br><small>${shard.detail}</small>`}`,
        badge(shard.verdict),
        visible(shard.nodes.join(', ')),
        formatCount(BigInt(shard.source.rows)),
        formatCount(BigInt(shard.target.rows)),
      ]),
  )}${differing.length > SHOWN && html`<p class="note">… and ${plural(differing.length - SHOWN, 'shard')} more, in the result document.</p>`}`;
}

function rowsThatDiffer(table: ReportTable): Markup {
  const shown = table.discrepancies.slice(0, SHOWN);
  const left = table.discrepancyCount - shown.length;
  return html`${grid(
    `Discrepancies of ${visible(table.table)}`,
    [{ header: 'Kind' }, { header: 'Key' }, { header: 'Columns' }, { header: 'Shard' }, { header: 'Node' }],
    shown.map((each) => [
      html`<span class="kind"><b aria-hidden="true">${SIGNS[each.kind] ?? '•'}</b> ${each.kind}</span>`,
      keyOf(each),
      columnsOf(each),
      each.shardId ?? '–',
      each.node === undefined ? '–' : visible(each.node),
    ]),
  )}${left > 0 && html`<p class="note">… and ${formatCount(left)} more, in the result document.</p>`}${
    !table.countComplete &&
    html`<p class="note">There may be more: the search stopped at its limit (--max-discrepancies).</p>`
  }`;
}

/** Per table that is not a match: its shards and the keys of its rows. */
export function discrepancies(tables: readonly ReportTable[], mode: string): Markup {
  const differing = tables.flatMap((table, index) => (table.verdict === 'match' ? [] : [{ table, index }]));
  const kinds = new Set<string>(tables.flatMap((table) => table.discrepancies.map(({ kind }) => kind)));
  return html`<section aria-labelledby="differences">
<h2 id="differences">Discrepancies</h2>
${differing.length === 0 && html`<p>None were found.</p>`}${
  kinds.size > 0 &&
  html`<ul class="kinds">${Object.entries(KINDS)
    .filter(([kind]) => kinds.has(kind))
    .map(
      ([kind, meaning]) =>
        html`<li><span class="kind"><b aria-hidden="true">${SIGNS[kind]}</b> ${kind}</span> ${meaning}</li>`,
    )}</ul>`
}
${differing.map(
  ({ table, index }) => html`<article id="t${index}">
<h3>${badge(table.verdict)} <span class="name">${visible(table.table)}</span></h3>
<p>${table.detail !== undefined && html`${table.detail}. `}${rowsFound(table, mode)}</p>
${table.discrepancies.length > 0 && rowsThatDiffer(table)}${
  table.shards.some((shard) => shard.verdict !== 'match') && differingShards(table.shards)
}</article>
`,
)}</section>
`;
}
