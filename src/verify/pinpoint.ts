import type { TableShards } from '../citus/shards.js';
import { type Digest, digestsEqual, EMPTY_DIGEST, subtractDigest } from '../core/digest.js';
import { quoteIdent } from '../core/names.js';
import type { ColumnPlan, TablePlan } from '../core/plan-types.js';
import { ROW } from '../plan/projection.js';
import { arrayLiteral } from './array-literal.js';
import { classify, type RowEvidence } from './classify.js';
import { addDigest, type PartDigests } from './digests.js';
import { type DrillResult, rowsIn, type UnitRunner, type WantedSlices } from './drill.js';
import type { Unit } from './units.js';

/** Rows of suspect parts that are held at once; with more, the damage or the table is too large for this way. */
const MAX_ROWS = 200_000;

export interface PinpointRequest {
  readonly table: TablePlan;
  readonly shards: TableShards;
  /** 1-based shards whose digests differ. */
  readonly differing: readonly number[];
  /** Parts of a shard. */
  readonly slices: number;
  /** What the first pass found, by unit of the source. */
  readonly source: ReadonlyMap<Unit, PartDigests>;
  /** The source's table as wholes, one for each of its partitions. */
  readonly wholes: readonly Unit[];
  /** By 1-based shard, what the first pass found in the placement that speaks for it. */
  readonly target: ReadonlyMap<number, PartDigests>;
  /** The units that read those placements. */
  readonly placements: readonly Unit[];
  readonly max: number;
  readonly runSource: UnitRunner;
  readonly runTarget: UnitRunner;
}

/**
 * The parts of the differing shards that differ, with the rows in them on both sides. A changed row is in two: that of
 * its old hash and that of its new one.
 */
export function suspectParts({ source, target, differing, slices }: PinpointRequest): Map<number, number> {
  const left = new Map<number, Digest>();
  for (const parts of source.values()) for (const [part, digest] of parts) addDigest(left, part, digest);
  const right = new Map<number, Digest>();
  for (const shard of differing) {
    // Rows lie here, whatever shard they belong to.
    for (const [part, digest] of target.get(shard) ?? [])
      addDigest(right, shard * slices + (part % slices), digest);
  }
  const suspects = new Map<number, number>();
  for (const shard of differing) {
    for (let part = shard * slices; part < (shard + 1) * slices; part += 1) {
      const [one, other] = [left.get(part) ?? EMPTY_DIGEST, right.get(part) ?? EMPTY_DIGEST];
      if (!digestsEqual(one, other)) suspects.set(part, Number(one.rows + other.rows));
    }
  }
  return suspects;
}

/** The units of which the rows that are known do not account for the whole of some suspect part. */
export function unaccounted(
  source: ReadonlyMap<Unit, PartDigests>,
  suspects: ReadonlySet<number>,
  known: ReadonlyMap<Unit, PartDigests>,
): Unit[] {
  return [...source].flatMap(([unit, parts]) => {
    const here = known.get(unit);
    const whole = [...parts].every(
      ([part, digest]) =>
        !suspects.has(part) ||
        digestsEqual(subtractDigest(digest, here?.get(part) ?? EMPTY_DIGEST), EMPTY_DIGEST),
    );
    return whole ? [] : [unit];
  });
}

/**
 * Finds the rows behind differing digests with one more pass over the differing shards of the target. The suspect
 * parts' rows are read there, and looked up on the source by their keys. What the source's digests hold beyond the
 * rows that were found so is missing on the target: only the pages of units that hold such a row are read again.
 * Undefined where this cannot be done, or holds too many rows: then `drill` can.
 */
