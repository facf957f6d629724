import type { Database } from '../citus/database.js';
import { SessionPool } from '../citus/pool.js';
import type { Context } from '../core/context.js';
import type { MigrateError } from '../core/errors.js';
import { quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { attemptOf, forgetLaneRows, LANE_KEY, type LaneRow, readLaneRows } from './rows.js';
import { type LockOptions, RunLock } from './run-lock.js';

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
    private readonly lock: RunLock,
    private readonly pool: SessionPool,
  ) {}

  /** Locks the target for this run. Nothing is written yet. Throws RUN_LOCKED. */
  static async lock(database: Database, options: LockOptions): Promise<Ledger> {
    const lock = await RunLock.take(database, options);
    return new Ledger(database, lock, new SessionPool((node) => database.connect(node)));
  }

  /** False once the connection that holds the lock is gone. */
  get locked(): boolean {
    return this.lock.held;
  }

  /** See RunLock.watch. */
  watch(lost: (error: MigrateError) => void): void {
    this.lock.watch(lost);
  }

  /**
   * Makes the tables of the ledger where they are missing; with `lanes` on every node. From here on no earlier run can
   * write: neither a dead one whose COMMIT is still on its way, nor one that has lost its lock and does not know.
   */
  async create(lanes: boolean, fail: Context['fail']): Promise<void> {
    const { kind, nodes, options } = this.database;
    const citus = kind === 'citus';
    const distributed = citus
      ? `2 = (SELECT count(*) FROM pg_dist_partition p WHERE p.logicalrelid IN (to_regclass('citus_migrate.load'), to_regclass('citus_migrate.chunk')))`
      : 'true';
    await this.#ask(async (session) => {
      const { ready } = await session.one<{ ready: boolean }>(sql('ledger/ready', { distributed }));
      if (ready) return;
      await session.query(sql('ledger/create'), 'create the ledger');
      if (citus) await session.query(sql('ledger/distribute'), 'create the ledger');
    });
    await fail('ledger: after its tables, before the first node is taken over');
    const onWorkers = lanes || (await this.#usedLanes());
    for (const node of onWorkers ? nodes : nodes.slice(0, 1)) {
      await this.pool.use(node, async (session) => {
        await session.query(
          sql('ledger/take-over', { key: LANE_KEY, run_id: options.runId }),
          'take over from earlier runs',
        );
        if (lanes) await session.query(sql('ledger/lane-create'), 'create the ledger');
      });
      await fail('ledger: after a node was taken over');
    }
  }

  /** None before `create` was ever called on this target. */
  async chunks(): Promise<LoadedChunk[]> {
    if (!(await this.#exists())) return [];
    const rows = await this.#ask((session) =>
      session.query<Omit<LoadedChunk, 'rows' | 'rejected'> & { rows: string; rejected: string }>(
        sql('ledger/chunks'),
        'read the ledger',
      ),
    );
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
    await this.#ask((session) =>
      session.query(
        sql('ledger/add-load', { load_id: loadId, kind, plan_hash: planHash, run_id, lanes: String(lanes) }),
        'write the ledger',
      ),
    );
  }

  /** Not over the lock's own connection: what waits there would keep the run from showing that it lives. */
  #ask<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.pool.use(this.database.head, work);
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
    const { used } = await this.#ask((session) =>
      session.one<{ used: boolean }>('SELECT EXISTS (SELECT FROM citus_migrate.load WHERE lanes) AS used'),
    );
    return used;
  }

  async #exists(): Promise<boolean> {
    const { exists } = await this.#ask((session) =>
      session.one<{ exists: boolean }>(`SELECT to_regclass('citus_migrate.chunk') IS NOT NULL AS exists`),
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
  async forgetLanes(tables: readonly string[], fail: Context['fail']): Promise<void> {
    if (tables.length === 0 || !(await this.#usedLanes())) return;
    for (const node of this.database.nodes) {
      await this.pool.use(node, (session) => forgetLaneRows(session, tables));
      await fail('ledger: after the lanes of a node were forgotten');
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
    await this.lock.close();
  }
}
