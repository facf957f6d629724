import type { Named } from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified, quoteIdent, quoteLiteral } from '../core/names.js';
import { isState, type Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { TELL_WORKERS } from './applying.js';
import type { Connector } from './connector.js';
import type { Database, Node } from './database.js';

/**
 * How long a lock is waited for: the SHARE lock of a cluster-wide cut for writers; a reader for whoever waits to have
 * the table alone, which will not be before all readers of this snapshot are done.
 */
const LOCK_TIMEOUT = '10s';

interface Moment {
  readonly node: Node;
  /** Name for SET TRANSACTION SNAPSHOT on that node. */
  readonly exported: string;
  /** pg_current_snapshot() as text: which transactions it sees. */
  readonly visible: string;
}

interface Held extends Moment {
  readonly session: Session;
}

/**
 * One point in time on every node: exported snapshots that any number of sessions can read from until `close`. On a
 * cluster they belong together because a short SHARE lock keeps all writers out while they are taken
 * (measured: docs/decisions.md, "A consistent view of a cluster").
 */
export class Cut {
  constructor(
    readonly database: Database,
    /** Moments without a session are held by somebody else. */
    private readonly held: readonly (Moment & Partial<Held>)[],
  ) {}

  /** One moment of a single node that somebody else holds, and goes on holding when this is closed. */
  static heldElsewhere(database: Database, moment: { exported: string; visible: string }): Cut {
    return new Cut(database, [{ node: database.head, ...moment }]);
  }

  /** Node name → pg_current_snapshot(), for the record and for telling later whether anything has changed. */
  get visible(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.held.map((each) => [each.node.name, each.visible]));
  }

  /** Name of the exported snapshot on the single node or coordinator. */
  get name(): string {
    return this.held[0]!.exported;
  }

  /** A new session on `node` inside a read-only transaction that sees this cut. */
  async open(node: Node): Promise<Session> {
    const held = this.held.find((each) => each.node.groupId === node.groupId);
    if (held === undefined)
      throw new MigrateError('INTERNAL', { message: `The cut has no snapshot of ${node.name}` });
    const session = await openInSnapshot(this.database.connector, node, held.exported);
    const { signal } = this.database.options;
    if (signal !== undefined) session.cancelOn(signal);
    return session;
  }

  /** Exported snapshot by node name: what `openInSnapshot` takes. */
  get exported(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.held.map((each) => [each.node.name, each.exported]));
  }

  async close(): Promise<void> {
    await Promise.all(this.held.map((each) => each.session?.close()));
  }
}

/**
 * A new session inside a read-only transaction that sees an exported snapshot. Throws SNAPSHOT_LOST; its statements
 * throw TRANSIENT (55P03) where they would have to wait for a lock for long.
 */
export async function openInSnapshot(connector: Connector, node: Node, exported: string): Promise<Session> {
  const session = await connector.connect(node);
  try {
    await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await session.query(`SET TRANSACTION SNAPSHOT '${exported}'`, 'read under the shared snapshot');
    await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    return session;
  } catch (error) {
    await session.close();
    // invalid_parameter_value, or undefined_object from PostgreSQL 17 on: whoever held the snapshot is gone.
    if (isState(error, '22023') || isState(error, '42704')) {
      throw new MigrateError('SNAPSHOT_LOST', { context: { node: node.name }, cause: error });
    }
    throw error;
  }
}

/**
 * The snapshot, behind a lock that lets everybody read and write: what is not multi-version has to wait. TRUNCATE
 * would empty a table for this snapshot too, and VACUUM FULL or CLUSTER would move rows from pages that are still to
 * be read into pages that were read already, or the other way round.
 */
