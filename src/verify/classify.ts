import type { TableShards } from '../citus/shards.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Discrepancy, DiscrepancyKind } from '../core/verification.js';

/** What is known of one row on one side. */
export interface RowEvidence {
  /** 1-based shard in which it lies. */
  readonly bucket: number;
  /** 1-based shard in which it belongs. */
  readonly home: number;
  /** Key columns as text; empty for a table without a key. */
  readonly key: readonly (string | null)[];
  readonly hash: string;
  /** The server's digest of the row, where `hash` is another one and there is no key to find it by. */
  readonly digest?: string;
  /** Its ctid. */
  readonly place?: string;
  /** Digest of each travelling column. */
  readonly columns: readonly string[];
}

/** Rows of both sides that have the same key, or, without one, the same digest. */
function pairUp(source: readonly RowEvidence[], target: readonly RowEvidence[]) {
  const groups = new Map<string, { source: RowEvidence[]; target: RowEvidence[] }>();
  const group = (row: RowEvidence) => {
    const name = row.key.length > 0 ? JSON.stringify(row.key) : row.hash;
    const found = groups.get(name) ?? { source: [], target: [] };
    groups.set(name, found);
    return found;
  };
  for (const row of source) group(row).source.push(row);
  for (const row of target) group(row).target.push(row);
  return groups.values();
}

/** Takes rows with equal digests off both lists; what is left differs. */
function cancelEqual(
  source: RowEvidence[],
  target: RowEvidence[],
): { source: RowEvidence[]; target: RowEvidence[] } {
  const left = [...source];
  const right = target.filter((row) => {
    const at = left.findIndex((other) => other.hash === row.hash);
    if (at < 0) return true;
    left.splice(at, 1);
    return false;
  });
  return { source: left, target: right };
}

/** A discrepancy with the row in which it was seen. */
export interface Found {
  readonly discrepancy: Discrepancy;
  readonly row: RowEvidence;
}

/** Names what is wrong with each row of which the two sides do not agree. */
export function classify(
  table: TablePlan,
  shards: TableShards,
  source: readonly RowEvidence[],
  target: readonly RowEvidence[],
): Found[] {
  const found: Found[] = [];
  const add = (kind: DiscrepancyKind, row: RowEvidence, shard: number, columns?: readonly string[]): void => {
    const { shardId, nodes } = shards.shards[shard - 1]!;
    const key =
      table.key === null
        ? null
        : Object.fromEntries(table.key.map((name, at) => [name, row.key[at] ?? null]));
    const named = columns === undefined ? {} : { columns };
    found.push({ discrepancy: { kind, key, shardId, node: nodes[0]!.name, ...named }, row });
  };
  for (const rows of pairUp(source, target)) {
    const misplaced = rows.target.filter((row) => row.bucket !== row.home);
    for (const row of misplaced) add('misplaced', row, row.bucket);
    // A row in its place settles the source's row first; a misplaced one only where there is no other.
    const placed = rows.target.filter((row) => row.bucket === row.home);
    const inPlace = cancelEqual(rows.source, placed);
    const rest = cancelEqual(inPlace.source, misplaced);
    const changed = table.key === null ? 0 : Math.min(rest.source.length, inPlace.target.length);
    for (let at = 0; at < changed; at += 1) {
      const [left, right] = [rest.source[at]!, inPlace.target[at]!];
      const columns = table.columns.filter((_, index) => left.columns[index] !== right.columns[index]);
      add(
        'mismatched',
        right,
        right.bucket,
        columns.map((column) => column.name),
      );
    }
    for (const row of rest.source.slice(changed)) add('missing', row, row.bucket);
    for (const row of inPlace.target.slice(changed)) add('extra', row, row.bucket);
  }
  return found;
}
