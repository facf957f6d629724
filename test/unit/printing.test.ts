import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatDuration, parseSize, plural } from '../../src/core/format.js';
import { redact, redactText, Secret } from '../../src/core/secret.js';
import { displayWidth, pad, truncate } from '../../src/core/text-width.js';

describe('Secret', () => {
  it('shows itself only when asked', () => {
    const secret = new Secret('hunter2');
    const printed = [
      `${secret}`,
      String(secret),
      JSON.stringify({ secret }),
      inspect({ secret }),
      inspect(secret),
    ];
    expect(printed.join(' ')).not.toContain('hunter2');
    expect(printed.every((text) => text.includes('***'))).toBe(true);
    expect(secret.reveal()).toBe('hunter2');
  });
});

describe('redaction', () => {
  it.each([
    ['see postgresql://u:hunter2@h/d now', 'see postgresql://u:***@h/d now'],
    ['postgresql://u:hun@ter2@h/d', 'postgresql://u:***@h/d'],
    ['postgresql://u:hunter/2@h/d', 'postgresql://u:***@h/d'],
    ['postgresql://h/d?user=u&password=hunter2&x=1', 'postgresql://h/d?user=u&password=***&x=1'],
    ["host=h password='hun ter2' user=u", 'host=h password=*** user=u'],
    ['sslpassword = hunter2', 'sslpassword = ***'],
    ['postgresql://u@h:5432/d', 'postgresql://u@h:5432/d'],
    ['password authentication failed for user "u"', 'password authentication failed for user "u"'],
  ])('turns %s into %s', (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it('reaches into objects, lists, maps and errors, and keeps bigints exact', () => {
    const cause = new Error('connect postgresql://u:hunter2@h failed');
    const value = {
      list: ['password=hunter2'],
      map: new Map([['pgpassword', 'hunter2']]),
      error: new Error('outer', { cause }),
      rows: 2n ** 60n,
      when: new Date(0),
      bytes: Buffer.from('hunter2'),
      none: null,
    };
    const copy = redact(value);
    expect(JSON.stringify(copy)).not.toContain('hunter2');
    expect(copy).toMatchObject({
      rows: '1152921504606846976',
      when: '1970-01-01T00:00:00.000Z',
      none: null,
      error: { message: 'outer', cause: { message: 'connect postgresql://u:***@h failed' } },
    });
  });

  it('ends on cycles', () => {
    const value: Record<string, unknown> = {};
    value.self = value;
    expect(JSON.stringify(redact(value))).toContain('…');
  });
});

describe('figures', () => {
  it('prints counts with their nouns', () => {
    expect([0, 1, 2, 1234].map((count) => plural(count, 'row'))).toEqual([
      '0 rows',
      '1 row',
      '2 rows',
      '1,234 rows',
    ]);
    expect([plural(1n, 'entry'), plural(2n, 'entry'), plural(2, 'key'), plural(2, 'index')]).toEqual([
      '1 entry',
      '2 entries',
      '2 keys',
      '2 indexes',
    ]);
  });

  it('prints bytes, counts and durations', () => {
    expect([0, 1023, 1536, 10 * 1024 ** 2, 150 * 1024 ** 3].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.5 kB',
      '10.0 MB',
      '150 GB',
    ]);
    expect([999, 1000, 1234567].map(formatCount)).toEqual(['999', '1,000', '1,234,567']);
    expect(formatCount(2n ** 60n)).toBe('1,152,921,504,606,846,976');
    expect([820, 12_340, 59_999, 245_000, 7_620_000, 273_600_000].map(formatDuration)).toEqual([
      '820 ms',
      '12.3 s',
      '59.9 s',
      '4m05s',
      '2h07m',
      '3d04h',
    ]);
  });

  it.each([
    ['4096', 4096],
    ['64MB', 64 * 1024 ** 2],
    ['1.5 GB', 1.5 * 1024 ** 3],
    ['512kB', 524_288],
    ['2MiB', 2 * 1024 ** 2],
    ['10 B', 10],
    ['MB', undefined],
    ['-1MB', undefined],
    ['1XB', undefined],
    ['9999999TB', undefined],
  ])('reads the size %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });
});

describe('width on a terminal', () => {
  it.each([
    ['abc', 3],
    ['日本語', 6],
    ['ｆｕｌｌ', 8],
    ['한글', 4],
    ['e\u0301', 1],
    ['😀', 2],
    ['👩‍👩‍👧', 2],
    ['❤️', 2],
    ['🇩🇪', 2],
    ['\u001b[31mred\u001b[0m', 3],
    ['a\u200bb', 2],
    ['', 0],
  ])('%s takes %i columns', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  it('cuts between characters and fills up', () => {
    expect(truncate('日本語', 5)).toBe('日本…');
    expect(truncate('日本語', 4)).toBe('日…');
    expect(truncate('abc', 3)).toBe('abc');
    expect(truncate('abc', 0)).toBe('');
    expect(pad('日本', 6)).toBe('日本  ');
    expect(pad('12', 4, 'right')).toBe('  12');
    expect(pad('long', 2)).toBe('long');
  });
});
