import { describe, expect, test } from 'vitest';
import type { TableShards } from '../../src/citus/shards.js';
import type { TablePlan } from '../../src/core/plan-types.js';
import { classify as classifyRows, type RowEvidence } from '../../src/verify/classify.js';

const node = (name: string) => ({ groupId: 1, name, conninfo: {} as never });
const shards: TableShards = {
  table: { schema: 'public', name: 't' },
  kind: 'distributed',
  column: 'namespace',
  shards: [1, 2].map((number) => ({
    shardId: `10${number}`,
    range: { min: 0, max: 0 },
    nodes: [node(`w${number}:5432`)],
    relation: { schema: 'public', name: `t_10${number}` },
  })),
};
const keyed = {
  key: ['id'],
  columns: [{ name: 'namespace' }, { name: 'id' }, { name: 'value' }],
} as unknown as TablePlan;
const keyless = { ...keyed, key: null };

const row = (id: string | null, value: string, bucket = 1, home = bucket): RowEvidence => ({
  bucket,
  home,
  key: id === null ? [] : [id],
  hash: `${id}:${value}`,
  columns: ['n', String(id), value],
});
const classify = (...args: Parameters<typeof classifyRows>) =>
  classifyRows(...args).map(({ discrepancy }) => discrepancy);
const kinds = (source: RowEvidence[], target: RowEvidence[], table = keyed) =>
  classify(table, shards, source, target).map(({ kind, key, shardId }) => `${kind} ${key?.id} ${shardId}`);

describe('what is wrong with a row', () => {
  test('nothing, when both sides have it alike', () => {
    expect(kinds([row('1', 'a'), row('2', 'b')], [row('2', 'b'), row('1', 'a')])).toEqual([]);
  });
  test('missing, extra and mismatched are told apart, with the columns that differ', () => {
    const source = [row('1', 'a'), row('2', 'b')];
    const target = [row('2', 'c'), row('3', 'd')];
    expect(classify(keyed, shards, source, target)).toEqual([
      { kind: 'missing', key: { id: '1' }, shardId: '101', node: 'w1:5432' },
      { kind: 'mismatched', key: { id: '2' }, shardId: '101', node: 'w1:5432', columns: ['value'] },
      { kind: 'extra', key: { id: '3' }, shardId: '101', node: 'w1:5432' },
    ]);
  });
  test('a row in the wrong shard is misplaced and not missing as well', () => {
    expect(kinds([row('1', 'a', 2)], [row('1', 'a', 1, 2)])).toEqual(['misplaced 1 101']);
  });
  test('a copy in the wrong shard beside the right one is misplaced alone', () => {
    expect(kinds([row('1', 'a', 2)], [row('1', 'a', 2), row('1', 'a', 1, 2)])).toEqual(['misplaced 1 101']);
  });
  test('a row that was moved and changed is misplaced and missing', () => {
    expect(kinds([row('1', 'a', 2)], [row('1', 'z', 1, 2)])).toEqual(['misplaced 1 101', 'missing 1 102']);
  });
  test('a key twice on one side counts once too often', () => {
    expect(kinds([row('1', 'a')], [row('1', 'a'), row('1', 'a')])).toEqual(['extra 1 101']);
  });
  test('rows without a key are counted by their content', () => {
    const source = [row(null, 'a'), row(null, 'a'), row(null, 'b')];
    const target = [row(null, 'a'), row(null, 'c'), row(null, 'c')];
    expect(kinds(source, target, keyless)).toEqual([
      'missing undefined 101',
      'missing undefined 101',
      'extra undefined 101',
      'extra undefined 101',
    ]);
  });
});
