import { formatDuration } from '../../core/format.js';
import { grid } from './grid.js';
import { html, type Markup, type Part, visible } from './markup.js';
import type { ReportTable } from './types.js';

/** What every table cost, the longest first, with bars against the longest. */
export function timings(tables: readonly ReportTable[]): Markup {
  const sum = ({ durationMs: { source, target, drill } }: ReportTable): number => source + target + drill;
  const order = [...tables].sort((left, right) => sum(right) - sum(left));
  const longest = order.length === 0 ? 0 : sum(order[0]!);
  const bar = ({ durationMs: { source, target, drill } }: ReportTable): Markup => {
    const part = (name: string, from: number, length: number): Part =>
      length > 0 &&
      html`<rect class="${name}" x="${((200 * from) / longest).toFixed(1)}" width="${((200 * length) / longest).toFixed(1)}" height="10"/>`;
    return html`<svg viewBox="0 0 200 10" width="200" height="10" preserveAspectRatio="none" aria-hidden="true">${part('source', 0, source)}${part('target', source, target)}${part('drill', source + target, drill)}</svg>`;
  };
  return html`<section aria-labelledby="timings">
<h2 id="timings">Timings</h2>
<p class="legend"><span><b class="source"></b> source</span><span><b class="target"></b> target</span><span><b class="drill"></b> search for the rows that differ</span></p>
${grid(
  'Time of the queries of each table, summed over connections',
  [
    { header: 'Table' },
    { header: 'Source', number: true },
    { header: 'Target', number: true },
    { header: 'Search', number: true },
    { header: 'Together' },
  ],
  order.map((table) => [
    html`<span class="name">${visible(table.table)}</span>`,
    formatDuration(table.durationMs.source),
    formatDuration(table.durationMs.target),
    formatDuration(table.durationMs.drill),
    bar(table),
  ]),
)}</section>
`;
}
