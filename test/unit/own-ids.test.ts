import { expect, test } from 'vitest';
import { ownIds, workerRange } from '../../src/load/own-ids.js';

test('worker ranges lie behind one another, above what the coordinator gives out', () => {
  expect(workerRange(1).min).toBe(281474976710657n);
  expect(workerRange(2).min).toBe(562949953421313n);
  expect(workerRange(1).max).toBe(workerRange(2).min);
});

test('on a single node all ids within the bounds count', () => {
  expect(ownIds('id', { min: 1n, max: 99n }, [])).toBe("id::bigint BETWEEN '1'::bigint AND '99'::bigint");
});

test('on a cluster those of each worker do not', () => {
  expect(ownIds('id', { min: 1n, max: 2n ** 63n - 1n }, [2])).toBe(
    "id::bigint BETWEEN '1'::bigint AND '9223372036854775807'::bigint AND " +
      "NOT (id::bigint >= '562949953421313'::bigint AND id::bigint < '844424930131969'::bigint)",
  );
});
