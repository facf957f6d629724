import type { Database } from '../citus/database.js';
import { readShards } from '../citus/shards.js';
import type { Named } from '../core/catalog-types.js';
import { displayName, qualified } from '../core/names.js';
import type { Plan } from '../core/plan-types.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { planGuards } from './guard-plan.js';
import { readShapes } from './shape.js';

export const GUARDS = [
  'citus_migrate_guard_insert',
  'citus_migrate_guard_update',
  'citus_migrate_guard_delete',
  'citus_migrate_guard_truncate',
] as const;

/** Citus passes no TRUNCATE triggers on to shards: TRUNCATE of a table fires that of the table itself. */
const SHARD_GUARDS = GUARDS.slice(0, 3);

export interface GuardedRelation extends Named {
  /** It is a part of a distributed or reference table on its node. */
  readonly shard: boolean;
  /** Qualified name of the function by which its rows are looked at. */
  readonly guard: string | null;
  /** Name without a shard's id → pg_trigger.tgenabled; `A`: fires whatever the writer's settings. */
  readonly triggers: Readonly<Record<string, string>>;
}

export interface GuardStatus {
  /** Display names of tables and partitions whose writes are guarded everywhere. */
  readonly guarded: readonly string[];
  /** Where writes are not held to their owner, one sentence each; empty: they are. */
  readonly problems: readonly string[];
}

/** What is guarded on the node of a session. */
export const guardedRelations = (session: Session): Promise<GuardedRelation[]> =>
  session.query<GuardedRelation>(sql('dualwrite/guarded'), 'look for guards');

/** Whether every write on one side, on whichever node, is held to who owns it. */
export async function guardStatus(database: Database, plan: Plan): Promise<GuardStatus> {
  const { guarded: wanted, problems: unguardable } = planGuards(plan, database.options.side);
  const shapes = await readShapes(
    database.session,
    wanted.map(({ table }) => qualified(table)),
  );
  const problems = [...unguardable];
  const open = new Set<string>();
  const map = await readShards(database.session, database.connector);
  for (const node of database.nodes) {
    const session = await database.connect(node);
    try {
      const here = new Map((await guardedRelations(session)).map((each) => [qualified(each), each]));
      const has = (relation: Named, names: readonly string[], guard: string | undefined): boolean =>
        here.get(qualified(relation))?.guard === guard &&
        names.every((name) => here.get(qualified(relation))?.triggers[name] === 'A');
      for (const shape of shapes) {
        const { shards = [] } = map.get(qualified(shape)) ?? {};
        const table = displayName(shape);
        const guard = wanted.find((each) => qualified(each.table) === shape.root)?.guard;
        if (node === database.head && !has(shape, GUARDS, guard)) {
          open.add(table);
          problems.push(`${table} has no guard, or one that is switched off`);
        }
        const bare = shards
          .filter(({ nodes }) => nodes.includes(node))
          .filter(({ relation }) => !has(relation, SHARD_GUARDS, guard));
        if (bare.length === 0) continue;
        open.add(table);
        problems.push(
          `${bare.length} shards of ${table} on ${node.name} have no guard, or one that is switched off`,
        );
      }
      const [row] = await session.query<{ units: string }>(
        `SELECT count(*)::text AS units FROM pg_class WHERE oid = to_regclass('citus_migrate.ownership')`,
      );
      if (row?.units === '0') problems.push(`${node.name} does not keep who owns the writes`);
    } finally {
      await session.close();
    }
  }
  return { guarded: shapes.map(displayName).filter((table) => !open.has(table)), problems };
}
