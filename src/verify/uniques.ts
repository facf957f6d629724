import type { Node } from '../citus/database.js';
import { shardsOf } from '../citus/shards.js';
import type { Context } from '../core/context.js';
import { type Digest, digestsEqual, EMPTY_DIGEST, mergeDigests, parseDigest } from '../core/digest.js';
import { qualified, quoteIdent } from '../core/names.js';
import { parallel } from '../core/parallel.js';
import type { IntegrityKey, IntegrityResult } from '../core/verification.js';
import { cutExtent, tidRange } from '../export/chunks.js';
import { readExtents } from '../export/extents.js';
import { sql } from '../postgres/sql-files.js';
import { type CheckedSide, reasonOf } from './checked-side.js';
import { record } from './references.js';
import type { SameValues } from './trusted.js';
import type { UniqueCheck } from './unique-checks.js';

/** Slices that the values are cut into by their hash; a power of two. */
const SLICES = 1024;
/** Values fetched at once from all parts together. */
const BATCH_ROWS = 200_000;
/** Bytes on disk that one query reads of a table that is not sharded. */
const PART_BYTES = 64 * 1024 * 1024;

export interface UniqueRequest {
  /** Keeps the rule itself, by a unique index. */
  readonly source: CheckedSide;
  readonly target: CheckedSide;
  readonly checks: readonly UniqueCheck[];
  readonly same: SameValues;
  readonly max: number;
  readonly jobs: number;
}

interface Part {
  readonly node: Node;
  readonly shardId: string;
  readonly from: string;
  readonly condition: string;
}

type SliceDigests = ReadonlyMap<number, Digest>;

/** Why nothing had to be read. */
const INHERITED = 'Every row has the values of its row on the source, where an index keeps the rule.';

/**
 * Looks for values that a rule of the source allows once and the target holds more than once, in whichever shards.
 * The source has no duplicates, so a slice of values with the same digest on both sides has none on the target;
 * only the values of other slices travel.
 */
export async function checkUniques(request: UniqueRequest, context: Context): Promise<IntegrityResult[]> {
  const results: IntegrityResult[] = [];
  for (const check of request.checks) {
    const base = {
      kind: 'unique' as const,
      table: check.table.table,
      constraint: check.constraint,
    };
    if (check.plain && request.same(check.table.table, check.columns)) {
      results.push({ ...base, verdict: 'match', orphans: null, duplicates: 0, keys: [], detail: INHERITED });
      continue;
    }
    try {
      const { duplicates, keys } = await findDuplicates(request, check, context);
      const verdict = duplicates === 0 ? 'match' : 'mismatch';
      results.push({ ...base, verdict, orphans: null, duplicates, keys });
    } catch (error) {
      const detail = reasonOf(error);
      results.push({ ...base, verdict: 'inconclusive', orphans: null, duplicates: null, keys: [], detail });
    }
  }
  return results;
}

async function findDuplicates(
  { source, target, max, jobs }: UniqueRequest,
  check: UniqueCheck,
  context: Context,
): Promise<{ duplicates: number; keys: IntegrityKey[] }> {
  const parts = await partsOf(target, check);
  const [left, right] = await Promise.all([
    digests(source, check, 'source', await partsOf(source, check), jobs, context),
    digests(target, check, 'target', parts, jobs, context),
  ]);
  const differing = [...right].filter(
    ([slice, digest]) => !digestsEqual(digest, left.get(slice) ?? EMPTY_DIGEST),
  );
  let duplicates = 0;
  const keys: IntegrityKey[] = [];
  for (const slices of batches(differing)) {
    const rows = new Map<string, number>();
    await parallel(parts, jobs, context.signal, async (part) => {
      const values = await target.pool.use(part.node, (session) =>
        session.query<{ hash: string; rows: string }>(
          sql('verify/unique-values', {
            ...variables(check, 'target', part),
            slices: SLICES,
            wanted: slices.join(', '),
          }),
          doing(check),
        ),
      );
      for (const value of values) rows.set(value.hash, (rows.get(value.hash) ?? 0) + Number(value.rows));
    });
    const repeated = [...rows].filter(([, count]) => count > 1);
    duplicates += repeated.reduce((sum, [, count]) => sum + count - 1, 0);
    const room = max - keys.length;
    if (room > 0 && repeated.length > 0) {
      const wanted = repeated.slice(0, room).map(([hash]) => hash);
      keys.push(...(await nameRows(target, check, parts, wanted, room)));
    }
  }
  return { duplicates, keys };
}

