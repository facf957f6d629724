import { describe, expect, it } from 'vitest';
import { paint, renderTable, textStyle } from '../../src/cli/frame/table.js';
import { displayWidth } from '../../src/core/text-width.js';

const plain = { colors: false };
const columns = [
  { header: 'table', flexible: true },
  { header: 'rows', align: 'right' as const },
];

describe('tables for people', () => {
  it('align by what is seen, not by what is stored', () => {
    const text = renderTable(
      columns,
      [
        ['orders', '12'],
        ['日本語', '1,234'],
        ['e\u0301', '5'],
      ],
      plain,
    );
    expect(text.split('\n')).toEqual([
      'table    rows',
      'orders     12',
      '日本語  1,234',
      'e\u0301           5',
    ]);
    expect(new Set(text.split('\n').map(displayWidth))).toEqual(new Set([13]));
  });

  it('cut the flexible column alone to fit a terminal', () => {
    const rows = [['a_table_with_a_very_long_name', '123,456,789']];
    const text = renderTable(columns, rows, { colors: false, columns: 30 });
    expect(text.split('\n')[1]).toBe('a_table_with_a_v…  123,456,789');
    expect(renderTable(columns, rows, plain)).toContain('a_table_with_a_very_long_name');
    expect(renderTable(columns, rows, { colors: false, columns: 5 })).toContain('123,456,789');
  });

  it('keep one line per row', () => {
    expect(renderTable(columns, [['a\nb\u001b[31m', '1'], []], plain).split('\n')).toHaveLength(3);
  });

  it('colour cells without moving them', () => {
    const verdict = {
      header: 'verdict',
      color: (cell: string) => (cell === 'match' ? 'green' : 'red') as 'green' | 'red',
    };
    const rows = [
      ['match', 'x'],
      ['mismatch', 'y'],
    ];
    const colored = renderTable([verdict, { header: 'n' }], rows, { colors: true });
    expect(colored).toContain('\u001b[32mmatch\u001b[0m   ');
    expect(colored).toContain('\u001b[31mmismatch\u001b[0m');
    const escapes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
    expect(colored.replace(escapes, '')).toBe(renderTable([verdict, { header: 'n' }], rows, plain));
  });
});

describe('colours', () => {
  it.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { NO_COLOR: '' }, true],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
    [{}, {}, false],
  ])('for %j with %j: %s', (stream, env, colors) => {
    expect(textStyle(stream, env).colors).toBe(colors);
    expect(paint('x', 'red', { colors }) === 'x').toBe(!colors);
  });

  it('knows a width on terminals only', () => {
    expect(textStyle({ isTTY: true, columns: 99 }, {}).columns).toBe(99);
    expect(textStyle({ columns: 99 }, {})).not.toHaveProperty('columns');
  });
});
