import { BufferPool } from '../core/buffer-pool.js';
import type { Context } from '../core/context.js';
import { type Digest, digestsEqual, EMPTY_DIGEST } from '../core/digest.js';
import { throwIfAborted } from '../core/errors.js';
import { parallel } from '../core/parallel.js';
import { PIECES_KEPT } from '../postgres/copy-out.js';
import { classify, type RowEvidence } from './classify.js';
import { type Comparison, placementsOf, type TablePair } from './comparison.js';
import { addDigests } from './digests.js';
import type { DrillResult } from './drill.js';
import { KnownShards } from './known-shards.js';
import { type Measured, nothingMeasured, placementKey } from './measure.js';
import type { Measurements } from './measurements.js';
import { mergeRows, RowCursor } from './merge.js';
import { evidenceOf, keyFields, readRows, type StreamRow, streamStatement } from './row-stream.js';
import type { Unit } from './units.js';

/** Differing rows that are kept beyond the limit, so that a row found in two places is named rightly. */
const BEYOND = 20_000;

export interface RowsResult extends DrillResult {
  readonly measured: Measured;
}

/** Digests of what streams by, by shard. Sums are gathered in place: a row costs no object. */
class Totals {
  readonly #by = new Map<number, { rows: number; sum: bigint; xor: bigint }>();

  add({ bucket, hash }: StreamRow): void {
    const found = this.#by.get(bucket);
    if (found === undefined) this.#by.set(bucket, { rows: 1, sum: hash, xor: hash });
    else {
      found.rows += 1;
      found.sum += hash;
      found.xor ^= hash;
    }
  }

  of(bucket: number): Digest {
    const { rows, sum, xor } = this.#by.get(bucket) ?? { rows: 0, sum: 0n, xor: 0n };
    return { rows: BigInt(rows), sum, xor };
  }
}

/** Even, contiguous parts of the shards, one stream of the source for each. */
function lanesOf(shards: readonly number[], lanes: number): number[][] {
  const count = Math.max(1, Math.min(lanes, shards.length));
  const bounds = Array.from({ length: count + 1 }, (_, index) => Math.round((index * shards.length) / count));
  return bounds.slice(1).map((to, index) => shards.slice(bounds[index], to));
}

/**
 * Compares one table row by row: each lane reads its shards' rows from both sides, sorted by shard and key, and
 * holds one key's rows at a time. Every further placement is streamed as well and compared as a whole.
 */
export class RowComparison {
  readonly #known: KnownShards;
  readonly #measured = nothingMeasured();
  readonly #differing = new Set<number>();
  readonly #kept: Record<'source' | 'target', RowEvidence[]> = { source: [], target: [] };
  #alone = 0;

  constructor(
    private readonly comparison: Comparison,
    private readonly pair: TablePair,
    private readonly max: number,
    measurements: Measurements,
    private readonly context: Context,
  ) {
    this.#known = new KnownShards(comparison, pair, measurements);
  }

  async run(jobs: number): Promise<RowsResult> {
    const { shards, chosen, table } = this.pair;
    const wanted = shards.shards.map((_, index) => index + 1).filter((shard) => chosen?.has(shard) ?? true);
    const todo = await this.#withoutKnown(wanted);
    const lanes = todo.length === 0 ? [] : lanesOf(todo, jobs);
    await parallel(lanes, jobs, this.context.signal, async (lane, signal) => {
      await this.#lane(lane, signal);
      for (const shard of lane) {
        const others = this.#placements(shard).slice(1);
        for (const unit of others) if (unit.shard !== undefined) await this.#digestPlacement(unit);
        if (others.length > 0) await this.#keep(shard);
      }
    });
    const astray = this.#astray(todo);
    const kept = (side: 'source' | 'target'): RowEvidence[] =>
      this.#kept[side].filter(({ bucket }) => !astray.has(bucket));
    const found = classify(table, shards, kept('source'), kept('target'));
    return {
      measured: this.#measured,
      found: found.slice(0, this.max),
      complete:
        this.#alone === this.#kept.source.length + this.#kept.target.length && found.length <= this.max,
    };
  }

