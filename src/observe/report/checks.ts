import { formatCount } from '../../core/format.js';
import { plural, worstFirst } from './facts.js';
import { type Column, grid } from './grid.js';
import { html, type Markup, type Part, visible } from './markup.js';
import type { VerifyDocument } from './types.js';
import { badge } from './verdict.js';

/** Rows of a list that a page shows; a match says nothing that its count does not say. */
const SHOWN = 500;

interface Listing<T> {
  readonly id: string;
  readonly title: string;
  readonly noun: string;
  readonly caption: string;
  readonly items: readonly T[] | undefined;
  readonly columns: readonly Column[];
  readonly cells: (item: T) => readonly Part[];
}

function listing<T extends { readonly verdict: VerifyDocument['verdict'] }>(list: Listing<T>): Markup {
  const { id, title, noun, items, columns } = list;
  const shown = worstFirst(items ?? []).slice(0, SHOWN);
  const left = worstFirst(items ?? []).slice(SHOWN);
  const alike = left.every((item) => item.verdict === 'match');
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${items === undefined && html`<p>Not checked in this run.</p>`}${items?.length === 0 && html`<p>There are none.</p>`}${
  shown.length > 0 && grid(list.caption, columns, shown.map(list.cells))
}${left.length > 0 && html`<p class="note">… and ${plural(left.length, noun)} more${alike && ', all of them a match'}.</p>`}
</section>
`;
}

/** The checks beside the rows: references, sequences, schema. */
export function otherChecks({ integrity, sequences, schema }: VerifyDocument): Markup {
  const because = (reason: string | undefined): Part =>
    reason !== undefined && html`<br><small>${reason}</small>`;
  return html`${listing({
    id: 'references',
    title: 'References',
    noun: 'reference',
    caption: 'Foreign keys of the source, checked on the target',
    items: integrity,
    columns: [{ header: 'Foreign key' }, { header: 'Verdict' }, { header: 'Orphans', number: true }],
    cells: (item) => [
      html`<span class="name">${visible(item.constraint)}</span>${because(item.reason)}`,
      badge(item.verdict),
      formatCount(BigInt(item.orphans)),
    ],
  })}${listing({
    id: 'sequences',
    title: 'Sequences',
    noun: 'sequence',
    caption: 'Where the next id comes from',
    items: sequences,
    columns: [
      { header: 'Sequence' },
      { header: 'Verdict' },
      { header: 'Stands at', number: true },
      { header: 'Must have reached', number: true },
    ],
    cells: (item) => [
      html`<span class="name">${visible(item.sequence)}</span>${because(item.reason)}`,
      badge(item.verdict),
      item.value === null ? 'its start' : formatCount(BigInt(item.value)),
      item.required === null ? '–' : formatCount(BigInt(item.required)),
    ],
  })}${listing({
    id: 'schema',
    title: 'Schema',
    noun: 'object',
    caption: 'Columns, indexes, constraints and rights, compared with the plan',
    items: schema,
    columns: [{ header: 'Object' }, { header: 'Verdict' }, { header: 'Detail' }],
    cells: (item) => [
      html`<span class="name">${visible(item.object)}</span>`,
      badge(item.verdict),
      html`${item.detail}${because(item.reason)}`,
    ],
  })}`;
}
