import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { renderMarkdown } from '../../src/observe/report/markdown.js';
import { renderPage } from '../../src/observe/report/page.js';
import {
  damaged,
  missing,
  reportShard,
  reportTable,
  rule,
  verifyDocument,
} from '../support/verify-document.js';

const cellsOf = (page: string): string[] => {
  const map = page.slice(
    page.indexOf('<div class="row">'),
    page.indexOf('<section aria-labelledby="differences">'),
  );
  return [...map.matchAll(/<i class="([mxq]) h\d+" title="[^"]*"><\/i>/g)].map(([, letter]) => letter!);
};

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
        schema: [{ kind: 'index', object: evil, verdict: 'mismatch', detail: evil }],
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
        schema: [
          { kind: 'index', object: 'index a_note', verdict: 'mismatch', detail: 'missing on shard 102008' },
        ],
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
    const found = { ...missing({ id: '7' }), kind: 'mismatched', columns: ['note'] } as const;
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
