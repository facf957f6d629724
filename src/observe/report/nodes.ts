import { formatCount } from '../../core/format.js';
import { grid } from './grid.js';
import { html, type Markup, visible } from './markup.js';
import type { ReportTable } from './types.js';

interface NodeLoad {
  shards: number;
  rows: bigint;
}

/** What each node holds of the compared tables: every copy of a shard counts where it lies. */
export function nodeLoads(tables: readonly ReportTable[]): Map<string, NodeLoad> {
  const loads = new Map<string, NodeLoad>();
  for (const { shards } of tables)
    for (const { nodes, target } of shards)
      for (const node of nodes) {
        const load = loads.get(node) ?? { shards: 0, rows: 0n };
        loads.set(node, { shards: load.shards + 1, rows: load.rows + BigInt(target.rows) });
      }
  return new Map([...loads].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** How the rows spread over the nodes. */
export function nodeTable(tables: readonly ReportTable[]): Markup {
  const loads = nodeLoads(tables);
  const all = [...loads.values()].reduce((rows, load) => rows + load.rows, 0n);
  const share = (rows: bigint): number => (all === 0n ? 0 : (100 * Number(rows)) / Number(all));
  return html`<section aria-labelledby="nodes">
<h2 id="nodes">Nodes of the target</h2>
${grid(
  'What each node holds of the compared tables, copies included',
  [
    { header: 'Node' },
    { header: 'Shards', number: true },
    { header: 'Rows', number: true },
    { header: 'Share', number: true },
    { header: 'Share of all rows' },
  ],
  [...loads].map(([node, { shards, rows }]) => [
    html`<span class="name">${visible(node)}</span>`,
    formatCount(shards),
    formatCount(rows),
    `${share(rows).toFixed(1)} %`,
    html`<svg viewBox="0 0 200 10" width="200" height="10" preserveAspectRatio="none" aria-hidden="true"><rect class="source" width="${(2 * share(rows)).toFixed(1)}" height="10"/></svg>`,
  ]),
)}</section>
`;
}