function* batches(slices: readonly (readonly [number, Digest])[]): Generator<number[]> {
  let batch: number[] = [];
  let rows = 0n;
  for (const [slice, digest] of slices) {
    batch.push(slice);
    rows += digest.rows;
    if (rows < BATCH_ROWS) continue;
    yield batch;
    batch = [];
    rows = 0n;
  }
  if (batch.length > 0) yield batch;
}

const doing = (check: UniqueCheck): string => `check ${check.constraint} of ${check.table.table}`;

const variables = (check: UniqueCheck, side: 'source' | 'target', part: Part) => ({
  hash: check.hash[side],
  from: part.from,
  condition: part.condition,
});

/** Page ranges of a plain table; one placement of every shard. */
async function partsOf(side: CheckedSide, check: UniqueCheck): Promise<Part[]> {
  const { database } = side.cut;
  if (database.kind === 'single') {
    const extents = await readExtents(database, side.pool, [check.table]);
    return (extents.get(check.table.table) ?? []).flatMap((extent) =>
      cutExtent(extent, PART_BYTES).map((range) => {
        const { first, last } = tidRange(range);
        return {
          node: extent.node,
          shardId: '0',
          from: `ONLY ${qualified(extent.relation)}`,
          condition: `t.ctid >= '${first}' AND t.ctid < '${last}' AND ${check.condition}`,
        };
      }),
    );
  }
  return shardsOf(side.shards, check.table, database.head).shards.map((shard) => ({
    node: shard.nodes[0]!,
    shardId: shard.shardId,
    from: qualified(shard.relation),
    condition: check.condition,
  }));
}

async function digests(
  side: CheckedSide,
  check: UniqueCheck,
  name: 'source' | 'target',
  parts: readonly Part[],
  jobs: number,
  context: Context,
): Promise<SliceDigests> {
  const slices = new Map<number, Digest>();
  await parallel(parts, jobs, context.signal, async (part) => {
    const rows = await side.pool.use(part.node, (session) =>
      session.query<{ slice: number; rows: string; sum: string; xor: string }>(
        sql('verify/unique-digest', { ...variables(check, name, part), slices: SLICES }),
        doing(check),
      ),
    );
    for (const row of rows)
      slices.set(row.slice, mergeDigests(slices.get(row.slice) ?? EMPTY_DIGEST, parseDigest(row)));
  });
  return slices;
}

/** All rows that have one of these values, from all parts. */
async function nameRows(
  side: CheckedSide,
  check: UniqueCheck,
  parts: readonly Part[],
  hashes: readonly string[],
  limit: number,
): Promise<IntegrityKey[]> {
  const keys: IntegrityKey[] = [];
  for (const part of parts) {
    if (keys.length >= limit) break;
    const rows = await side.pool.use(part.node, (session) =>
      session.query<{ hash: string; key: (string | null)[] }>(
        sql('verify/unique-rows', {
          ...variables(check, 'target', part),
          key: check.shown.map((column) => `t.${quoteIdent(column)}`).join(', '),
          wanted: hashes.join(', '),
          limit: limit - keys.length,
        }),
        doing(check),
      ),
    );
    for (const row of rows) {
      const shown = record(check.shown, row.key);
      const pick = (columns: readonly string[]) =>
        record(
          columns,
          columns.map((column) => shown[column] ?? null),
        );
      const { placement, key } = check.table;
      const distribution = placement.kind === 'distributed' ? [placement.column] : [];
      keys.push({
        key: key === null ? null : pick([...new Set([...key, ...distribution])]),
        value: pick(check.columns),
        shardId: part.shardId,
        node: part.node.name,
      });
    }
  }
  return keys;
}
