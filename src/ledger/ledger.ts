import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../citus/database.js';
import { SessionPool } from '../citus/pool.js';
import { MigrateError } from '../core/errors.js';
import { quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { attemptOf, forgetLaneRows, LANE_KEY, type LaneRow, readLaneRows } from './rows.js';

/** Advisory lock key of a run: "cmig" as a number, in a space that applications rarely use. */
const LOCK_KEY = 0x63_6d_69_67;

/** Times that a lock is asked for before its holder counts. */
const TRIES = 10;
/**
 * Times that the backends of a killed process are looked for: mostly they are gone within milliseconds, but one in the
 * middle of a statement looks for its client only every 5 seconds (sql/postgres/session.sql).
 */
const LEFTOVER_TRIES = 100;
const TRY_EVERY_MS = 200;

interface Holder {
  run: string;
  pid: number;
  client: string;
  since: string;
}

export interface LoadedChunk {
  readonly loadId: string;
  readonly table: string;
  readonly chunk: string;
  readonly rows: number;
  /** Rows that were refused and set aside. */
  readonly rejected: number;
  /** What the writer of the row recorded of the chunk's source, or null. */
  readonly source: unknown;
}

/** The record, kept on the target, of what has been loaded there; and the lock that admits one run at a time. */
export class Ledger {
  private constructor(
    private readonly database: Database,
    /** Holds the run's lock as long as it is connected: a dead run's lock goes with it. */
    private readonly session: Session,
    private readonly pool: SessionPool,
  ) {}

  /** Locks the target for this run. Nothing is written yet. Throws RUN_LOCKED. */
  static async lock(database: Database): Promise<Ledger> {
    const session = await database.connect();
    try {
      for (let tries = 0; ; tries += 1) {
        const found = await stateOf(session);
        if (found === 'free') break;
        if (tries >= (found === 'held' ? TRIES : LEFTOVER_TRIES)) throw lockedBy(await holderOf(session));
        await pause(TRY_EVERY_MS);
      }
      return new Ledger(database, session, new SessionPool((node) => database.connect(node)));
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /**
   * Waits until no backend of an earlier run writes on any node: a lane's commit that was under way when its process
   * died would come after this run has read what that node has. Throws RUN_LOCKED when one stays.
   */
  async settleLanes(): Promise<void> {
    for (const node of this.database.nodes) {
      await this.pool.use(node, async (session) => {
        for (let tries = 0; ; tries += 1) {
          const left = await session.query<Holder>(sql('ledger/leftovers'), 'look for earlier runs');
          if (left.length === 0) return;
          if (tries === LEFTOVER_TRIES) throw lockedBy(left[0]);
          await pause(TRY_EVERY_MS);
        }
      });
    }
  }

  /**
   * Makes the tables of the ledger where they are missing; with `lanes` on every node. From here on no earlier run can
   * write: neither a dead one whose COMMIT is still on its way, nor one that has lost its lock and does not know.
   */
  async create(lanes: boolean): Promise<void> {
    const { kind, nodes, options } = this.database;
    await this.session.query(sql('ledger/create'), 'create the ledger');
    if (kind === 'citus') await this.session.query(sql('ledger/distribute'), 'create the ledger');
    const onWorkers = lanes || (await this.#usedLanes());
    for (const node of onWorkers ? nodes : nodes.slice(0, 1)) {
      await this.pool.use(node, async (session) => {
        await session.query(
          sql('ledger/take-over', { key: LANE_KEY, run_id: options.runId }),
          'take over from earlier runs',
        );
        if (lanes) await session.query(sql('ledger/lane-create'), 'create the ledger');
      });
    }
  }

  /** None before `create` was ever called on this target. */
  async chunks(): Promise<LoadedChunk[]> {
    if (!(await this.#exists())) return [];
    const rows = await this.session.query<
      Omit<LoadedChunk, 'rows' | 'rejected'> & { rows: string; rejected: string }
    >(sql('ledger/chunks'), 'read the ledger');
    return rows.map((row) => ({ ...row, rows: Number(row.rows), rejected: Number(row.rejected) }));
  }

  async addLoad(load: {
    loadId: string;
    kind: 'import' | 'copy';
    planHash: string;
    lanes: boolean;
  }): Promise<void> {
    const run_id = this.database.options.runId;
    const { loadId, kind, planHash, lanes } = load;
    await this.session.query(
      sql('ledger/add-load', { load_id: loadId, kind, plan_hash: planHash, run_id, lanes: String(lanes) }),
    );
  }

  async #laneRows(loadId: string): Promise<LaneRow[]> {
    const rows = await Promise.all(
      this.database.nodes.map((node) => this.pool.use(node, (session) => readLaneRows(session, loadId))),
    );
    return rows.flat();
  }

  /** Some load has used lanes: only the nodes know what of it they have. */
  async #usedLanes(): Promise<boolean> {
    if (this.database.kind === 'single' || !(await this.#exists())) return false;
    const { used } = await this.session.one<{ used: boolean }>(
      'SELECT EXISTS (SELECT FROM citus_migrate.load WHERE lanes) AS used',
    );
    return used;
  }

  async #exists(): Promise<boolean> {
    const { exists } = await this.session.one<{ exists: boolean }>(
      `SELECT to_regclass('citus_migrate.chunk') IS NOT NULL AS exists`,
    );
    return exists;
  }

  /** Attempts of a load that were committed, on whatever node. */
  async attempts(loadId: string): Promise<ReadonlySet<string>> {
    const lanes = (await this.#usedLanes()) ? await this.#laneRows(loadId) : [];
    const chunks = (await this.chunks()).filter((row) => row.loadId === loadId);
    return new Set([...lanes.map((row) => row.attempt), ...chunks.map((row) => attemptOf(loadId, row))]);
  }

  /** What lanes have committed, on every node, of chunks that are not known to be complete. */
  async begun(loadId: string): Promise<LaneRow[]> {
    if (!(await this.#usedLanes())) return [];
    const complete = new Set(
      (await this.chunks())
        .filter((row) => row.loadId === loadId)
        .map(({ table, chunk }) => `${table}\n${chunk}`),
    );
    return (await this.#laneRows(loadId)).filter(({ table, chunk }) => !complete.has(`${table}\n${chunk}`));
  }

  /** Forgets what lanes have committed of `tables`, on every node. */
  async forgetLanes(tables: readonly string[]): Promise<void> {
    if (tables.length === 0 || !(await this.#usedLanes())) return;
    for (const node of this.database.nodes) {
      await this.pool.use(node, (session) => forgetLaneRows(session, tables));
    }
  }

  /** Forgets what was loaded into `tables`, by whatever load. */
  async forget(session: Session, tables: readonly string[]): Promise<void> {
    if (tables.length === 0) return;
    const list = tables.map(quoteLiteral).join(', ');
    await session.query(`DELETE FROM citus_migrate.chunk WHERE table_name IN (${list})`);
  }

  async close(): Promise<void> {
    await this.pool.close();
    await this.session.close();
  }
}

/**
 * Free: the run has the lock now, and nothing of an earlier one is left. The backends of a killed process go on until
 * they notice: an index build to its end, and a commit that was under way is still made.
 */
async function stateOf(session: Session): Promise<'free' | 'held' | 'leftovers'> {
  const { locked } = await session.one<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock(${LOCK_KEY}) AS locked`,
  );
  if (!locked) return 'held';
  const left = await session.query(sql('ledger/leftovers'), 'look for earlier runs');
  if (left.length === 0) return 'free';
  await session.query(`SELECT pg_advisory_unlock(${LOCK_KEY})`);
  return 'leftovers';
}

async function holderOf(session: Session): Promise<Holder | undefined> {
  const [holder] = [
    ...(await session.query<Holder>(sql('ledger/holder', { key: LOCK_KEY }))),
    ...(await session.query<Holder>(sql('ledger/leftovers'))),
  ];
  return holder;
}

function lockedBy(holder: Holder | undefined): MigrateError {
  return new MigrateError('RUN_LOCKED', {
    message: holder
      ? `Another run works on this target: ${holder.run}, process ${holder.pid}, from ${holder.client} since ${holder.since} UTC`
      : 'Another run worked on this target a moment ago',
    hint: holder
      ? `Wait for it, or stop it: SELECT pg_terminate_backend(${holder.pid}).`
      : 'Repeat the command.',
    ...(holder ? { context: { ...holder } } : {}),
  });
}
