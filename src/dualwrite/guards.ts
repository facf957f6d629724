import { TELL_WORKERS } from '../citus/applying.js';
import type { Database } from '../citus/database.js';
import type { Named } from '../core/catalog-types.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified } from '../core/names.js';
import { ANY_LOCK, VIA_LOCK } from '../core/ownership.js';
import type { Plan } from '../core/plan-types.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { type Guarded, planGuards } from './guard-plan.js';
import { GUARDS, guardedRelations } from './guard-status.js';
import { LOCK_CLASS } from './owner-schema.js';
import { Owners } from './owners.js';
import { type RelationShape, readShapes } from './shape.js';
import { LOCK_WAIT_MS, withShortLock } from './short-lock.js';

export interface GuardRequest {
  readonly source: Database;
  readonly target: Database;
  readonly plan: Plan;
}

export interface GuardsInstalled {
  /** Display names by side. */
  readonly source: readonly string[];
  readonly target: readonly string[];
}

/** A side with what it gets. */
interface Work {
  readonly database: Database;
  readonly session: Session;
  readonly guarded: readonly Guarded[];
  readonly shapes: readonly RelationShape[];
}

/** Inside of withShortLock: what makes the lock short on the workers, too, and lets Citus take triggers. */
async function readyForTriggers(session: Session, { kind }: Database): Promise<void> {
  if (kind !== 'citus') return;
  await session.query(TELL_WORKERS);
  await session.query(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}`);
  await session.query('SET LOCAL citus.enable_unsafe_triggers = on');
}

/** One statement each: Citus takes no others. ALWAYS: also for writers with session_replication_role = replica. */
function triggerStatements(relation: string, guard: string): string[] {
  const transitions: Readonly<Record<string, string>> = {
    insert: 'REFERENCING NEW TABLE AS new_rows ',
    update: 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows ',
    delete: 'REFERENCING OLD TABLE AS old_rows ',
    truncate: '',
  };
  return Object.entries(transitions).flatMap(([operation, referencing]) => [
    `CREATE TRIGGER citus_migrate_guard_${operation} AFTER ${operation.toUpperCase()} ON ${relation} ${referencing}FOR EACH STATEMENT EXECUTE FUNCTION ${operation === 'truncate' ? 'citus_migrate.guard_truncate' : guard}()`,
    `ALTER TABLE ${relation} ENABLE ALWAYS TRIGGER citus_migrate_guard_${operation}`,
  ]);
}

const dropStatements = (relation: string): string[] =>
  GUARDS.map((name) => `DROP TRIGGER IF EXISTS ${name} ON ${relation}`);

/** Looks at a side before anything is changed. Throws UNGUARDABLE. */
async function prepare(database: Database, plan: Plan): Promise<Work> {
  const { guarded, problems } = planGuards(plan, database.options.side);
  const session = await database.connect();
  try {
    const shapes = await readShapes(
      session,
      guarded.map(({ table }) => qualified(table)),
    );
    const found = new Set(shapes.filter(({ isRoot }) => isRoot).map(({ root }) => root));
    const refused = [
      ...problems,
      ...guarded
        .filter(({ table }) => !found.has(qualified(table)))
        .map(({ table }) => `${table.table}: it does not exist on ${database.place}`),
      ...shapes
        .filter(({ inherits }) => inherits)
        .map((shape) => `${displayName(shape)}: it takes part in inheritance`),
      ...shapes
        .filter(({ subscribed }) => subscribed)
        .map((shape) => `${displayName(shape)}: a subscription writes it, which fires no statement triggers`),
    ];
    if (refused.length === 0) return { database, session, guarded, shapes };
    throw new MigrateError('UNGUARDABLE', {
      message: `Writes to these tables cannot be guarded: ${refused.join('; ')}`,
      context: { tables: refused },
    });
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** What all guards call, on every node: where a shard is, its guard finds it. */
async function createFunctions({ database, guarded }: Work): Promise<void> {
  const side = database.options.side;
  const statements = [
    sql('dualwrite/guard-create', {
      refuse_body: sql('dualwrite/guard-refuse-body', { side }),
      guard_body: sql('dualwrite/guard-body', {
        side,
        lock_class: LOCK_CLASS,
        any_lock: ANY_LOCK,
        via_lock: VIA_LOCK,
      }),
      names_body: sql('dualwrite/guard-names-body', { side }),
      common_body: sql('dualwrite/guard-common-body'),
      truncate_body: sql('dualwrite/guard-truncate-body', { any_lock: ANY_LOCK }),
    }),
    ...guarded.flatMap(({ definition }) => (definition === null ? [] : [definition])),
  ];
  for (const node of database.nodes) {
    const session = await database.connect(node);
    try {
      await session.transaction(async () => {
        for (const statement of statements) await session.query(statement, 'make the guards');
      });
    } finally {
      await session.close();
    }
  }
}

/** Puts triggers on the relations that have none yet; returns them as they are added. */
async function createTriggers(
  { database, session, guarded, shapes }: Work,
  added: Named[],
  context: Context,
): Promise<void> {
  const before = new Map((await guardedRelations(session)).map((each) => [displayName(each), each]));
  for (const { table, guard } of guarded) {
    const missing = shapes
      .filter(({ root }) => root === qualified(table))
      .filter((shape) => {
        const found = before.get(displayName(shape));
        return found?.guard !== guard || !GUARDS.every((name) => found.triggers[name] === 'A');
      });
    if (missing.length === 0) continue;
    await withShortLock(session, table.table, context, async () => {
      await readyForTriggers(session, database);
      await session.query(
        `LOCK TABLE ${missing.map(qualified).join(', ')} IN SHARE ROW EXCLUSIVE MODE`,
        `lock ${table.table}`,
      );
      for (const shape of missing) {
        const relation = qualified(shape);
        // Those that are there and switched off are made anew.
        for (const statement of [...dropStatements(relation), ...triggerStatements(relation, guard)]) {
          await session.query(statement, `guard ${displayName(shape)}`);
        }
      }
    });
    added.push(...missing);
    await context.fail('guards: after one table');
  }
}

async function dropTriggers(
  { database, session }: Pick<Work, 'database' | 'session'>,
  relations: readonly Named[],
  context: Context,
): Promise<void> {
  for (const relation of relations) {
    await withShortLock(session, displayName(relation), context, async () => {
      await readyForTriggers(session, database);
      for (const statement of dropStatements(qualified(relation))) {
        await session.query(statement, `take the guards off ${displayName(relation)}`);
      }
    });
  }
}

/**
 * Holds writers on both sides to who owns the writes: until something moves, the source. Every table of the plan is
 * guarded, one short lock each, all of them on both sides or none; those that are guarded already stay as they are.
 * Throws UNGUARDABLE, SHIM_LOCK.
 */
export async function installGuards(
  { source, target, plan }: GuardRequest,
  context: Context,
): Promise<GuardsInstalled> {
  const works: Work[] = [];
  const added = new Map<Work, Named[]>();
  try {
    for (const database of [target, source]) works.push(await prepare(database, plan));
    for (const work of works) {
      await Owners.install(work.database);
      await createFunctions(work);
    }
    // The target first: nobody writes there yet.
    for (const work of works) {
      const mine: Named[] = [];
      added.set(work, mine);
      await createTriggers(work, mine, context);
    }
  } catch (error) {
    for (const [work, relations] of added) {
      await dropTriggers(work, relations, context).catch((failure: Error) =>
        context.log.warn(`Some guards are left on ${work.database.place}: ${failure.message}`),
      );
    }
    throw error;
  } finally {
    await Promise.all(works.map(({ session }) => session.close()));
  }
  const names = (database: Database): string[] => {
    const work = works.find((each) => each.database === database);
    const mine = (work && added.get(work)) ?? [];
    return mine.map(displayName);
  };
  return { source: names(source), target: names(target) };
}

/**
 * Takes the guards of one side away, with what tells there who owns the writes: from then on it takes all. Nothing is
 * left on any node. Returns whether there was anything.
 */
export async function removeGuards(database: Database, context: Context): Promise<boolean> {
  const session = await database.connect();
  try {
    const relations = (await guardedRelations(session)).filter(({ shard }) => !shard);
    await dropTriggers({ database, session }, relations, context);
  } finally {
    await session.close();
  }
  let found = false;
  for (const node of database.nodes) {
    const session = await database.connect(node);
    try {
      const functions = await session.query<{ function: string }>(sql('dualwrite/guard-functions'));
      found ||= functions.length > 0;
      if (functions.length > 0) {
        await session.transaction(async () => {
          await session.query('SET LOCAL citus.enable_ddl_propagation = off');
          await session.query(
            `DROP FUNCTION ${functions.map((each) => each.function).join(', ')}`,
            'drop the guards',
          );
        });
      }
    } finally {
      await session.close();
    }
  }
  await Owners.remove(database);
  return found;
}
