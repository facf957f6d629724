import type { Context } from '../core/context.js';
import type { Digest } from '../core/digest.js';
import { parallel } from '../core/parallel.js';
import type { Session } from '../postgres/session.js';
import type { CheckedSide } from './checked-side.js';
import type { Comparison, TablePair } from './comparison.js';
import {
  addDigest,
  addDigests,
  type BucketDigests,
  byBucket,
  digestStatement,
  keptDigests,
  type Mode,
  type PartDigests,
  readDigests,
  total,
} from './digests.js';
import { type Measurements, measurementKey } from './measurements.js';
import { isSame, knownRows, serverIdentity } from './unchanged.js';
import type { Unit } from './units.js';

/** What was found on both sides of one table. */
export interface Measured {
  /** By shard, as the source's rows would be placed. */
  readonly source: BucketDigests;
  /** By `placementKey`: all rows that lie there. */
  readonly target: Map<string, Digest>;
  /** The same in parts, of whatever was not taken over from an earlier run: by unit, and by `placementKey`. */
  readonly parts: { readonly source: Map<Unit, PartDigests>; readonly target: Map<string, PartDigests> };
  /** Shards that hold rows of another shard's range. */
  readonly misplaced: Set<number>;
  /** Milliseconds of queries, summed over connections. */
  readonly spent: { source: number; target: number };
}

/** A placement's name in `Measured.target`. */
export const placementKey = (shard: number, node: string): string => `${shard} ${node}`;

export const nothingMeasured = (): Measured => ({
  source: new Map(),
  target: new Map(),
  parts: { source: new Map(), target: new Map() },
  misplaced: new Set(),
  spent: { source: 0, target: 0 },
});

/** Digests of every unit on both sides at once, each unit once, or not at all where an earlier run's still holds. */
export async function measure(
  { source, target, pairs }: Comparison,
  mode: Mode,
  jobs: number,
  measurements: Measurements,
  context: Context,
): Promise<Map<TablePair, Measured>> {
  const measured = new Map(pairs.map((pair) => [pair, nothingMeasured()]));
  const read = (
    name: 'source' | 'target',
    units: readonly { pair: TablePair; unit: Unit }[],
    keep: (into: Measured, unit: Unit, digests: BucketDigests) => void,
    keepParts: (into: Measured, unit: Unit, parts: PartDigests) => void,
  ) =>
    parallel(units, jobs, context.signal, async ({ pair, unit }, signal) => {
      const side = { source, target }[name];
      const into = measured.get(pair)!;
      const slices = mode === 'counts' ? 1 : pair.slices;
      const statement = digestStatement(unit, mode, slices);
      const startedAt = context.clock.now();
      const fresh = async (session: Session): Promise<BucketDigests> => {
        // Of a unit that is given up nothing is kept; a large one would keep a stopped command waiting.
        const parts = await session.cancelledBy(signal, () => readDigests(session, unit, statement));
        keepParts(into, unit, parts);
        return byBucket(parts, slices);
      };
      const digests = await side.pool.use(unit.node, (session) =>
        measurements.kept ? remembered(session, side, unit, statement, measurements, fresh) : fresh(session),
      );
      into.spent[name] += context.clock.now() - startedAt;
      keep(into, unit, digests);
      const { rows } = total(digests.values());
      context.progress.advance(unit.table.table, { rows: Number(rows) });
      context.metrics.count('migrate_verify_rows_total', Number(rows), {
        table: unit.table.table,
        node: unit.node.name,
      });
    });
  const of = (side: 'source' | 'target') =>
    pairs.flatMap((pair) =>
      pair[side].units.filter((unit) => reads(pair, unit)).map((unit) => ({ pair, unit })),
    );
  await Promise.all([
    read(
      'source',
      of('source'),
      (into, _, digests) => addDigests(into.source, digests),
      (into, unit, parts) => into.parts.source.set(unit, parts),
    ),
    read('target', of('target'), keepTarget, keepTargetParts),
  ]);
  return measured;
}

/** What an earlier run measured where it still holds, else what is measured now, kept for a later one. */
async function remembered(
  session: Session,
  { cut }: CheckedSide,
  unit: Unit,
  statement: string,
  measurements: Measurements,
  measureNow: (session: Session) => Promise<BucketDigests>,
): Promise<BucketDigests> {
  const node = unit.node.name;
  // The name as well: nodes that were set up as copies of each other have one identity.
  const server = await serverIdentity(session);
  const key = measurementKey(node, server, unit.filenode ?? '', statement);
  const known = measurements.offered(key);
  if (known !== undefined) {
    const now = await knownRows(session, unit, known.visible[node]!, '0');
    if (isSame(now.get(0), BigInt(known.rows))) {
      measurements.reuse(key);
      return keptDigests.from(known.value);
    }
  }
  const digests = await measureNow(session);
  // Rows without a distribution value are joined from nothing, which no snapshot vouches for.
  if (!digests.has(0)) {
    await measurements.keep(key, {
      visible: { [node]: cut.visible[node]! },
      rows: String(total(digests.values()).rows),
      value: keptDigests.to(digests),
    });
  }
  return digests;
}

/** Shards without rows of the scope are passed over. */
function reads({ chosen }: TablePair, { shard }: Unit): boolean {
  return chosen === undefined || shard === undefined || chosen.has(shard);
}

function keepTarget({ target, misplaced }: Measured, unit: Unit, digests: BucketDigests): void {
  if (unit.shard === undefined) {
    // A plain target has one shard: everything lies where it belongs.
    for (const [bucket, digest] of digests) {
      addDigest(target, placementKey(bucket, unit.node.name), digest);
    }
    return;
  }
  target.set(placementKey(unit.shard, unit.node.name), total(digests.values()));
  if ([...digests.keys()].some((bucket) => bucket !== unit.shard)) misplaced.add(unit.shard);
}

function keepTargetParts({ parts: { target } }: Measured, unit: Unit, parts: PartDigests): void {
  // A plain target has one shard, read in several units.
  const key = placementKey(unit.shard ?? 1, unit.node.name);
  const known = target.get(key) ?? new Map();
  addDigests(known, parts);
  target.set(key, known);
}
