import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type GeneratorOptions, generatedTables, tableStream } from '../../src/demo/generator/generate.js';
import { Random } from '../../src/demo/generator/random.js';
import { Zipf } from '../../src/demo/generator/zipf.js';

function digest(options: GeneratorOptions): string {
  const hash = createHash('sha256');
  for (const { table } of generatedTables(options)) {
    for (const piece of tableStream(table, 'vector(384)', options)) hash.update(piece);
  }
  return hash.digest('hex').slice(0, 16);
}

/** How often each rank is drawn. */
function draws(count: number, exponent: number, times: number): number[] {
  const [random, zipf] = [new Random(7), new Zipf(count, exponent)];
  const seen = Array.from({ length: count }, () => 0);
  for (let index = 0; index < times; index += 1) seen[zipf.rank(random.unit())]! += 1;
  return seen;
}

describe('the generator', () => {
  it('makes the same bytes from the same seed, on every machine', () => {
    expect(digest({ rows: 500, seed: 42 })).toBe(digest({ rows: 500, seed: 42 }));
    expect(digest({ rows: 500, seed: 42 })).toBe('a5de830892828155');
  });

  it.each<[string, GeneratorOptions]>([
    ['seed', { rows: 500, seed: 43 }],
    ['number of rows', { rows: 501, seed: 42 }],
    ['number of namespaces', { rows: 500, seed: 42, namespaces: 150 }],
    ['skew', { rows: 500, seed: 42, zipf: 0.5 }],
  ])('makes other bytes from another %s', (_what, options) => {
    expect(digest(options)).not.toBe(digest({ rows: 500, seed: 42 }));
  });

  it('hands over pieces of a bounded size, whatever the number of rows', () => {
    const { table } = generatedTables({ rows: 2000 })[0]!;
    const sizes = [...tableStream(table, 'real[]', { rows: 2000 })].map((piece) => piece.length);
    expect(sizes.length).toBeGreaterThan(10);
    expect(Math.max(...sizes)).toBeLessThan(300_000);
  });

  it('keeps the proportions of the tables', () => {
    const counts = Object.fromEntries(
      generatedTables({ rows: 20_000 }).map(({ table, rows }) => [table.name, rows]),
    );
    expect(counts).toEqual({
      memory_entries: 20_000,
      patterns: 2_000,
      trajectories: 1_000,
      graph_nodes: 4_000,
      graph_edges: 10_000,
      hyperbolic_embeddings: 1_000,
      vector_indexes: 300,
      sessions: 200,
      metadata: 10,
    });
  });
});

describe('the draw by Zipf', () => {
  it.each([0.5, 1, 1.5])('gives a rank its share of 1/rank^%d', (exponent) => {
    const times = 200_000;
    const seen = draws(50, exponent, times);
    const weights = seen.map((_, rank) => (rank + 1) ** -exponent);
    const sum = weights.reduce((a, b) => a + b);
    for (const [rank, count] of seen.entries()) {
      const expected = (times * weights[rank]!) / sum;
      // Five standard deviations of a binomial count; the seed is fixed.
      expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });

  it('is even with an exponent of 0 and skewed with 1', () => {
    const even = draws(10, 0, 10_000);
    expect(Math.max(...even) / Math.min(...even)).toBeLessThan(1.2);
    const skewed = draws(10, 1, 10_000);
    expect(Math.max(...skewed) / Math.min(...skewed)).toBeGreaterThan(8);
  });

  it('stays within its ranks at both ends', () => {
    const zipf = new Zipf(3, 1);
    expect([zipf.rank(0), zipf.rank(1 - 2 ** -32)]).toEqual([0, 2]);
  });
});
