import { formatCount, plural } from '../../core/format.js';
import type { Verdict } from '../../core/verification.js';
import { skew } from './facts.js';
import { html, type Markup, visible } from './markup.js';
import type { ReportShard, ReportTable } from './types.js';
import { badge } from './verdict.js';

/** Cells that a page may hold in all: a browser scrolls and prints this many without effort (about 4 MB). */
const PAGE_CELLS = 25_000;
/** Cells that a table keeps however many tables there are. */
const MIN_CELLS = 64;
/** Steps of a bar's height; the style sheet has a class for each. */
export const STEPS = 10;

const LETTER: Readonly<Record<Verdict, string>> = { match: 'm', mismatch: 'x', inconclusive: 'q' };

/** One cell: a shard, or a run of neighbours where there are more shards than cells. */
interface Cell {
  readonly shards: readonly ReportShard[];
  readonly verdict: Verdict;
  readonly source: number;
  readonly target: number;
}

const worstOf = (shards: readonly ReportShard[]): Verdict =>
  (['mismatch', 'inconclusive'] as const).find((verdict) =>
    shards.some((shard) => shard.verdict === verdict),
  ) ?? 'match';

function cellsOf(shards: readonly ReportShard[], perCell: number): Cell[] {
  const sum = (part: readonly ReportShard[], side: 'source' | 'target'): number =>
    part.reduce((rows, shard) => rows + Number(shard[side].rows), 0);
  return Array.from({ length: Math.ceil(shards.length / perCell) }, (_, index) => {
    const part = shards.slice(index * perCell, (index + 1) * perCell);
    return {
      shards: part,
      verdict: worstOf(part),
      source: sum(part, 'source'),
      target: sum(part, 'target'),
    };
  });
}

function tip({ shards, verdict, source, target }: Cell): string {
  const first = shards[0]!;
  const name =
    shards.length === 1
      ? `shard ${first.shardId} · ${first.nodes.join(', ')}`
      : `shards ${first.shardId} to ${shards.at(-1)!.shardId}`;
  const rows =
    source === target
      ? plural(target, 'row')
      : `${plural(source, 'row')} expected, ${formatCount(target)} found`;
  return `${name} · ${rows} · ${verdict}`;
}

/** The height says how full the shard is against the table's fullest; a row makes at least one step. */
function cell(each: Cell, fullest: number): Markup {
  const step = each.target === 0 ? 0 : Math.max(1, Math.round((STEPS * each.target) / fullest));
  return html`<i class="${LETTER[each.verdict]} h${step}" title="${visible(tip(each))}"></i>`;
}

function summary({ shards }: ReportTable): string {
  const parts = (['mismatch', 'inconclusive', 'match'] as const).flatMap((verdict) => {
    const count = shards.filter((shard) => shard.verdict === verdict).length;
    return count === 0 ? [] : [`${formatCount(count)} ${verdict}`];
  });
  return `${plural(shards.length, 'shard')}: ${parts.join(', ')}`;
}

function block(table: ReportTable, index: number, limit: number): Markup {
  const perCell = Math.max(1, Math.ceil(table.shards.length / limit));
  const cells = cellsOf(table.shards, perCell);
  const fullest = cells.reduce((rows, each) => Math.max(rows, each.target), 0);
  const factor = skew(table);
  const differs = table.shards.filter((shard) => shard.verdict !== 'match').length;
  const notes = [
    `${plural(BigInt(table.target.rows), 'row')}`,
    table.shards.length === 1 ? table.placement : plural(table.shards.length, 'shard'),
    ...(factor === null ? [] : [`fullest ${factor.toFixed(1)} × mean`]),
    ...(perCell === 1 ? [] : [`${formatCount(perCell)} shards a cell`]),
  ];
  return html`<div class="row">
<h3>${badge(table.verdict)} <span class="name">${visible(table.table)}</span></h3>
<p class="note">${notes.join(' · ')}${
    table.discrepancyCount + differs > 0 &&
    html` · <a href="#t${index}">${differs === 0 ? 'differences' : `${plural(differs, 'shard')} not a match`}</a>`
  }</p>
<div class="cells" role="img" aria-label="${summary(table)}">${cells.map((each) => cell(each, fullest))}</div>
</div>
`;
}

/** Every table's shards in the order of their hash ranges, coloured by verdict, as high as they are full. */
export function shardMap(tables: readonly ReportTable[]): Markup {
  const limit = Math.max(MIN_CELLS, Math.floor(PAGE_CELLS / Math.max(1, tables.length)));
  const widest = tables.reduce((count, table) => Math.max(count, Math.min(limit, table.shards.length)), 0);
  const size = widest <= 40 ? 'large' : widest <= 128 ? 'medium' : 'small';
  return html`<section class="map ${size}" aria-labelledby="map">
<h2 id="map">Shard map</h2>
<p class="legend"><span><i class="m h6"></i> match</span><span><i class="x h6"></i> mismatch</span><span><i class="q h6"></i> inconclusive</span><span><i class="m h2"></i><i class="m h5"></i><i class="m h10"></i> height: rows against the table’s fullest shard</span><span><i class="m h0"></i> no rows</span></p>
${tables.length === 0 && html`<p>No table was compared.</p>`}
${tables.map((table, index) => block(table, index, limit))}</section>
`;
}
