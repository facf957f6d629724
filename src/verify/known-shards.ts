import type { Node } from '../citus/database.js';
import type { Digest } from '../core/digest.js';
import { type Comparison, placementsOf, type TablePair } from './comparison.js';
import { keptDigests, total } from './digests.js';
import { type Measurement, type Measurements, measurementKey } from './measurements.js';
import { streamStatement } from './row-stream.js';
import { isSame, type KnownRows, knownRows, serverIdentity } from './unchanged.js';

/** The shards of one table that were found equal row by row, kept for a later run and taken over from an earlier one. */
export class KnownShards {
  /** A pass over the source for each snapshot that some shards were compared under: one, as a rule. */
  readonly #passes = new Map<string, Promise<Map<number, KnownRows>>>();
  readonly #servers = new Map<Node, Promise<string>>();

  constructor(
    private readonly comparison: Comparison,
    private readonly pair: TablePair,
    private readonly measurements: Measurements,
  ) {}

  /** The shards that matched in an earlier run and whose rows neither side has changed since, with their digests. */
  async holding(shards: readonly number[]): Promise<Map<number, Digest>> {
    const known = new Map<number, Digest>();
    if (!this.measurements.kept) return known;
    for (const shard of shards) {
      const key = await this.#key(shard);
      const measurement = this.measurements.offered(key);
      if (measurement === undefined || !(await this.#holds(shard, measurement))) continue;
      this.measurements.reuse(key);
      known.set(shard, total(keptDigests.from(measurement.value).values()));
    }
    return known;
  }

  /** Keeps a shard whose copies all have the source's rows, which `digest` is of. */
  async keep(shard: number, digest: Digest): Promise<void> {
    if (!this.measurements.kept) return;
    const { source, target } = this.comparison;
    const copies = placementsOf(this.comparison, this.pair, shard);
    const name = source.cut.database.head.name;
    await this.measurements.keep(await this.#key(shard), {
      visible: {
        [name]: source.cut.visible[name]!,
        ...Object.fromEntries(
          copies.map(({ node }) => [`target ${node.name}`, target.cut.visible[node.name]!]),
        ),
      },
      rows: String(digest.rows),
      value: keptDigests.to(new Map([[shard, digest]])),
    });
  }

  async #holds(shard: number, { visible, rows }: Measurement): Promise<boolean> {
    const { source, target } = this.comparison;
    const before = visible[source.cut.database.head.name];
    if (before === undefined) return false;
    const pass = this.#passes.get(before) ?? this.#sourceNow(before);
    this.#passes.set(before, pass);
    const now = await pass;
    // Rows that belong to no shard are looked for with every pass.
    if (now.has(0) || !isSame(now.get(shard), BigInt(rows))) return false;
    for (const unit of placementsOf(this.comparison, this.pair, shard)) {
      const there = await target.pool.use(unit.node, (session) =>
        knownRows(session, unit, visible[`target ${unit.node.name}`]!, '0'),
      );
      if (!isSame(there.get(0), BigInt(rows))) return false;
    }
    return true;
  }

  async #sourceNow(visible: string): Promise<Map<number, KnownRows>> {
    const now = new Map<number, KnownRows>();
    for (const unit of this.pair.source.whole) {
      const part = await this.comparison.source.pool.use(unit.node, (session) =>
        knownRows(session, unit, visible, unit.home),
      );
      for (const [bucket, { rows, known }] of part) {
        const sum = now.get(bucket) ?? { rows: 0n, known: 0n };
        now.set(bucket, { rows: sum.rows + rows, known: sum.known + known });
      }
    }
    return now;
  }

  /** Names the comparison of a shard by the servers and statements that its result depends on. */
  async #key(shard: number): Promise<string> {
    const { source, target } = this.comparison;
    const parts = ['rows', String(shard)];
    for (const [{ pool }, units] of [
      [source, this.pair.source.whole],
      [target, placementsOf(this.comparison, this.pair, shard)],
    ] as const) {
      for (const unit of units) {
        const server = this.#servers.get(unit.node) ?? pool.use(unit.node, serverIdentity);
        this.#servers.set(unit.node, server);
        parts.push(unit.node.name, await server, streamStatement([unit], undefined, true));
      }
    }
    return measurementKey(...parts);
  }
}
