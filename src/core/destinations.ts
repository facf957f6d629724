import { ShardMap, type ShardRange } from './shard-map.js';

/** Hashes `min` to `max`, both included. */
export interface HashRange {
  readonly min: number;
  readonly max: number;
}

/** Where rows of a piece of the hash space go. */
export interface Destination<N> {
  /** Index into the shards that were given. */
  readonly shard: number;
  /** Nodes that still need the rows; empty: every placement has them already. */
  readonly nodes: readonly N[];
}

export interface Destinations<N> {
  /** Routes to indexes into `to`. */
  readonly map: ShardMap;
  readonly to: readonly Destination<N>[];
}

/**
 * Shards cut at the borders of what earlier attempts at the same rows have committed. `done` says for each node
 * which hashes it has; ranges stay true when shards are moved or split meanwhile. Rows that one node has committed
 * are counted as arrived for every placement where there is only one (`replicated` false): the shard may have moved
 * to another node since, and has taken them along.
 */
export function destinations<N>(
  shards: readonly (HashRange & { readonly nodes: readonly N[] })[],
  done: readonly (HashRange & { readonly node: N })[],
  replicated: boolean,
): Destinations<N> {
  const cuts = done.flatMap((range) => [range.min, range.max + 1]);
  const pieces: ShardRange[] = [];
  const to: Destination<N>[] = [];
  shards.forEach((shard, index) => {
    const inside = cuts.filter((cut) => cut > shard.min && cut <= shard.max);
    const starts = [...new Set([shard.min, ...inside])].sort((a, b) => a - b);
    starts.forEach((min, at) => {
      const max = (starts[at + 1] ?? shard.max + 1) - 1;
      const having = done.filter((range) => range.min <= min && max <= range.max).map((range) => range.node);
      const missing = replicated
        ? shard.nodes.filter((node) => !having.includes(node))
        : having.length > 0
          ? []
          : shard.nodes;
      pieces.push({ shardId: to.length, min, max });
      to.push({ shard: index, nodes: missing });
    });
  });
  const map = new ShardMap(pieces);
  // The map sorts its ranges; destinations follow.
  return { map, to: map.ranges.map((range) => to[range.shardId as number]!) };
}
