import { expect, test } from 'vitest';
import type { Discrepancy } from '../../src/core/verification.js';
import { sameValues } from '../../src/verify/trusted.js';
import type { TableResult } from '../../src/verify/types.js';

const digest = (rows: bigint) => ({ rows, sum: 0n, xor: 0n });

function result(discrepancies: readonly Discrepancy[], more: Partial<TableResult> = {}): TableResult {
  return {
    table: 'item',
    placement: 'distributed',
    verdict: discrepancies.length > 0 ? 'mismatch' : 'match',
    source: digest(10n),
    target: digest(10n),
    shards: [],
    discrepancies,
    discrepancyCount: discrepancies.length,
    countComplete: true,
    durationMs: { source: 0, target: 0, drill: 0 },
    ...more,
  };
}

const changed = (...columns: string[]): Discrepancy => ({ kind: 'mismatched', key: { id: '1' }, columns });
const one = (kind: Discrepancy['kind']): Discrepancy => ({ kind, key: { id: '1' } });
const ALL = { namespaces: [] };
const known = (
  table: TableResult,
  mode = 'digest' as 'digest' | 'rows' | 'counts',
  scope = ALL as object,
): boolean => sameValues([table], mode, { ...ALL, ...scope })('item', ['id']);

test('rows that all match have the source’s values, and so have those that differ elsewhere or are missing', () => {
  expect(known(result([]))).toBe(true);
  expect(known(result([]), 'rows')).toBe(true);
  expect(known(result([changed('note')]))).toBe(true);
  expect(known(result([changed('note'), one('missing')], { target: digest(9n) }))).toBe(true);
});

test.each<[string, boolean]>([
  ['a changed value of the column', known(result([changed('note', 'id')]))],
  ['an extra row', known(result([one('extra')], { target: digest(11n) }))],
  ['a row in the wrong shard', known(result([one('misplaced')]))],
  ['copies that are not the same', known(result([one('divergent')]))],
  ['rows beyond the limit', known(result([changed('note')], { countComplete: false }))],
  ['rows that are not accounted for', known(result([changed('note')], { target: digest(9n) }))],
  ['a mismatch without a row', known(result([], { verdict: 'mismatch' }))],
  ['counting', known(result([]), 'counts')],
  ['a sample', known(result([]), 'digest', { sample: 10 })],
  ['some tenants', known(result([]), 'digest', { namespaces: ['a'] })],
  ['another table', sameValues([result([])], 'digest', ALL)('other', ['id'])],
])('nothing is taken for known after %s', (_name, taken) => {
  expect(taken).toBe(false);
});
