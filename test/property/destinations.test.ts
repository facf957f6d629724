import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { destinations } from '../../src/core/destinations.js';

const LOWEST = -(2 ** 31);
const HIGHEST = 2 ** 31 - 1;
const hash = fc.integer({ min: LOWEST, max: HIGHEST });
const NODES = ['a', 'b', 'c'];

const shards = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: LOWEST + 1, max: HIGHEST }), { maxLength: 8 }),
    fc.array(fc.subarray(NODES, { minLength: 1 }), { minLength: 9, maxLength: 9 }),
  )
  .map(([points, nodes]) => {
    const starts = [LOWEST, ...points.sort((x, y) => x - y)];
    return starts.map((min, at) => ({ min, max: (starts[at + 1] ?? HIGHEST + 1) - 1, nodes: nodes[at]! }));
  });
const done = fc.array(
  fc.record({ from: hash, to: hash, node: fc.constantFrom(...NODES) }).map(({ from, to, node }) => ({
    min: Math.min(from, to),
    max: Math.max(from, to),
    node,
  })),
  { maxLength: 5 },
);

/** Where a hash has to go, found the slow way. */
function expected(
  map: readonly { min: number; max: number; nodes: string[] }[],
  committed: readonly { min: number; max: number; node: string }[],
  replicated: boolean,
  value: number,
) {
  const shard = map.findIndex((each) => each.min <= value && value <= each.max);
  const having = committed.filter((each) => each.min <= value && value <= each.max).map((each) => each.node);
  const nodes = map[shard]!.nodes;
  if (!replicated) return { shard, nodes: having.length > 0 ? [] : nodes };
  return { shard, nodes: nodes.filter((node) => !having.includes(node)) };
}

describe('destinations', () => {
  test('send every hash to its shard, on the nodes that do not have it yet', () => {
    fc.assert(
      fc.property(
        shards,
        done,
        fc.boolean(),
        fc.array(hash, { minLength: 1, maxLength: 30 }),
        (map, committed, replicated, values) => {
          const { map: routes, to } = destinations(map, committed, replicated);
          const borders = committed.flatMap(({ min, max }) => [
            min,
            max,
            Math.max(LOWEST, min - 1),
            Math.min(HIGHEST, max + 1),
          ]);
          for (const value of [...values, ...borders, LOWEST, HIGHEST]) {
            expect(to[routes.route(value)]).toEqual(expected(map, committed, replicated, value));
          }
        },
      ),
    );
  });

  test('send nothing when the whole hash space has been committed', () => {
    const { to } = destinations(
      [{ min: LOWEST, max: HIGHEST, nodes: ['b'] }],
      [{ min: LOWEST, max: HIGHEST, node: 'a' }],
      false,
    );
    expect(to).toEqual([{ shard: 0, nodes: [] }]);
  });
});
