import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { difference, factsOf, skew } from '../../src/observe/report/facts.js';
import { renderMarkdown } from '../../src/observe/report/markdown.js';
import { html, visible, visibleValue } from '../../src/observe/report/markup.js';
import { nodeLoads } from '../../src/observe/report/nodes.js';
import { renderPage } from '../../src/observe/report/page.js';
import type { ReportRule, ReportTable } from '../../src/observe/report/types.js';
import { reportShard, reportTable, verifyDocument } from '../support/verify-document.js';

const cellsOf = (page: string): string[] => {
  const map = page.slice(
    page.indexOf('<div class="row">'),
    page.indexOf('<section aria-labelledby="differences">'),
  );
  return [...map.matchAll(/<i class="([mxq]) h\d+" title="[^"]*"><\/i>/g)].map(([, letter]) => letter!);
};

const missing = (key: Record<string, string | null> | null) =>
  ({ kind: 'missing', key, shardId: '102008', node: 'worker-1:5432' }) as const;

const rule = (more: Partial<ReportRule>): ReportRule => ({
  kind: 'foreign',
  table: 'a',
  constraint: 'a_b_fkey',
  verdict: 'mismatch',
  orphans: 2,
  keys: [],
  ...more,
});

/** One table with one differing shard. */
function damaged(more: Partial<ReportTable> = {}): ReportTable {
  const shards = [reportShard(0, 10, { found: 9, verdict: 'mismatch' }), reportShard(1, 30)];
  return reportTable('item', shards, { discrepancies: [missing({ id: '7' })], ...more });
}

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

describe('page', () => {
  test('keys, names, nodes and reasons cannot become markup', () => {
    const evil = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`;
    const table = damaged({
      table: evil,
      detail: evil,
      discrepancies: [
        { ...missing({ [evil]: evil }), kind: 'mismatched', columns: [evil], node: evil, shardId: evil },
      ],
      shards: [{ ...reportShard(0, 1, { verdict: 'mismatch', nodes: [evil] }), shardId: evil, detail: evil }],
    });
    const page = renderPage(
      verifyDocument({
        verdict: 'mismatch',
        tables: [table],
        servers: { source: evil, target: evil },
        sequences: [{ sequence: evil, verdict: 'mismatch', value: '1', required: '2' }],
        integrity: [
          rule({
            constraint: evil,
            table: evil,
            keys: [{ key: { [evil]: evil }, value: { [evil]: evil }, shardId: evil, node: evil }],
          }),
        ],
        schema: [{ object: evil, verdict: 'mismatch', detail: evil }],
      }),
    );
    expect(page).not.toMatch(/<script|<img/i);
    expect(page.match(/&lt;script&gt;/g)!.length).toBeGreaterThan(10);
    // An attribute that a quote would end early would leave its tag with a name that no template writes.
    const attributes = new Set([...page.matchAll(/<[a-z][^>]*?\s([a-z-]+)=/g)].map(([, name]) => name));
    expect([...attributes].filter((name) => name!.startsWith('on'))).toEqual([]);
  });

  test('loads nothing, runs nothing, and allows its own style sheet alone', () => {
    const page = renderPage(verifyDocument({ tables: [damaged()] }));
    expect(page).not.toMatch(/https?:|\ssrc=|<script|<link|@import|url\(|\sstyle=/i);
    const style = /<style>([\s\S]*)<\/style>/.exec(page)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(`default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;`);
  });

  test('has a cell for every one of 1,024 shards, and marks the one that differs', () => {
    const shards = Array.from({ length: 1024 }, (_, index) =>
      reportShard(index, index, index === 500 ? { found: 1, verdict: 'mismatch' } : {}),
    );
    const cells = cellsOf(renderPage(verifyDocument({ tables: [reportTable('wide', shards)] })));
    expect(cells).toHaveLength(1024);
    expect(cells.flatMap((letter, index) => (letter === 'm' ? [] : [`${letter}${index}`]))).toEqual(['x500']);
  });

  test('joins neighbouring shards where a page would drown, and hides no mismatch in them', () => {
    const shards = Array.from({ length: 1024 }, (_, index) =>
      reportShard(index, 10, index === 1023 ? { found: 9, verdict: 'mismatch' } : {}),
    );
    const tables = Array.from({ length: 200 }, (_, index) => reportTable(`t${index}`, shards));
    const page = renderPage(verifyDocument({ tables }));
    const cells = cellsOf(page);
    expect(cells.length).toBeLessThanOrEqual(25_000);
    expect(cells.filter((letter) => letter === 'x')).toHaveLength(200);
    const titles = [...page.matchAll(/<i class="x h\d+" title="([^"]*)"/g)].map(([, title]) => title);
    expect(new Set(titles)).toEqual(
      new Set(['shards 103025 to 103031 · 70 rows expected, 69 found · mismatch']),
    );
  });

  test('the height of a bar is the share of the fullest shard, and one row is never none', () => {
    const rows = [0, 1, 500, 1000];
    const page = renderPage(
      verifyDocument({
        tables: [
          reportTable(
            'a',
            rows.map((count, index) => reportShard(index, count)),
          ),
        ],
      }),
    );
    expect([...page.matchAll(/<i class="m h(\d+)" title/g)].map(([, step]) => step)).toEqual([
      '0',
      '1',
      '5',
      '10',
    ]);
  });

  test('an empty table is a match with 0 rows', () => {
    const page = renderPage(
      verifyDocument({ tables: [reportTable('void', [reportShard(0, 0), reportShard(1, 0)])] }),
    );
    expect(cellsOf(page)).toEqual(['m', 'm']);
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('a document of nothing still makes a page', () => {
    const page = renderPage(verifyDocument());
    expect(page).toContain('No table was compared.');
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('says what was not checked, and which tables were left out', () => {
    const partial = renderPage(verifyDocument({ tables: [damaged()], tablesPlanned: 9 }));
    expect(partial).toContain('Only 1 of the plan’s 9 tables were compared.');
    expect(partial).toContain('Not checked in this run: references, the schema.');
    const whole = renderPage(verifyDocument({ tables: [damaged()], integrity: [], schema: [] }));
    expect(whole).not.toContain('Not checked');
    expect(whole).not.toContain('Only 1');
  });

  test('lists orphans, sequences and schema differences with their reasons', () => {
    const page = renderPage(
      verifyDocument({
        verdict: 'mismatch',
        integrity: [
          rule({ constraint: 'a_fine', verdict: 'match', orphans: 0 }),
          rule({ constraint: 'a_broken', orphans: 1234 }),
          rule({
            constraint: 'a_unknown',
            verdict: 'inconclusive',
            orphans: null,
            detail: 'worker-1 went away',
          }),
          rule({ kind: 'unique', constraint: 'a_once', orphans: null, duplicates: 77 }),
        ],
        sequences: [
          {
            sequence: 'a_id_seq',
            verdict: 'mismatch',
            value: '4999',
            required: '5000',
            nodes: [{ node: 'worker-1', verdict: 'mismatch', value: null, required: '281474976710657' }],
          },
        ],
        schema: [{ object: 'index a_note', verdict: 'mismatch', detail: 'missing on shard 102008' }],
      }),
    );
    const text = page.replace(/<[^>]+>/g, ' ');
    for (const said of [
      '1,234',
      'unknown',
      '77',
      'worker-1 went away',
      '4,999',
      '5,000',
      'a_id_seq on worker-1',
      '281,474,976,710,657',
      'missing on shard 102008',
    ])
      expect(text).toContain(said);
    expect(page.indexOf('a_broken')).toBeLessThan(page.indexOf('a_fine'));
  });

  test('a part that was skipped is not one without findings', () => {
    const skipped = [
      { part: 'references', reason: 'counts' },
      { part: 'uniqueness', reason: 'counts' },
      { part: 'schema of every shard', reason: 'counts' },
    ];
    const document = verifyDocument({ mode: 'counts', integrity: [], schema: [], skipped });
    for (const text of [renderPage(document), renderMarkdown(document)]) {
      expect(text).toContain('Not checked in this run: references, uniqueness, schema of every shard.');
      expect(text.match(/Not checked in this run\./g)).toHaveLength(3);
    }
    expect(renderPage({ ...document, skipped: [] })).not.toContain('Not checked');
  });

  test('a sample is never taken for the whole', () => {
    const tables = [reportTable('a', [reportShard(0, 3)])];
    for (const render of [renderPage, renderMarkdown]) {
      expect(render(verifyDocument({ tables, sampled: true }))).toContain('The others were not compared.');
      expect(render(verifyDocument({ tables: [damaged()], verdict: 'mismatch', sampled: true }))).toContain(
        'Only a sample of the rows was compared.',
      );
      expect(render(verifyDocument({ tables }))).not.toMatch(/sample|not compared/);
    }
  });

  test('notes of the run and what a repair did stand at the top', () => {
    const page = renderPage(
      verifyDocument({
        notes: ['Only rows of 2 namespaces were compared.'],
        repair: { action: 'apply', rows: 5, applied: 4, refused: [{}] },
      }),
    );
    const head = page.slice(0, page.indexOf('id="map"'));
    expect(head).toContain('Only rows of 2 namespaces were compared.');
    expect(head).toContain(
      '4 of 5 rows were repaired; the verdict is the one after it. 1 row could not be repaired.',
    );
  });

  test('values show only where the document has them', () => {
    const values = { note: { source: 'before', target: null } };
    const found = { ...missing({ id: '7' }), kind: 'mismatched', columns: ['note'] };
    expect(
      renderPage(verifyDocument({ tables: [damaged({ discrepancies: [{ ...found, values }] })] })),
    ).toContain('note: <code><bdi>before</bdi></code> → <em>NULL</em>');
    expect(renderPage(verifyDocument({ tables: [damaged({ discrepancies: [found] })] }))).not.toContain('→');
  });

  test('a count that stopped at its limit is a lower bound', () => {
    const open = damaged({ discrepancyCount: 100, countComplete: false });
    expect(renderPage(verifyDocument({ tables: [open] }))).toContain('100 or more');
    expect(renderPage(verifyDocument({ tables: [damaged()] }))).not.toContain('or more');
  });

  test('every link leads to a place on the page', () => {
    const page = renderPage(verifyDocument({ tables: [reportTable('ok', [reportShard(0, 1)]), damaged()] }));
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(targets).toContain('t1');
    for (const id of targets) expect(page).toContain(`id="${id}"`);
  });
});

describe('Markdown', () => {
  test('keys stay inside their code and their cell', () => {
    const value = 'a|b `code` <b> @someone #1';
    const text = renderMarkdown(
      verifyDocument({ verdict: 'mismatch', tables: [damaged({ discrepancies: [missing({ id: value })] })] }),
    );
    expect(text).toContain('`id` = `` a\\|b `code` <b> @someone #1 ``');
    const row = text.split('\n').find((line) => line.startsWith('| missing'))!;
    expect(row.match(/(?<!\\)\|/g)).toHaveLength(6);
  });

  test('a key with line breaks stays on its line', () => {
    const text = renderMarkdown(
      verifyDocument({ tables: [damaged({ discrepancies: [missing({ id: 'a\n| b' })] })] }),
    );
    expect(text).toContain('`"a\\n\\| b"`');
  });

  test('tables that differ come first, with the numbers of the document', () => {
    const text = renderMarkdown(
      verifyDocument({
        verdict: 'mismatch',
        tables: [reportTable('fine', [reportShard(0, 1234)]), damaged()],
      }),
    );
    const lines = text.split('\n').filter((line) => /^\| `(fine|item)`/.test(line));
    expect(lines).toEqual([
      '| `item` | ✕ mismatch | 40 | 39 | −1 | 2 | 1.5 | 1 |',
      '| `fine` | ✓ match | 1,234 | 1,234 | 0 | 1 | – | 0 |',
    ]);
  });

  test('the worst of results fits into a comment', () => {
    const discrepancies = Array.from({ length: 500 }, (_, id) => missing({ id: `${id}`.padStart(500, 'x') }));
    const tables = Array.from({ length: 300 }, (_, index) => damaged({ table: `t${index}`, discrepancies }));
    const text = renderMarkdown(verifyDocument({ verdict: 'mismatch', tables }));
    expect(text.length).toBeLessThan(65_536);
    expect(text).toContain('… and 485 discrepancies more');
    expect(text).toContain('… and 280 tables more');
  });
});
