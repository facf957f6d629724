import { TELL_WORKERS } from '../citus/applying.js';
import { Cut } from '../citus/cut.js';
import type { Database, Node } from '../citus/database.js';
import type { SessionPool } from '../citus/pool.js';
import { settlePrepared } from '../citus/settle.js';
import { readShards, type TableShards } from '../citus/shards.js';
import { MigrateError } from '../core/errors.js';
import { isState, type Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { logOf } from './names.js';
import { uncovered } from './reverse-install.js';
import { type Member, Members, requireMembers } from './reverse-members.js';
import { LOCK_WAIT_MS } from './short-lock.js';
import { type Pending, requireCapturing, requireShapes } from './snapshot.js';
import type { CapturedRow, CaptureState } from './state.js';

/** One node of the cluster as one moment saw it; the session's transaction holds it. */
export interface NodeMoment {
  readonly node: Node;
  readonly session: Session;
  /** pg_current_snapshot() of that node, as text. */
  readonly visible: string;
  /** Name for SET TRANSACTION SNAPSHOT on that node. */
  readonly exported: string;
  readonly state: CaptureState & { readonly drained: string };
  readonly pending: readonly Pending[];
  readonly changes: number;
  /** Age of the oldest change that waits there, seconds. */
  readonly seconds: number;
}

/** The cluster as one pass sees it. */
export interface ReverseMoment {
  readonly nodes: readonly NodeMoment[];
  /** Where every table lay while the snapshots were taken. */
  readonly shards: ReadonlyMap<string, TableShards>;
  readonly members: Members;
  readonly changes: number;
  readonly seconds: number;
  /** For how long writers were kept out, ms; 0 where each node was seen at its own moment. */
  readonly lockedMs: number;
  /** The same snapshots, for other readers; they end with the pass. */
  readonly cut: Cut;
}

export interface MomentRequest {
  readonly target: Database;
  readonly pool: SessionPool;
  readonly captured: readonly CapturedRow[];
  readonly searchPath: string;
  /** All nodes at one moment: writers wait for some milliseconds. Otherwise each node at its own, and nobody waits. */
  readonly exact: boolean;
}

const UNDEFINED_TABLE = '42P01';

interface Placements {
  readonly mark: string;
  readonly groups: string | null;
  readonly members: readonly Member[];
}

/** Where shards lie now: read outside of the moment, before and behind its snapshots. */
async function readPlacements({ target, pool }: MomentRequest): Promise<Placements | undefined> {
  if (target.kind !== 'citus') return undefined;
  return pool.use(target.head, (session) =>
    session.one<Placements>(sql('dualwrite/reverse-placements'), 'look where the shards lie'),
  );
}

/**
 * Begins a transaction on every node that sees one moment of it, behind an ACCESS SHARE lock on the captured tables:
 * TRUNCATE, which no snapshot keeps away, and changes of the schema wait until it ends, on whatever node they were
 * said. No shard moves between the first and the last snapshot: a change on its new node would be taken for applied
 * while its row was read on the old one. Throws SHIM_MISSING, CAPTURE_LOST, SCHEMA_DRIFT; TRANSIENT when shards moved
 * or a lock was not granted.
 */
export async function openReverseMoment(
  request: MomentRequest,
  sessions: Map<Node, Session>,
): Promise<ReverseMoment> {
  const { target, pool, captured, searchPath, exact } = request;
  const before = await readPlacements(request);
  const active = (before?.groups ?? '').split(',').filter((group) => group !== '');
  if (before !== undefined) requireMembers(target, before.members, active.map(Number));
  for (const node of target.nodes) sessions.set(node, await pool.borrow(node));
  const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = ${LOCK_WAIT_MS}; SET LOCAL search_path = ${searchPath}`;
  const names = captured.map(({ table }) => table).join(', ');
  const head = sessions.get(target.head)!;
  await head.query(begin);
  try {
    if (target.kind === 'citus') await boundLocks(head);
    await head.query(`LOCK TABLE ${names} IN ACCESS SHARE MODE`, 'lock the captured tables');
  } catch (error) {
    if (!isState(error, UNDEFINED_TABLE)) throw error;
    await head.query('ROLLBACK');
    await requireShapes(head, captured);
    throw error;
  }
  const lockedAt = performance.now();
  const locker = exact && target.kind === 'citus' ? await lockWriters(request, names) : undefined;
  let lockedMs = 0;
  let inDoubt = 0;
  let taken: { node: Node; session: Session; visible: string; exported: string }[];
  try {
    taken = await Promise.all(
      [...sessions].map(async ([node, session]) => {
        if (node !== target.head) await session.query(begin);
        const row = await session.one<{ visible: string; exported: string }>(
          'SELECT pg_current_snapshot()::text AS visible, pg_export_snapshot() AS exported',
          'read the moment of the pass',
        );
        return { node, session, ...row };
      }),
    );
    if (locker !== undefined) inDoubt = await countInDoubt(taken);
  } finally {
    if (locker !== undefined) {
      await locker.query('ROLLBACK').catch(() => {});
      lockedMs = Math.round(performance.now() - lockedAt);
      pool.giveBack(target.head, locker);
    }
  }
  if (inDoubt > 0) {
    await settlePrepared(target).catch(() => {});
    throw new MigrateError('TRANSIENT', {
      message: `${inDoubt} distributed transactions were prepared but undecided`,
    });
  }
  const after = await readPlacements(request);
  if (after?.mark !== before?.mark) {
    throw new MigrateError('TRANSIENT', { message: 'A shard was moved while the pass began' });
  }
  await requireShapes(head, captured);
  const nodes = await Promise.all(taken.map((each) => readNode(request, each)));
  const shards = await readShards(head, target.connector);
  return {
    nodes,
    shards,
    members: new Members(target, pool, before?.members ?? [], shards),
    changes: nodes.reduce((sum, each) => sum + each.changes, 0),
    seconds: Math.max(...nodes.map(({ seconds }) => seconds)),
    lockedMs,
    cut: new Cut(
      target,
      taken.map(({ node, visible, exported }) => ({ node, visible, exported })),
    ),
  };
}

/** A statement of its own for each: Citus passes the whole text on. */
async function boundLocks(session: Session): Promise<void> {
  await session.query(TELL_WORKERS);
  await session.query(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}`, 'bound the waits for locks on all nodes');
}

