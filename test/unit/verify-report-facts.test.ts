import { describe, expect, test } from 'vitest';
import { difference, factsOf, skew } from '../../src/observe/report/facts.js';
import { renderMarkdown } from '../../src/observe/report/markdown.js';
import { html, visible, visibleValue } from '../../src/observe/report/markup.js';
import { nodeLoads } from '../../src/observe/report/nodes.js';
import { renderPage } from '../../src/observe/report/page.js';
import { damaged, reportShard, reportTable, verifyDocument } from '../support/verify-document.js';

describe('markup', () => {
  test('escapes whatever is put into a template, and markup only once', () => {
    const inner = html`<b title="${`"'`}">${'<script>&'}</b>`;
    expect(html`<p>${inner}${[inner, 'a<b']}${null}${false}${0}</p>`.text).toBe(
      '<p><b title="&quot;&#39;">&lt;script&gt;&amp;</b><b title="&quot;&#39;">&lt;script&gt;&amp;</b>a&lt;b0</p>',
    );
  });

  test.each([
    ['plain', 'plain'],
    ['two words', 'two words'],
    ['Zürich 東京 e\u0301', 'Zürich 東京 e\u0301'],
    ['', '""'],
    ['blank ', '"blank "'],
    ['two  blanks', '"two  blanks"'],
    ['NULL', '"NULL"'],
    ['"quoted"', '"\\"quoted\\""'],
    ['line\nbreak', '"line\\nbreak"'],
    ['abc\u202edef', '"abc\\u{202e}def"'],
    ['a\u00a0b', '"a\\u{a0}b"'],
  ])('shows %j as %s', (value, shown) => {
    expect(visibleValue(value)).toBe(shown);
  });

  test.each([
    ['"odd name"', '"odd name"'],
    ['a\nb', 'a\\u{a}b'],
    ['abc\u202edef', 'abc\\u{202e}def'],
  ])('leaves the name %j as people write it, but for what cannot be seen', (name, shown) => {
    expect(visible(name)).toBe(shown);
  });
});

describe('facts', () => {
  test('rows add up beyond 2^53', () => {
    const huge = { rows: '9007199254740993', digest: '' };
    const table = reportTable('big', [reportShard(0, 1)], { source: huge, target: { ...huge, rows: '2' } });
    const { rows } = factsOf(verifyDocument({ tables: [table, table] }));
    expect(rows).toEqual({ source: 18_014_398_509_481_986n, target: 4n });
    expect(difference(table)).toBe('−9,007,199,254,740,991');
  });

  test('skew is the fullest shard against the mean, and nothing where nothing is spread', () => {
    expect(skew(reportTable('a', [reportShard(0, 30), reportShard(1, 10), reportShard(2, 20)]))).toBe(1.5);
    expect(skew(reportTable('a', [reportShard(0, 30)]))).toBeNull();
    expect(skew(reportTable('a', [reportShard(0, 0), reportShard(1, 0)]))).toBeNull();
  });

  test('every copy of a shard counts on its node', () => {
    const table = reportTable('copied', [
      reportShard(0, 5, { nodes: ['a', 'b'] }),
      reportShard(1, 7, { nodes: ['b'] }),
    ]);
    expect([...nodeLoads([table])]).toEqual([
      ['a', { shards: 1, rows: 5n }],
      ['b', { shards: 2, rows: 12n }],
    ]);
  });

  test.each([
    [
      'match',
      'digest',
      [reportTable('a', [reportShard(0, 3)])],
      /are the same: 3 rows in 1 table, every value/,
    ],
    [
      'match',
      'counts',
      [reportTable('a', [reportShard(0, 3)])],
      /same number of rows.*Values were not compared/,
    ],
    ['match', 'digest', [], /No table was compared/],
    ['mismatch', 'digest', [damaged()], /not the same: 1 of 1 table differs/],
    [
      'inconclusive',
      'digest',
      [reportTable('a', [reportShard(0, 3)], { verdict: 'inconclusive' })],
      /no answer yet: 1 of 1 table could not be compared/,
    ],
  ] as const)('%s by %s says so in one sentence', (verdict, mode, tables, said) => {
    const document = verifyDocument({ verdict, mode, tables });
    expect(factsOf(document).sentence).toMatch(said);
    expect(renderPage(document)).toContain(factsOf(document).sentence);
    expect(renderMarkdown(document)).toContain(factsOf(document).sentence);
  });

  test('only an inconclusive result says that there is no answer', () => {
    for (const verdict of ['match', 'mismatch'] as const)
      expect(renderPage(verifyDocument({ verdict, tables: [damaged()] }))).not.toContain('no answer');
  });
});
