import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MigrateError } from '../../src/core/errors.js';
import { isolate, type Refusal } from '../../src/load/isolate.js';

const error = new MigrateError('ROW_REFUSED');

/** A table that refuses a value that it holds already, and everything below zero. */
function table(names: 'every row' | 'no row' | 'some rows') {
  const held: number[] = [];
  let calls = 0;
  const attempt = async (batch: readonly number[]): Promise<Refusal | undefined> => {
    calls += 1;
    const seen = new Set(held);
    for (const [at, value] of batch.entries()) {
      if (value < 0 || seen.has(value)) {
        const named = names === 'every row' || (names === 'some rows' && calls % 2 === 0);
        return { line: named ? at + 1 : undefined, error };
      }
      seen.add(value);
    }
    held.push(...batch);
    return undefined;
  };
  return { held, attempt };
}

describe('isolating refused rows', () => {
  test.each(['every row', 'no row', 'some rows'] as const)(
    'loads every row but the refused ones when the server names %s',
    async (names) => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: -3, max: 60 }), { maxLength: 80 }), async (rows) => {
          const { held, attempt } = table(names);
          const refused: number[] = [];
          await isolate(rows, attempt, ({ row }) => refused.push(row));
          const sorted = (values: number[]): number[] => [...values].sort((a, b) => a - b);
          expect(sorted([...held, ...refused])).toEqual(sorted(rows));
          expect(sorted(held)).toEqual(sorted([...new Set(rows.filter((value) => value >= 0))]));
        }),
      );
    },
  );

  test('stops when the caller has seen enough', async () => {
    const { attempt, held } = table('every row');
    const stop = new Error('too many');
    const rows = [1, -1, 2, -2, 3];
    let count = 0;
    const isolating = isolate(rows, attempt, () => {
      count += 1;
      if (count > 1) throw stop;
    });
    await expect(isolating).rejects.toBe(stop);
    expect(held).toEqual([]);
  });
});
