import { expect, test } from 'vitest';
import type { TablePlan } from '../../src/core/plan-types.js';
import type { Extent } from '../../src/export/extents.js';
import { belongsTo, recordOf, whyGone } from '../../src/export/source-chunks.js';

const extent = (name: string, groupId: number, filenode = '7', relation = 'item'): Extent =>
  ({
    node: { name, groupId },
    relation: { schema: 'public', name: relation },
    filenode,
  }) as unknown as Extent;
const record = (of: Extent) =>
  recordOf({ table: { table: 'item' } as TablePlan, extent: of, range: { from: 0, to: 9 } }, '1:1:', 5);

test('a single node or coordinator is the same however its address is spelled', () => {
  expect(belongsTo(record(extent('localhost:5432', 0)), extent('127.0.0.1:5432', 0))).toBe(true);
});

test('another worker, file or relation is not the same place', () => {
  const there = record(extent('worker-1:5432', 1));
  expect(belongsTo(there, extent('worker-1:5432', 1))).toBe(true);
  expect(belongsTo(there, extent('worker-2:5432', 2))).toBe(false);
  expect(belongsTo(there, extent('worker-1:5432', 1, '8'))).toBe(false);
  expect(belongsTo(there, extent('worker-1:5432', 1, '7', 'other'))).toBe(false);
  expect(belongsTo(there, extent('coordinator:5432', 0))).toBe(false);
  expect(belongsTo(record(extent('coordinator:5432', 0)), extent('coordinator:5432', 1))).toBe(false);
});

test('a record of before groups were kept goes by the name', () => {
  const { group: _, ...older } = record(extent('localhost:5432', 0));
  expect(belongsTo(older, extent('localhost:5432', 0))).toBe(true);
  expect(belongsTo(older, extent('127.0.0.1:5432', 0))).toBe(false);
});

test('a shard on another node has moved; a part whose file is another was rewritten', () => {
  const there = record(extent('worker-1:5432', 1, '7', 'item_102008'));
  expect(whyGone(there, [extent('worker-2:5432', 2, '9', 'item_102008')])).toBe('moved');
  expect(whyGone(there, [extent('worker-1:5432', 1, '9', 'item_102008')])).toBe('rewritten');
  expect(whyGone(there, [])).toBe('rewritten');
});
