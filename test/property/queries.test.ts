import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ResultDigester } from '../../src/queries/result-digest.js';
import { statementsOf } from '../../src/queries/statements.js';

/** Pieces of SQL that hold everything which could be taken for the end of a statement. */
const piece = fc.constantFrom(
  'a',
  '1',
  `';'`,
  `''''`,
  `E'\\';'`,
  '";"',
  '$$;$$',
  `$q$ ' $$ ; $q$`,
  '$1',
  '/* ; /* */ ; */',
  '-- ;\n',
  '(',
  ')',
  ',',
  '::',
);
const statement = fc
  .array(piece, { minLength: 0, maxLength: 12 })
  // Parentheses that are opened are closed, or a semicolon would stand inside of them.
  .map((pieces) => ['SELECT', ...pieces.filter((one) => one !== '(' && one !== ')')].join(' '));

test('whatever statements hold, they are found again one by one', () => {
  fc.assert(
    fc.property(fc.array(statement, { minLength: 1, maxLength: 6 }), (statements) => {
      const found = statementsOf('q.sql', statements.map((one) => `${one}\n;`).join('\n'));
      expect(found.map(({ text }) => text)).toEqual(statements.map((one) => one.trim()));
    }),
  );
});

const row = fc.array(fc.option(fc.string({ unit: 'binary', maxLength: 4 }), { nil: null }), {
  minLength: 2,
  maxLength: 2,
});
const digest = (rows: (string | null)[][]) => {
  const digester = new ResultDigester();
  for (const each of rows) digester.add(each);
  return digester.finish([]);
};

test('rows in any order have one set digest, and one sequence digest only in the same order', () => {
  fc.assert(
    fc.property(
      fc
        .array(row, { minLength: 1 })
        .chain((rows) => fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }))),
      ([rows, shuffled]) => {
        const same = JSON.stringify(rows) === JSON.stringify(shuffled);
        expect(digest(shuffled).set).toBe(digest(rows).set);
        expect(digest(shuffled).sequence === digest(rows).sequence).toBe(same);
      },
    ),
  );
});
