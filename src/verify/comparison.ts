import pLimit from 'p-limit';
import { shardsOf, type TableShards } from '../citus/shards.js';
import { MigrateError } from '../core/errors.js';
import type { TablePlan } from '../core/plan-types.js';
import { type Extent, readExtents } from '../export/extents.js';
import type { CheckedSide } from './checked-side.js';
import type { UnitRunner } from './drill.js';
import { type RowScope, scopeCondition, shardsInScope } from './scope.js';
import { expressionsOf, incomparable, missingColumns, readTypes } from './side.js';
import { homeOf, shardUnits, singleUnits, type TableSide, type Unit } from './units.js';

/** The rows of one table on one side, cut in two ways. */
export interface SideUnits extends TableSide {
  /** For whole-table passes: pieces of even size, or every placement of every shard. */
  readonly units: readonly Unit[];
  /** For passes that need order or use an index: one per part of the table. */
  readonly whole: readonly Unit[];
}

/** One table on both sides. */
export interface TablePair {
  readonly table: TablePlan;
  readonly shards: TableShards;
  /** 1-based shards that hold rows of the scope; undefined: all. */
  readonly chosen: ReadonlySet<number> | undefined;
  /** The planner's estimate of what is read on both sides together, all copies; 0 before the first ANALYZE. */
  readonly rows: number;
  /** A power of two: parts in which the digest of a shard is taken. */
  readonly slices: number;
  readonly source: SideUnits;
  readonly target: SideUnits;
}

/** Rows of one part, and the most parts of one table: what comes back of a table does not grow beyond that. */
const PART_ROWS = 2_000;
const MAX_PARTS = 1_024;

/** Parts of a shard, from the planner's estimate of the rows; before the first ANALYZE, from the size. */
export function slicesOf(extents: readonly Pick<Extent, 'rows' | 'bytes'>[], shards: number): number {
  const rows = sum(extents, 'rows') || sum(extents, 'bytes') / 100;
  const parts = Math.min(MAX_PARTS, rows / PART_ROWS);
  return 2 ** Math.max(0, Math.ceil(Math.log2(parts / shards)));
}

const sum = (extents: readonly Pick<Extent, 'rows' | 'bytes'>[], of: 'rows' | 'bytes'): number =>
  extents.reduce((before, extent) => before + extent[of], 0);

interface OpenSide extends CheckedSide {
  /** At most `jobs` queries at once. */
  readonly run: UnitRunner;
}

/** Two sides with what is needed to compare tables between them. */
export interface Comparison {
  readonly source: OpenSide;
  readonly target: OpenSide;
  readonly pairs: readonly TablePair[];
  /** Pairs whose values cannot be compared, and why. */
  readonly incomparable: ReadonlyMap<TablePair, string>;
}

function withRunner(side: CheckedSide, jobs: number): OpenSide {
  const limit = pLimit(jobs);
  return { ...side, run: (unit, work) => limit(() => side.pool.use(unit.node, work)) };
}

/** Throws TARGET_TABLE_MISSING when a table or column is not there to be compared. */
export async function openComparison(
  sides: { readonly source: CheckedSide; readonly target: CheckedSide },
  tables: readonly TablePlan[],
  scope: RowScope,
  jobs: number,
): Promise<Comparison> {
  const source = withRunner(sides.source, jobs);
  const target = withRunner(sides.target, jobs);
  const { database } = target.cut;
  const [onSource, onTarget, here, there] = await Promise.all([
    readTypes(source.cut.database, withReferences(tables)),
    readTypes(database, tables),
    readExtents(source.cut.database, source.pool, tables),
    database.kind === 'single' ? readExtents(database, target.pool, tables) : undefined,
  ]);
  const types = { source: onSource, target: onTarget };
  const extents = { source: here, target: there };
  refuseMissing(tables.flatMap((table) => missingColumns(table, types)));
  const pairs = await Promise.all(
    tables.map(async (table): Promise<TablePair> => {
      const shards = shardsOf(target.shards, table, database.head);
      const parts = extents.source.get(table.table) ?? [];
      const side = (name: 'source' | 'target'): TableSide => {
        const expressions = expressionsOf(table, name, types);
        return {
          table,
          home: homeOf(shards, expressions),
          expressions,
          scope: scopeCondition(table, expressions, scope),
        };
      };
      const single = (name: 'source' | 'target'): SideUnits => {
        const here = extents[name]?.get(table.table) ?? [];
        const evaluated = side(name);
        return {
          ...evaluated,
          units: singleUnits(name, evaluated, here, 'pages'),
          whole: singleUnits(name, evaluated, here, 'whole'),
        };
      };
      const sharded = (): SideUnits => {
        const evaluated = side('target');
        const units = shardUnits(evaluated, shards);
        return { ...evaluated, units, whole: units };
      };
      return {
        table,
        shards,
        chosen: await shardsInScope(database.session, table, shards, scope),
        rows: sum(parts, 'rows') * (1 + Math.max(...shards.shards.map(({ nodes }) => nodes.length))),
        slices: slicesOf(parts, shards.shards.length),
        source: single('source'),
        target: there === undefined ? sharded() : single('target'),
      };
    }),
  );
  const incomparables = new Map<TablePair, string>();
  for (const pair of pairs) {
    const reason = await incomparable(source.cut.database.session, pair.table, types);
    if (reason !== undefined) incomparables.set(pair, reason);
  }
  return { source, target, pairs, incomparable: incomparables };
}

/** The units of the target that hold a shard, all copies; of a plain target, all of its parts. */
export function placementsOf({ target }: Comparison, pair: TablePair, shard: number): readonly Unit[] {
  const { whole } = pair.target;
  if (target.cut.database.kind === 'single') return whole;
  const { nodes } = pair.shards.shards[shard - 1]!;
  return nodes.flatMap((node) => whole.filter((unit) => unit.shard === shard && unit.node === node));
}

function withReferences(tables: readonly TablePlan[]) {
  return tables.flatMap((table) => [
    table,
    ...(table.placement.kind === 'distributed' ? table.placement.via.map((step) => step.references) : []),
  ]);
}

function refuseMissing(missing: readonly string[]): void {
  if (missing.length === 0) return;
  throw new MigrateError('TARGET_TABLE_MISSING', {
    message: `Cannot compare, these are missing: ${missing.join(', ')}`,
    context: { missing },
  });
}
