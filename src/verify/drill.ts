import type { TableShards } from '../citus/shards.js';
import { type Digest, digestsEqual, EMPTY_DIGEST, mergeDigests, parseDigest } from '../core/digest.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { classify, type Found, type RowEvidence } from './classify.js';
import type { Unit } from './units.js';

/** Rows that one slice should hold: few enough to be fetched, enough to keep the list of slices short. */
const SLICE_ROWS = 32;
/** Slices of one shard, and of all shards together: what is held of them at once. */
const MAX_SLICES = 16_384;
const MAX_ALL_SLICES = 131_072;
/** Rows fetched at once, both sides together. */
const BATCH_ROWS = 50_000;

/** Runs a query of one unit in a session that sees the cut of the unit's side. */
export type UnitRunner = (unit: Unit, work: (session: Session) => Promise<void>) => Promise<void>;

export interface DrillRequest {
  readonly table: TablePlan;
  readonly shards: TableShards;
  /** 1-based shards whose digests differ. */
  readonly differing: readonly number[];
  readonly rows: bigint;
  readonly source: readonly Unit[];
  /** One placement of each shard in which rows of the differing ones may lie. */
  readonly target: readonly Unit[];
  readonly max: number;
  readonly runSource: UnitRunner;
  readonly runTarget: UnitRunner;
}

export interface DrillResult {
  readonly found: Found[];
  /** All were found: nothing was left out because of the limit. */
  readonly complete: boolean;
}

interface Slice {
  readonly bucket: number;
  readonly slice: number;
  readonly rows: number;
}

function slicesFor(rows: bigint, shards: number): number {
  const most = Math.min(MAX_SLICES, MAX_ALL_SLICES / shards);
  const wanted = Math.max(1, Math.min(most, Number(rows) / shards / SLICE_ROWS));
  return 2 ** Math.ceil(Math.log2(wanted));
}

/** Units without shards hold rows of all shards: only those of the differing ones are looked at. */
function within(unit: Unit, differing: readonly number[]): string {
  return unit.shard === undefined && unit.bucket !== '1'
    ? `${unit.condition} AND ${unit.bucket} = ANY ('{${differing.join(',')}}'::int[])`
    : unit.condition;
}

/**
 * Finds the rows behind differing digests in two passes over the differing shards: digests of slices by a hash of
 * the key, then the rows of the slices that differ.
 */
export async function drill(request: DrillRequest): Promise<DrillResult> {
  const slices = slicesFor(request.rows, request.differing.length);
  const wanted = await differingSlices(request, slices);
  const found: Found[] = [];
  for (let at = 0; at < wanted.length; ) {
    if (found.length >= request.max) return { found: found.slice(0, request.max), complete: false };
    const batch: Slice[] = [];
    // All shards of a slice go together: a row in the wrong shard has its slice in common with the right one.
    for (
      let rows = 0;
      at < wanted.length && (rows < BATCH_ROWS || wanted[at]!.slice === batch.at(-1)?.slice);
      at += 1
    ) {
      batch.push(wanted[at]!);
      rows += wanted[at]!.rows;
    }
    found.push(...(await compareRows(request, slices, batch)));
  }
  return { found: found.slice(0, request.max), complete: found.length <= request.max };
}

type SliceDigests = Map<string, Digest>;

async function sliceDigests(
  units: readonly Unit[],
  run: UnitRunner,
  slices: number,
  differing: readonly number[],
): Promise<SliceDigests> {
  const digests: SliceDigests = new Map();
  await Promise.all(
    units.map((unit) =>
      run(unit, async (session) => {
        const rows = await session.query<{
          bucket: number;
          slice: number;
          rows: string;
          sum: string;
          xor: string;
        }>(
          sql('verify/sub-digest', {
            bucket: unit.bucket,
            key_hash: unit.expressions.keyHash,
            slices,
            hash: unit.expressions.hash,
            from: unit.from,
            condition: within(unit, differing),
          }),
          `compare ${unit.table.table}`,
        );
        for (const row of rows) {
          const at = `${row.slice}/${row.bucket}`;
          digests.set(at, mergeDigests(digests.get(at) ?? EMPTY_DIGEST, parseDigest(row)));
        }
      }),
    ),
  );
  return digests;
}

async function differingSlices(request: DrillRequest, slices: number): Promise<Slice[]> {
  const { source, target, runSource, runTarget, differing } = request;
  const [left, right] = await Promise.all([
    sliceDigests(source, runSource, slices, differing),
    sliceDigests(target, runTarget, slices, differing),
  ]);
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((at) => ({ at, left: left.get(at) ?? EMPTY_DIGEST, right: right.get(at) ?? EMPTY_DIGEST }))
    .filter((pair) => !digestsEqual(pair.left, pair.right))
    .map((pair) => {
      const [slice, bucket] = pair.at.split('/').map(Number) as [number, number];
      return { slice, bucket, rows: Number(pair.left.rows + pair.right.rows) };
    })
    .sort((a, b) => a.slice - b.slice || a.bucket - b.bucket);
}

/** Some of the slices that rows are cut into by a hash. */
export interface WantedSlices {
  /** Slices of one shard: a power of two. */
  readonly slices: number;
  /** Shard's number × slices + slice. */
  readonly parts: readonly number[];
  /** SQL: the hash whose low bits are the slice. */
  readonly hash: (unit: Unit) => string;
}

/** The rows of a unit that lie in some slices, and that `condition` holds for. */
export function rowsIn(
  session: Session,
  unit: Unit,
  { slices, parts, hash }: WantedSlices,
  condition: string,
): Promise<RowEvidence[]> {
  const { expressions } = unit;
  return session.query<RowEvidence>(
    sql('verify/rows', {
      bucket: unit.bucket,
      home: unit.home,
      slice_hash: hash(unit),
      slices,
      key: expressions.key.join(', '),
      hash: expressions.hash,
      column_hashes: expressions.columnHashes.join(', '),
      from: unit.from,
      condition,
      wanted: `{${parts.join(',')}}`,
    }),
    `compare ${unit.table.table}`,
  );
}

async function fetchRows(
  units: readonly Unit[],
  run: UnitRunner,
  slices: number,
  batch: readonly Slice[],
  differing: readonly number[],
): Promise<RowEvidence[]> {
  const evidence: RowEvidence[] = [];
  const wanted: WantedSlices = {
    slices,
    parts: batch.map(({ bucket, slice }) => bucket * slices + slice),
    hash: ({ expressions }) => expressions.keyHash,
  };
  await Promise.all(
    units.map((unit) =>
      run(unit, async (session) => {
        for (const row of await rowsIn(session, unit, wanted, within(unit, differing))) evidence.push(row);
      }),
    ),
  );
  return evidence;
}

async function compareRows(request: DrillRequest, slices: number, batch: readonly Slice[]): Promise<Found[]> {
  const { table, shards, source, target, runSource, runTarget, differing } = request;
  const [left, right] = await Promise.all([
    fetchRows(source, runSource, slices, batch, differing),
    fetchRows(target, runTarget, slices, batch, differing),
  ]);
  return classify(table, shards, left, right);
}
