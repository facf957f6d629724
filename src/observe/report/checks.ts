import { formatCount, plural } from '../../core/format.js';
import type { IntegrityResult, SequenceResult, Verdict } from '../../core/verification.js';
import { keyOf } from './discrepancies.js';
import { ruleItems, schemaItems, worstFirst } from './facts.js';
import { type Column, grid } from './grid.js';
import { html, type Markup, type Part, visible } from './markup.js';
import type { VerifyDocument } from './types.js';
import { badge } from './verdict.js';

/** Lines of a list that a page shows; a match says nothing that its count does not say. */
const SHOWN = 500;

interface Listing<T> {
  readonly id: string;
  readonly title: string;
  readonly noun: string;
  readonly caption: string;
  readonly items: readonly T[] | undefined;
  readonly columns: readonly Column[];
  readonly cells: (item: T) => readonly Part[];
  readonly more?: Part;
}

function listing<T extends { readonly verdict: Verdict }>(list: Listing<T>): Markup {
  const { id, title, noun, items, columns } = list;
  const order = worstFirst(items ?? []);
  const shown = order.slice(0, SHOWN);
  const left = order.slice(SHOWN);
  const alike = left.every((item) => item.verdict === 'match');
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${items === undefined && html`<p>Not checked in this run.</p>`}${items?.length === 0 && html`<p>There are none.</p>`}${
  shown.length > 0 && grid(list.caption, columns, shown.map(list.cells))
}${left.length > 0 && html`<p class="note">… and ${plural(left.length, noun)} more${alike && ', all of them a match'}.</p>`}${list.more}
</section>
`;
}

const named = (name: string, detail?: string): Markup =>
  html`<span class="name">${visible(name)}</span>${detail !== undefined && html`<br><small>${detail}</small>`}`;

const number = (value: string | number | null | undefined, absent: string): string =>
  value === null || value === undefined ? absent : formatCount(BigInt(value));

function rules(
  document: VerifyDocument,
  kind: 'foreign' | 'unique',
  words: { title: string; noun: string; caption: string; counted: string; value: string },
): Markup {
  const items = ruleItems(document, kind);
  const broken = items?.filter((rule) => rule.keys.length > 0) ?? [];
  return listing<IntegrityResult>({
    id: kind,
    title: words.title,
    noun: words.noun,
    caption: words.caption,
    items,
    columns: [
      { header: 'Rule' },
      { header: 'Table' },
      { header: 'Verdict' },
      { header: words.counted, number: true },
    ],
    cells: (rule) => [
      named(rule.constraint, rule.detail),
      html`<span class="name">${visible(rule.table)}</span>`,
      badge(rule.verdict),
      number(kind === 'foreign' ? rule.orphans : rule.duplicates, 'unknown'),
    ],
    more: broken.map((rule) =>
      grid(
        `Rows that break ${visible(rule.constraint)} of ${visible(rule.table)}`,
        [{ header: 'Key' }, { header: words.value }, { header: 'Shard' }, { header: 'Node' }],
        rule.keys
          .slice(0, SHOWN)
          .map((row) => [keyOf(row), keyOf({ key: row.value }), row.shardId, visible(row.node)]),
      ),
    ),
  });
}

/** A line per place that gives out ids: the sequence itself, then the workers that have a range of their own. */
function places(sequences: readonly SequenceResult[]): SequenceResult[] {
  return sequences.flatMap(({ nodes = [], ...sequence }) => [
    sequence,
    ...nodes.map(({ node, ...point }) => ({ ...point, sequence: `${sequence.sequence} on ${node}` })),
  ]);
}

/** The checks beside the rows: references, unique rules, sequences, schema. */
export function otherChecks(document: VerifyDocument): Markup {
  return html`${rules(document, 'foreign', {
    title: 'References',
    noun: 'reference',
    caption: 'Foreign keys of the source, kept by the cluster or not, checked on its rows',
    counted: 'Orphans',
    value: 'Refers to',
  })}${rules(document, 'unique', {
    title: 'Uniqueness',
    noun: 'unique rule',
    caption: 'Unique rules of the source that the cluster cannot keep by itself',
    counted: 'Duplicates',
    value: 'Value',
  })}${listing({
    id: 'sequences',
    title: 'Sequences',
    noun: 'sequence',
    caption: 'Where the next id comes from',
    items: places(document.sequences),
    columns: [
      { header: 'Sequence' },
      { header: 'Verdict' },
      { header: 'Stands at', number: true },
      { header: 'Must have reached', number: true },
    ],
    cells: (item) => [
      named(item.sequence, item.detail),
      badge(item.verdict),
      number(item.value, 'its start'),
      number(item.required, '–'),
    ],
  })}${listing({
    id: 'schema',
    title: 'Schema',
    noun: 'object',
    caption: 'Columns, indexes, constraints and rights, compared with the plan',
    items: schemaItems(document),
    columns: [{ header: 'Object' }, { header: 'Verdict' }, { header: 'Detail' }],
    cells: (item) => [named(item.object), badge(item.verdict), item.detail],
  })}`;
}
