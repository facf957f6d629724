import { expect, test } from 'vitest';
import { MigrateError } from '../../src/core/errors.js';
import { Allowance, newRefusedMemory, refuseEarlier } from '../../src/load/allowance.js';

const reason = new MigrateError('ROW_REFUSED', { message: 'no', context: { constraint: 'no_debt' } });
const TOO_MANY = expect.objectContaining({ code: 'TOO_MANY_BAD_ROWS' });

function three(already = 0): Allowance[] {
  const refused = newRefusedMemory();
  const threads = [new Allowance({ refused, maxBadRows: 3 }), new Allowance({ refused, maxBadRows: 3 })];
  threads[0]!.begin(already);
  return threads;
}

test('the row that is one too many is refused, whichever chunk and thread the others were in', () => {
  const [one, other] = three();
  const chunk = one!.chunk(0);
  chunk.add(reason);
  other!.chunk(0).add(reason);
  chunk.add(reason);
  expect(() => other!.chunk(0).add(reason)).toThrow(TOO_MANY);
});

test('what earlier runs set aside counts, in chunks of which a part is committed once', () => {
  const [one] = three(2);
  const begun = one!.chunk(2);
  begun.restart(2);
  begun.add(reason);
  expect(() => begun.add(reason)).toThrow(TOO_MANY);
});

test('rows of an attempt that was not committed count again when they come again, not twice', () => {
  const [one] = three();
  const chunk = one!.chunk(0);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    chunk.restart(0);
    for (let row = 0; row < 3; row += 1) chunk.add(reason);
  }
  chunk.restart(1);
  chunk.add(reason);
  chunk.add(reason);
  expect(() => chunk.add(reason)).toThrow(TOO_MANY);
});

test('a run does not begin behind more rows than it takes', () => {
  expect(() => refuseEarlier(3, 3)).not.toThrow();
  expect(() => refuseEarlier(1, 0)).toThrow(/1 refused row aside, and this run takes none/);
  expect(() => refuseEarlier(4, 3)).toThrow(TOO_MANY);
});