async function hold(
  database: Database,
  { node, session }: Pick<Held, 'node' | 'session'>,
  tables: readonly Named[],
): Promise<Held> {
  try {
    await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    if (tables.length > 0 && node === database.head) {
      await session.query(
        `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'; LOCK TABLE ${tables.map(qualified).join(', ')} IN ACCESS SHARE MODE`,
        'keep the tables in place',
      );
    }
    const row = await session.one<{ exported: string; visible: string }>(
      'SELECT pg_export_snapshot() AS exported, pg_current_snapshot()::text AS visible',
      'export a snapshot',
    );
    return { node, session, ...row };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** All of them; when one fails, the sessions of the others are closed. */
async function all<T extends { readonly session: Session }>(opening: readonly Promise<T>[]): Promise<T[]> {
  const attempts = await Promise.allSettled(opening);
  const opened = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
  const failed = attempts.find((attempt) => attempt.status === 'rejected');
  if (failed === undefined) return opened;
  await Promise.all(opened.map(({ session }) => session.close()));
  throw failed.reason;
}

/** A session on every node, to take snapshots in: connecting takes longer than that, and no lock has to last so long. */
function connectAll(database: Database): Promise<{ node: Node; session: Session }[]> {
  return all(database.nodes.map(async (node) => ({ node, session: await database.connect(node) })));
}

/** A prepared transaction that is still undecided is visible on some nodes and not on others. */
async function refuseInDoubt(database: Database, held: readonly Held[]): Promise<void> {
  for (const { node, session } of held) {
    const { transactions } = await session.one<{ transactions: number }>(sql('citus/in-doubt'));
    if (transactions > 0) {
      throw new MigrateError('INCONCLUSIVE', {
        message: `${transactions} distributed transactions are prepared but undecided on ${node.name}`,
        hint: 'Citus settles them by itself within a minute (citus.recover_2pc_interval); then repeat the command.',
        context: { node: node.name, side: database.options.side },
      });
    }
  }
}

/** Reading is allowed to more roles than locking: PostgreSQL's own refusal would name one table, and not the right. */
async function refuseUnlockable(session: Session, tables: readonly Named[]): Promise<void> {
  if (tables.length === 0) return;
  const names = tables.map(({ schema, name }) => `(${quoteLiteral(schema)}, ${quoteLiteral(name)})`);
  const rows = await session.query<Named & { role: string }>(
    sql('citus/unlockable', { tables: names.join(', ') }),
    'look at the rights',
  );
  if (rows.length === 0) return;
  const list = rows.map(displayName).join(', ');
  throw new MigrateError('RIGHTS_MISSING', {
    message: `Role ${rows[0]!.role} on ${session.server} may read, but not lock: ${list}`,
    hint: `All nodes are seen at one moment by way of a short lock, which needs UPDATE, DELETE or TRUNCATE: GRANT UPDATE ON ${rows.map(qualified).join(', ')} TO ${quoteIdent(rows[0]!.role)}, or connect as their owner.`,
    context: { tables: rows.map(displayName) },
  });
}

/**
 * Takes a cut of `tables`. Writers of a cluster wait for some milliseconds; those of a single node do not notice.
 * Throws RIGHTS_MISSING when the role may not lock, TRANSIENT when a long transaction keeps the lock away,
 * INCONCLUSIVE on in-doubt transactions.
 */
export async function takeCut(database: Database, tables: readonly Named[]): Promise<Cut> {
  const sessions = await connectAll(database);
  const holding = () => all(sessions.map((each) => hold(database, each, tables)));
  if (database.kind === 'single') return new Cut(database, await holding());
  try {
    const locker = await database.connect();
    if (database.options.signal !== undefined) locker.cancelOn(database.options.signal);
    try {
      await refuseUnlockable(locker, tables);
      await locker.query('BEGIN');
      // On the workers, too: whoever writes through one of them may hold the table there alone.
      await locker.query(TELL_WORKERS);
      await locker.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      if (tables.length > 0) {
        await locker.query(
          `LOCK TABLE ${tables.map(qualified).join(', ')} IN SHARE MODE`,
          'take a consistent view',
        );
      }
      const held = await holding();
      await refuseInDoubt(database, held);
      await locker.query('COMMIT');
      return new Cut(database, held);
    } finally {
      await locker.close();
    }
  } catch (error) {
    await Promise.all(sessions.map(({ session }) => session.close()));
    throw error;
  }
}