export async function pinpoint(request: PinpointRequest): Promise<DrillResult | undefined> {
  const { table, shards, slices, source, placements, max } = request;
  const suspects = suspectParts(request);
  const rows = [...suspects.values()].reduce((sum, count) => sum + count, 0);
  if (suspects.size === 0 || rows > MAX_ROWS || !canLookUp(table)) return undefined;
  const wanted: WantedSlices = {
    slices,
    parts: [...suspects.keys()],
    hash: ({ expressions }) => expressions.hash,
  };
  const there = await readAll(placements, request.runTarget, (unit, session) =>
    rowsIn(session, unit, wanted, unit.condition),
  );
  const found = await lookUp(request, wanted, there);
  const known = new Map<Unit, Map<number, Digest>>();
  for (const { row, unit } of found) {
    const parts = known.get(unit) ?? new Map<number, Digest>();
    const hash = BigInt(row.hash);
    const part = row.bucket * slices + Number(BigInt.asUintN(64, hash) & BigInt(slices - 1));
    addDigest(parts, part, { rows: 1n, sum: hash, xor: hash });
    known.set(unit, parts);
  }
  const again = new Set(unaccounted(source, new Set(wanted.parts), known));
  const read = await readAll([...again], request.runSource, (unit, session) =>
    rowsIn(session, unit, wanted, unit.condition),
  );
  const here = [...found.filter(({ unit }) => !again.has(unit)).map(({ row }) => row), ...read];
  const named = classify(table, shards, here, there);
  return { found: named.slice(0, max), complete: named.length <= max };
}

type Work = (unit: Unit, session: Parameters<Parameters<UnitRunner>[1]>[0]) => Promise<RowEvidence[]>;

async function readAll(units: readonly Unit[], run: UnitRunner, work: Work): Promise<RowEvidence[]> {
  const rows: RowEvidence[] = [];
  await Promise.all(
    units.map((unit) =>
      run(unit, async (session) => {
        for (const row of await work(unit, session)) rows.push(row);
      }),
    ),
  );
  return rows;
}

/** Rows of the source that have the keys of these, with the unit that they were measured in. */
async function lookUp(
  { table, source, wholes, runSource }: PinpointRequest,
  wanted: WantedSlices,
  rows: readonly RowEvidence[],
): Promise<{ row: RowEvidence; unit: Unit }[]> {
  const condition = hasKey(table, rows);
  const units = [...source.keys()];
  const found: { row: RowEvidence; unit: Unit }[] = [];
  if (condition === undefined) return found;
  await Promise.all(
    wholes.map((whole) =>
      runSource(whole, async (session) => {
        const parts = units.filter(({ from }) => from === whole.from);
        for (const row of await rowsIn(session, whole, wanted, `${whole.condition} AND ${condition}`)) {
          const page = Number(/^\((\d+),/.exec(row.place!)![1]);
          const unit = parts.find(
            ({ pages }) => pages === undefined || (page >= pages.from && page < (pages.to ?? Infinity)),
          );
          if (unit !== undefined) found.push({ row, unit });
        }
      }),
    ),
  );
  return found;
}

const INTEGERS = new Set(['smallint', 'integer', 'bigint']);

function keyColumns(table: TablePlan): ColumnPlan[] {
  return (table.key ?? []).map((name) => table.columns.find((column) => column.name === name)!);
}

/** The source's index of the key serves for values of the target: there is one, and its types compare with theirs. */
function canLookUp(table: TablePlan): boolean {
  return (
    table.key !== null &&
    keyColumns(table).every(
      ({ origin, sourceType, targetType }) =>
        origin === 'own' &&
        (sourceType === targetType || (INTEGERS.has(sourceType) && INTEGERS.has(targetType))),
    )
  );
}

/** SQL: the row has the key of one of these; undefined when no key could be found so. */
function hasKey(table: TablePlan, rows: readonly RowEvidence[]): string | undefined {
  const keys = [...new Map(rows.map(({ key }) => [JSON.stringify(key), key])).values()];
  if (keys.length === 0) return undefined;
  const columns = keyColumns(table);
  const names = columns.map(({ name }) => `${ROW}.${quoteIdent(name)}`);
  // The target's types: a number that is too large for the source is no error there.
  const lists = columns.map(
    ({ targetType }, at) => `${arrayLiteral(keys.map((key) => key[at] ?? null))}::${targetType}[]`,
  );
  if (columns.length === 1) return `${names[0]} = ANY (${lists[0]})`;
  return `(${names.join(', ')}) IN (SELECT * FROM unnest(${lists.join(', ')}))`;
}