  /** Shards of which another copy equals the source: what was found in the first one is how that copy differs. */
  #astray(shards: readonly number[]): ReadonlySet<number> {
    const { source, target } = this.#measured;
    return new Set(
      shards.filter((shard) =>
        this.#placements(shard)
          .slice(1)
          .some(({ node, shard: number }) => {
            const copy = target.get(placementKey(shard, node.name)) ?? EMPTY_DIGEST;
            return number !== undefined && digestsEqual(copy, source.get(shard) ?? EMPTY_DIGEST);
          }),
      ),
    );
  }

  #placements(shard: number): readonly Unit[] {
    return placementsOf(this.comparison, this.pair, shard);
  }

  /** Takes over the shards that an earlier run found equal; returns the others. */
  async #withoutKnown(shards: readonly number[]): Promise<number[]> {
    const known = await this.#known.holding(shards);
    for (const [shard, digest] of known) {
      this.#measured.source.set(shard, digest);
      for (const unit of this.#placements(shard)) {
        this.#measured.target.set(placementKey(shard, unit.node.name), digest);
      }
      this.#report(Number(digest.rows) * 2);
    }
    return shards.filter((shard) => !known.has(shard));
  }

  async #keep(shard: number): Promise<void> {
    const copies = this.#placements(shard);
    const digest = this.#measured.source.get(shard) ?? EMPTY_DIGEST;
    const same = copies.every((unit) =>
      digestsEqual(this.#measured.target.get(placementKey(shard, unit.node.name)) ?? EMPTY_DIGEST, digest),
    );
    if (!this.#differing.has(shard) && same && copies.length > 0) await this.#known.keep(shard, digest);
  }

  /** Streams the rows of `shards` from both sides and compares them. */
  async #lane(shards: readonly number[], signal: AbortSignal): Promise<void> {
    const { table, source } = this.pair;
    const fields = keyFields(table);
    const totals = { source: new Totals(), target: new Totals() };
    const single = this.pair.shards.shards.length === 1;
    const all = [...shards, ...(shards.includes(1) ? [0] : [])];
    const sources =
      source.whole.length === 0
        ? none()
        : this.#stream(
            'source',
            source.whole,
            streamStatement(source.whole, single ? undefined : all, true),
            single ? 1 : undefined,
            signal,
          );
    const targets = this.#targets(shards, signal);
    const left = [...shards].sort((a, b) => a - b);
    const keeping: Promise<void>[] = [];
    /** Both streams are past these shards. */
    const passed = (next: number): void => {
      while (left.length > 0 && left[0]! < next) {
        const shard = left.shift()!;
        this.#settle(shard, totals.source.of(shard), totals.target.of(shard));
        if (this.#placements(shard).length !== 1) continue;
        const kept = this.#keep(shard);
        // Whoever waits for it later is told.
        kept.catch(() => {});
        keeping.push(kept);
      }
    };
    try {
      await mergeRows(new RowCursor(sources), new RowCursor(targets), fields, {
        row: (side, row) => {
          passed(row.bucket);
          totals[side].add(row);
          if (side === 'target' && row.home !== row.bucket) this.#measured.misplaced.add(row.bucket);
        },
        alone: (side, row) => {
          if (row.bucket > 0) this.#differing.add(row.bucket);
          this.#keepAlone(side, row);
        },
      });
      passed(Infinity);
    } finally {
      // A stream that was not read to its end still holds its session.
      await Promise.all([sources.return(undefined), targets.return(undefined)]);
      await Promise.allSettled(keeping);
    }
    const homeless = totals.source.of(0);
    if (homeless.rows > 0n) addDigests(this.#measured.source, new Map([[0, homeless]]));
    await Promise.all(keeping);
  }

  #settle(shard: number, source: Digest, target: Digest): void {
    this.#measured.source.set(shard, source);
    const [first] = this.#placements(shard);
    if (first !== undefined) this.#measured.target.set(placementKey(shard, first.node.name), target);
  }

  #keepAlone(side: 'source' | 'target', row: StreamRow): void {
    // A row that belongs to no shard is counted; there is no place to name.
    if (row.bucket === 0) return;
    this.#alone += 1;
    const { source, target } = this.#kept;
    if (source.length + target.length >= this.max + BEYOND) return;
    this.#kept[side].push(evidenceOf(row, this.pair.table));
  }

  /** The first placement of each shard, one after the other, as one stream. */
  async *#targets(shards: readonly number[], signal: AbortSignal): AsyncGenerator<StreamRow[]> {
    for (const shard of shards) {
      const copies = this.#placements(shard);
      // A plain target's table can have several parts: together they are its only shard.
      const parts = copies[0]?.shard === undefined ? copies : copies.slice(0, 1);
      if (parts.length === 0) continue;
      yield* this.#stream('target', parts, streamStatement(parts, undefined, true), shard, signal);
    }
  }

  async *#stream(
    side: 'source' | 'target',
    units: readonly Unit[],
    statement: string,
    bucket: number | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<StreamRow[]> {
    const { node, table } = units[0]!;
    const { pool } = this.comparison[side];
    const { clock } = this.context;
    const session = await pool.borrow(node);
    let whole = false;
    try {
      const buffers = new BufferPool(PIECES_KEPT);
      const done = (piece: Buffer): void => buffers.give(piece);
      const pieces = session.copyOut(statement, `stream ${table.table}`, undefined, buffers);
      let asked = clock.now();
      for await (const batch of readRows(pieces, keyFields(table), bucket, done)) {
        throwIfAborted(signal);
        this.#report(batch.length, node.name);
        this.#measured.spent[side] += clock.now() - asked;
        yield batch;
        asked = clock.now();
      }
      whole = true;
    } finally {
      // One that stopped in the middle cannot be used again.
      if (whole) pool.giveBack(node, session);
      else await session.close();
    }
  }

  async #digestPlacement(unit: Unit): Promise<void> {
    const totals = new Totals();
    const statement = streamStatement([unit], undefined, false);
    const { signal } = this.context;
    for await (const batch of this.#stream('target', [unit], statement, unit.shard!, signal)) {
      for (const row of batch) totals.add(row);
    }
    this.#measured.target.set(placementKey(unit.shard!, unit.node.name), totals.of(unit.shard!));
  }

  #report(rows: number, node?: string): void {
    const { table } = this.pair.table;
    this.context.progress.advance(table, { rows });
    this.context.metrics.count('migrate_verify_rows_total', rows, {
      table,
      ...(node === undefined ? {} : { node }),
    });
  }
}

async function* none(): AsyncGenerator<StreamRow[]> {}
