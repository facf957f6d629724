import type { Node } from '../citus/database.js';
import type { Named } from '../core/catalog-types.js';
import type { TablePlan } from '../core/plan-types.js';
import type { RowDetail, TableDetails } from './types.js';

/** Where a statement runs: on the table through the single node or coordinator, or on one shard where it lies. */
export interface RepairPlace {
  readonly node: Node;
  readonly relation: Named;
  /** Citus's id of the shard; absent: the table itself. */
  readonly shardId?: string;
}

/**
 * What makes one row of the target like the source's. `update` and `replace` turn `target` into `source`; `replace`
 * deletes and inserts, where a column changes that decides the place of the row or that others must not share.
 */
export interface RepairStep {
  readonly action: 'delete' | 'update' | 'replace' | 'insert';
  readonly place: RepairPlace;
  readonly key: readonly (string | null)[];
  /** The row as verification saw it on the target: only this one is touched. */
  readonly target?: RowDetail;
  readonly source?: RowDetail;
  /** Indexes of the columns that differ, for `update`. */
  readonly columns?: readonly number[];
  /** For tables without a key: how many equal rows there were, and how many are deleted or inserted. */
  readonly copies?: { readonly seen: number; readonly change: number };
}

export interface TableRepair {
  readonly details: TableDetails;
  readonly steps: readonly RepairStep[];
}

function groupBy<T>(rows: readonly T[], name: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(name(row), [...(groups.get(name(row)) ?? []), row]);
  return groups;
}

/** Takes rows that are the same on both sides off both lists. */
function cancelEqual(source: readonly RowDetail[], target: readonly RowDetail[]) {
  const left = [...source];
  const right = target.filter((row) => {
    const at = left.findIndex(({ hash }) => hash === row.hash);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return { left, right };
}

/**
 * The steps for one table. Rows go through the coordinator, which knows all placements; a shard whose placements
 * differ, and a row in the wrong shard, can only be mended where they lie. `exclusive`: names of columns that a
 * unique constraint or index covers. `onShards`: the coordinator does not take statements with this table's digest.
 */
export function planRepair(
  details: TableDetails,
  head: Node,
  exclusive: ReadonlySet<string>,
  onShards: boolean,
): RepairStep[] {
  const { table, shards, divergent } = details;
  const sharded = shards.shards.some(({ shardId }) => shardId !== '0');
  const whole: RepairPlace = { node: head, relation: table };
  const placesOf = (shard: number): { node: string; place: RepairPlace }[] => {
    const { nodes, relation, shardId } = shards.shards[shard - 1]!;
    return nodes.map((node) => ({
      node: node.name,
      place: sharded ? { node, relation, shardId } : whole,
    }));
  };
  // Rows without a key are found by their place alone, which only their own node knows.
  const apart = (shard: number): boolean =>
    sharded && (onShards || divergent.has(shard) || table.key === null);
  const name = (row: RowDetail): string => (table.key === null ? row.hash : JSON.stringify(row.key));
  const sources = groupBy(details.source, name);
  const targets = groupBy(details.target, name);
  const steps: RepairStep[] = [];
  for (const group of new Set([...sources.keys(), ...targets.keys()])) {
    const source = (sources.get(group) ?? []).filter(({ home }) => home > 0);
    const target = targets.get(group) ?? [];
    for (const row of target.filter(({ bucket, home }) => bucket !== home)) {
      const { place } = placesOf(row.bucket).find(({ node }) => node === row.node)!;
      if (table.key !== null) steps.push({ action: 'delete', place, key: row.key, target: row });
    }
    if (table.key === null) {
      steps.push(...misplacedCopies(target, placesOf), ...mendCopies(source, target, placesOf));
      continue;
    }
    const placed = target.filter(({ bucket, home }) => bucket === home);
    const firstNode = (row: RowDetail): boolean => placesOf(row.bucket)[0]!.node === row.node;
    steps.push(
      ...mend(
        table,
        whole,
        exclusive,
        source.filter(({ home }) => !apart(home)),
        placed.filter((row) => !apart(row.bucket) && firstNode(row)),
      ),
    );
    const shardsApart = new Set([...source.map(({ home }) => home), ...placed.map(({ bucket }) => bucket)]);
    for (const shard of [...shardsApart].filter(apart)) {
      for (const { node, place } of placesOf(shard)) {
        const here = placed.filter((row) => row.bucket === shard && row.node === node);
        steps.push(
          ...mend(
            table,
            place,
            exclusive,
            source.filter(({ home }) => home === shard),
            here,
          ),
        );
      }
    }
  }
  return steps;
}

function mend(
  table: TablePlan,
  place: RepairPlace,
  exclusive: ReadonlySet<string>,
  source: readonly RowDetail[],
  target: readonly RowDetail[],
): RepairStep[] {
  const { left, right } = cancelEqual(source, target);
  const pairs = Math.min(left.length, right.length);
  return [
    ...left.slice(0, pairs).map((row, index): RepairStep => {
      const before = right[index]!;
      const columns = row.values.flatMap((value, at) => (value === before.values[at] ? [] : [at]));
      const column = table.placement.kind === 'distributed' ? table.placement.column : undefined;
      const inPlace =
        columns.length > 0 &&
        columns.every((at) => !exclusive.has(table.columns[at]!.name) && table.columns[at]!.name !== column);
      const step = { place, key: row.key, target: before, source: row };
      return inPlace ? { ...step, action: 'update', columns } : { ...step, action: 'replace' };
    }),
    ...right.slice(pairs).map((row): RepairStep => ({ action: 'delete', place, key: row.key, target: row })),
    ...left.slice(pairs).map((row): RepairStep => ({ action: 'insert', place, key: row.key, source: row })),
  ];
}

type PlacesOf = (shard: number) => { node: string; place: RepairPlace }[];

function misplacedCopies(target: readonly RowDetail[], placesOf: PlacesOf): RepairStep[] {
  const rows = target.filter(({ bucket, home }) => bucket !== home);
  return [...groupBy(rows, ({ bucket, node }) => `${bucket} ${node}`).values()].map((same) => {
    const row = same[0]!;
    const { place } = placesOf(row.bucket).find(({ node }) => node === row.node)!;
    const copies = { seen: same.length, change: same.length };
    return { action: 'delete', place, key: [], target: row, copies };
  });
}

/** Equal rows of a table without a key: as many on every placement of their shard as the source has. */
function mendCopies(
  source: readonly RowDetail[],
  target: readonly RowDetail[],
  placesOf: PlacesOf,
): RepairStep[] {
  const row = source[0] ?? target.find(({ bucket, home }) => bucket === home);
  if (row === undefined) return [];
  return placesOf(row.home).flatMap(({ node, place }): RepairStep[] => {
    const here = target.filter(
      (each) => each.bucket === row.home && each.home === row.home && each.node === node,
    );
    const change = Math.abs(source.length - here.length);
    const step = { place, key: [], copies: { seen: here.length, change } };
    if (change === 0) return [];
    if (source.length < here.length) return [{ ...step, action: 'delete', target: here[0]! }];
    return [{ ...step, action: 'insert', source: source[0]! }];
  });
}