/**
 * The SHARE lock that keeps writers of every node out. It gives up before a deadlock would be looked for, so that no
 * transaction of the application is ended on its account, and nobody waits for long behind it.
 */
async function lockWriters({ pool, target }: MomentRequest, names: string): Promise<Session> {
  const locker = await pool.borrow(target.head);
  try {
    await locker.query('BEGIN');
    await boundLocks(locker);
    await locker.query(`LOCK TABLE ${names} IN SHARE MODE`, 'see all nodes at one moment');
    return locker;
  } catch (error) {
    await locker.close();
    throw error;
  }
}

/** Prepared transactions that are still undecided: each is visible on some nodes and not on others. */
async function countInDoubt(taken: readonly { readonly session: Session }[]): Promise<number> {
  const counts = await Promise.all(
    taken.map(({ session }) => session.one<{ transactions: number }>(sql('dualwrite/reverse-in-doubt'))),
  );
  return counts.reduce((sum, { transactions }) => sum + transactions, 0);
}

interface PendingRow {
  id: number;
  changes: string;
  at: string | null;
}

interface NodeState {
  readonly state: CaptureState;
  /** Of the tables that are captured there. */
  readonly ids: ReadonlySet<number>;
  readonly truncated: ReadonlySet<number>;
  /** Seconds since the oldest TRUNCATE that waits; 0: none does. */
  readonly truncatedFor: number;
  /** Tables and shards of which some trigger does not always fire. */
  readonly silent: readonly string[];
  /** Something was written there before it captured. */
  readonly unseen: boolean;
}

async function readNodeState(session: Session, kind: Database['kind'], node: Node): Promise<NodeState> {
  const silent =
    kind === 'citus' ? `ARRAY(${sql('dualwrite/reverse-silent').trim().replace(/;$/, '')})` : "'{}'::text[]";
  type Row = Omit<CaptureState, 'limitBytes'> & {
    limitBytes: string;
    ids: number[];
    truncated: number[];
    truncatedFor: string;
    silent: string[];
    unseen: boolean;
  };
  try {
    const {
      ids,
      truncated,
      truncatedFor,
      silent: found,
      unseen,
      ...state
    } = await session.one<Row>(sql('dualwrite/reverse-state', { silent }), 'read the state of the shim');
    return {
      state: { ...state, limitBytes: Number(state.limitBytes) },
      ids: new Set(ids),
      truncated: new Set(truncated),
      truncatedFor: Number(truncatedFor),
      silent: found,
      unseen,
    };
  } catch (error) {
    if (isState(error, UNDEFINED_TABLE)) throw uncovered([node.name]);
    throw error;
  }
}

function silenced(node: Node, relations: readonly string[]): MigrateError {
  return new MigrateError('CAPTURE_LOST', {
    message: `Changes on the cluster may not have been captured: on ${node.name} triggers are missing or were switched off for a time on ${relations.join(', ')}`,
    hint: 'Compare both sides and mend the single node, or load it anew (migrate copy --reverse --truncate); then `migrate shim remove --reverse` and install again.',
    context: { node: node.name, relations },
  });
}

async function readNode(
  { target, captured }: MomentRequest,
  { node, session, visible, exported }: Pick<NodeMoment, 'node' | 'session' | 'visible' | 'exported'>,
): Promise<NodeMoment> {
  const { state, ids, truncated, truncatedFor, silent, unseen } = await readNodeState(
    session,
    target.kind,
    node,
  );
  if (unseen || captured.some(({ id }) => !ids.has(id))) throw uncovered([node.name]);
  requireCapturing(state);
  if (silent.length > 0) throw silenced(node, silent);
  const { drained } = state;
  const rows = await session.query<PendingRow>(
    captured
      .map(({ id }) =>
        sql('dualwrite/pending', { id, log_1: logOf(id, 1), log_2: logOf(id, 2), drained }).trim(),
      )
      .join('\nUNION ALL\n'),
    'read the change log',
  );
  const pending = rows.map(({ id, changes }) => ({
    id,
    changes: Number(changes),
    truncated: truncated.has(id),
  }));
  return {
    node,
    session,
    visible,
    exported,
    state,
    pending,
    changes: pending.reduce((sum, each) => sum + each.changes, truncated.size),
    seconds: Math.max(0, truncatedFor, ...rows.map(({ at }) => Number(at ?? 0))),
  };
}
