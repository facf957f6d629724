import { createHash } from 'node:crypto';
import { formatCount, formatDuration, plural } from '../../core/format.js';
import type { Verdict } from '../../core/verification.js';
import { otherChecks } from './checks.js';
import { discrepancies } from './discrepancies.js';
import { type Check, caveats, type Facts, factsOf } from './facts.js';
import { html, Markup, type Part, visible } from './markup.js';
import { nodeTable } from './nodes.js';
import { shardMap } from './shard-map.js';
import { STYLE } from './style.js';
import { tableNumbers } from './tables.js';
import { timings } from './timings.js';
import type { VerifyDocument } from './types.js';
import { SIGN } from './verdict.js';

/** Nothing is loaded and nothing runs, and only this style sheet holds, even if a value were to pass for markup. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

function banner(document: VerifyDocument, facts: Facts): Markup {
  const { verdict } = document;
  const notes = caveats(document);
  return html`<div class="verdict ${verdict}">
<h1><span aria-hidden="true">${SIGN[verdict]}</span> ${verdict}</h1>
<p>${facts.sentence}</p>
${notes.length > 0 && html`<ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>`}
</div>
`;
}

const worstOf = ({ counts }: Check): Verdict =>
  counts.mismatch > 0 ? 'mismatch' : counts.inconclusive > 0 ? 'inconclusive' : 'match';

function tile({ name, total, counts }: Check): Markup {
  const verdict = worstOf({ name, noun: '', total, counts });
  if (total === null)
    return html`<li><span class="label">${name}</span><span class="big">–</span><span class="sub">not checked</span></li>`;
  const notes = (['mismatch', 'inconclusive'] as const)
    .filter((each) => counts[each] > 0)
    .map((each) => `${formatCount(counts[each])} ${each}`);
  const sub =
    total === 0
      ? html`<span class="sub">none to check</span>`
      : html`<span class="sub ${verdict}">${SIGN[verdict]} ${notes.join(', ') || (name === 'Schema' ? 'nothing differs' : 'all match')}</span>`;
  // Of the schema what matches is summed up by kind: only what differs can be counted.
  const big =
    name === 'Schema'
      ? formatCount(total - counts.match)
      : html`${formatCount(counts.match)}<small> / ${formatCount(total)}</small>`;
  return html`<li><span class="label">${name}</span><span class="big">${big}</span>${sub}</li>`;
}

function tiles(
  document: VerifyDocument,
  { checks, rows, discrepancies, discrepanciesComplete, kinds }: Facts,
): Markup {
  const same = rows.source === rows.target;
  const rowNote = same ? '✓ on both sides' : `${formatCount(rows.target)} on the target`;
  const detail = kinds.map(([kind, count]) => `${formatCount(count)} ${kind}`).join(', ');
  return html`<ul class="tiles">
<li><span class="label">Rows${!same && ' of the source'}</span><span class="big">${formatCount(rows.source)}</span><span class="sub ${same ? 'match' : 'mismatch'}">${rowNote}</span></li>
<li><span class="label">Discrepancies</span><span class="big">${formatCount(discrepancies)}${!discrepanciesComplete && '+'}</span><span class="sub ${discrepancies > 0 && 'mismatch'}">${
    discrepancies > 0 ? detail : document.mode === 'counts' ? 'not looked for' : 'none found'
  }</span></li>
${checks.map(tile)}</ul>
`;
}

const MODES: Readonly<Record<string, string>> = {
  counts: 'counts: rows counted per shard, values not compared',
  digest: 'digest: every value of every row, per shard',
  rows: 'rows: every row read from both sides and compared',
};

function particulars(document: VerifyDocument, { shards }: Facts): Markup {
  const { versions, servers, tables, tablesPlanned, mode } = document;
  const citus = versions.citus === null ? '' : `, Citus ${versions.citus}`;
  const entries: readonly (readonly [string, Part])[] = [
    ['Source', html`${visible(servers.source)}<br><small>PostgreSQL ${versions.source}</small>`],
    ['Target', html`${visible(servers.target)}<br><small>PostgreSQL ${versions.target}${citus}</small>`],
    [
      'Compared',
      `${plural(tables.length, 'table')} of ${formatCount(tablesPlanned)}, ${plural(shards, 'shard')}`,
    ],
    ['Mode', MODES[mode] ?? mode],
    ['Direction', document.direction === 'reverse' ? 'cluster to single node' : 'single node to cluster'],
    ['Started', html`<time datetime="${document.startedAt}">${moment(document.startedAt)}</time>`],
    ['Took', formatDuration(document.durationMs)],
    ['Run', html`<span class="mono">${document.runId}</span>`],
    ['Program', `migrate ${versions.migrate}`],
    ['Plan', html`<span class="mono">${document.planHash}</span>`],
  ];
  return html`<dl>${entries.map(([name, value]) => html`<div${name === 'Plan' && html` class="wide"`}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
`;
}

/** `2026-01-02T03:04:05.678Z` → `2026-01-02 03:04:05 UTC`. */
export function moment(iso: string): string {
  return iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}

/** The result as one page that needs nothing else: no script, no network, light and dark, on paper too. */
export function renderPage(document: VerifyDocument): string {
  const facts = factsOf(document);
  const { tables, verdict, runId } = document;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${SIGN[verdict]} ${verdict}: verification ${runId}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<header>
<p class="kicker">Verification of a migration to Citus · ${moment(document.startedAt)}</p>
${banner(document, facts)}${tiles(document, facts)}${particulars(document, facts)}</header>
${shardMap(tables)}${discrepancies(tables, document.mode)}${tableNumbers(tables)}${nodeTable(tables)}${otherChecks(document)}${timings(tables)}</main>
<footer><p>Run <span class="mono">${runId}</span> · exit code ${document.exit} · migrate ${document.versions.migrate}</p></footer>
</body>
</html>
`.text;
}
