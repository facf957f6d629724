import pLimit from 'p-limit';
import type { Cut } from '../citus/cut.js';
import { SessionPool } from '../citus/pool.js';
import { readShards, shardsOf, type TableShards } from '../citus/shards.js';
import { MigrateError } from '../core/errors.js';
import type { TablePlan } from '../core/plan-types.js';
import { readExtents } from '../export/extents.js';
import type { UnitRunner } from './drill.js';
import { type RowScope, scopeCondition, shardsInScope } from './scope.js';
import { expressionsOf, missingColumns, readTypes } from './side.js';
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
  readonly source: SideUnits;
  readonly target: SideUnits;
}

interface OpenSide {
  readonly cut: Cut;
  readonly pool: SessionPool;
  /** At most `jobs` queries at once. */
  readonly run: UnitRunner;
}

/** Two cuts with what is needed to compare tables between them. */
export interface Comparison {
  readonly source: OpenSide;
  readonly target: OpenSide;
  readonly pairs: readonly TablePair[];
  close(): Promise<void>;
}

function open(cut: Cut, jobs: number): OpenSide {
  const pool = new SessionPool((node) => cut.open(node));
  const limit = pLimit(jobs);
  return { cut, pool, run: (unit, work) => limit(() => pool.use(unit.node, work)) };
}

/** Throws TARGET_TABLE_MISSING when a table or column is not there to be compared. */
export async function openComparison(
  cuts: { readonly source: Cut; readonly target: Cut },
  tables: readonly TablePlan[],
  scope: RowScope,
  jobs: number,
): Promise<Comparison> {
  const types = {
    source: await readTypes(cuts.source.database, withReferences(tables)),
    target: await readTypes(cuts.target.database, tables),
  };
  refuseMissing(tables.flatMap((table) => missingColumns(table, types)));
  const { database } = cuts.target;
  const map = await readShards(database.session, database.connector);
  const source = open(cuts.source, jobs);
  const target = open(cuts.target, jobs);
  const close = async (): Promise<void> => {
    await Promise.all([source.pool.close(), target.pool.close()]);
  };
  try {
    const extents = {
      source: await readExtents(cuts.source.database, source.pool, tables),
      target: database.kind === 'single' ? await readExtents(database, target.pool, tables) : undefined,
    };
    const pairs = await Promise.all(
      tables.map(async (table): Promise<TablePair> => {
        const shards = shardsOf(map, table, database.head);
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
          const parts = extents[name]?.get(table.table) ?? [];
          const evaluated = side(name);
          return {
            ...evaluated,
            units: singleUnits(name, evaluated, parts, 'pages'),
            whole: singleUnits(name, evaluated, parts, 'whole'),
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
          source: single('source'),
          target: extents.target === undefined ? sharded() : single('target'),
        };
      }),
    );
    return { source, target, pairs, close };
  } catch (error) {
    await close();
    throw error;
  }
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
