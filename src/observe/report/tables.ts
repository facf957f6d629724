import { formatCount } from '../../core/format.js';
import { difference, found, skew } from './facts.js';
import { grid } from './grid.js';
import { html, type Markup, visible } from './markup.js';
import type { ReportTable } from './types.js';
import { badge } from './verdict.js';

/** Numbers of every table, as in the result document. */
export function tableNumbers(tables: readonly ReportTable[]): Markup {
  return html`<section aria-labelledby="tables">
<h2 id="tables">Tables</h2>
${grid(
  'Rows of every table on both sides',
  [
    { header: 'Table' },
    { header: 'Verdict' },
    { header: 'Placement' },
    { header: 'Source rows', number: true },
    { header: 'Target rows', number: true },
    { header: 'Difference', number: true },
    { header: 'Shards', number: true },
    { header: 'Skew', number: true },
    { header: 'Discrepancies', number: true },
  ],
  tables.map((table, index) => [
    html`<span class="name">${visible(table.table)}</span>${table.detail !== undefined && html`<br><small>${table.detail}</small>`}`,
    badge(table.verdict),
    table.placement,
    formatCount(BigInt(table.source.rows)),
    formatCount(BigInt(table.target.rows)),
    difference(table),
    formatCount(table.shards.length),
    skew(table)?.toFixed(1) ?? '–',
    table.discrepancyCount === 0 ? '0' : html`<a href="#t${index}">${found(table)}</a>`,
  ]),
)}<p class="note">Skew: rows of the fullest shard against the mean of the table’s shards.</p>
</section>
`;
}
