import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differenceOf } from '../../src/router/differences.js';
import { isRead } from '../../src/router/shadow.js';

const columns = ['id', 'value'];
const value = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom<unknown>(null, '', '1', Number.NaN, 1n, new Date(0), { a: [1] }),
);
const rows = fc.array(fc.record({ id: fc.integer({ min: 0, max: 3 }), value }), { maxLength: 12 });

describe('two answers', () => {
  test('are equal in any order of rows and of columns, with a column more on the other side', () => {
    fc.assert(
      fc.property(
        rows.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([answer, shuffled]) => {
          const shadow = shuffled.map((row) => ({ value: row.value, namespace: 'a', id: row.id }));
          expect(differenceOf(columns, answer, shadow)).toBeUndefined();
        },
      ),
    );
  });

  test('differ by as many rows as are planted on either side', () => {
    fc.assert(
      fc.property(rows, fc.nat(3), fc.nat(3), (answer, more, fewer) => {
        const planted = Array.from({ length: more }, (_, index) => ({ id: 100 + index, value: null }));
        const shadow = [...answer.slice(fewer), ...planted];
        const gone = answer.length - answer.slice(fewer).length;
        expect(differenceOf(columns, answer, shadow)).toEqual(
          gone + more === 0 ? undefined : { onlyInAnswer: gone, onlyInShadow: more },
        );
      }),
    );
  });

  test.each([
    ['NULL and nothing', { id: 1, value: null }, { id: 1 }],
    ['a number and its text', { id: 1, value: 1 }, { id: 1, value: '1' }],
    ['NaN and NULL', { id: 1, value: Number.NaN }, { id: 1, value: null }],
    ['how often a row comes', { id: 1, value: 1 }, undefined],
  ])('are told apart by %s', (_, one, other) => {
    expect(differenceOf(columns, [one], other === undefined ? [one, one] : [other])).toBeDefined();
  });
});

test.each([
  ['SELECT 1', true],
  ['-- which\n  with x as (select 1) table x', true],
  ['/* a */ VALUES (1)', true],
  ['INSERT INTO a SELECT 1', false],
  ['selection', false],
  ['UPDATE a SET b = 1', false],
])('%j is repeated on the other side: %s', (text, expected) => {
  expect(isRead(text)).toBe(expected);
});
