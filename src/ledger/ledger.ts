import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../citus/database.js';
import { MigrateError } from '../core/errors.js';
import { quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** Advisory lock key of a run: "cmig" as a number, in a space that applications rarely use. */
const LOCK_KEY = 0x63_6d_69_67;

/** A killed process's backends are mostly gone within milliseconds: they get this long before they count. */
const TRIES = 10;
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
  /** What the writer of the row recorded of the chunk's source, or null. */
  readonly source: unknown;
}

export interface NewChunk {
  readonly table: string;
  readonly chunk: string;
  readonly rows: number;
  readonly source?: unknown;
}

/** The record, kept on the target, of what has been loaded there; and the lock that admits one run at a time. */
export class Ledger {
  private constructor(
    private readonly database: Database,
    /** Holds the run's lock as long as it is connected: a dead run's lock goes with it. */
    private readonly session: Session,
  ) {}

  /** Locks the target for this run. Nothing is written yet. Throws RUN_LOCKED. */
  static async lock(database: Database): Promise<Ledger> {
    const session = await database.connect();
    try {
      for (let tries = 0; !(await isFree(session)); tries += 1) {
        if (tries === TRIES) throw await lockedBy(session);
        await pause(TRY_EVERY_MS);
      }
      return new Ledger(database, session);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Makes the tables of the ledger where they are missing. */
  async create(): Promise<void> {
    await this.session.query(sql('ledger/create'), 'create the ledger');
    if (this.database.kind === 'citus')
      await this.session.query(sql('ledger/distribute'), 'create the ledger');
  }

  /** None before `create` was ever called on this target. */
  async chunks(): Promise<LoadedChunk[]> {
    const { exists } = await this.session.one<{ exists: boolean }>(
      `SELECT to_regclass('citus_migrate.chunk') IS NOT NULL AS exists`,
    );
    if (!exists) return [];
    const rows = await this.session.query<Omit<LoadedChunk, 'rows'> & { rows: string }>(
      sql('ledger/chunks'),
      'read the ledger',
    );
    return rows.map((row) => ({ ...row, rows: Number(row.rows) }));
  }

  async addLoad(loadId: string, kind: 'import' | 'copy', planHash: string): Promise<void> {
    const run_id = this.database.options.runId;
    await this.session.query(sql('ledger/add-load', { load_id: loadId, kind, plan_hash: planHash, run_id }));
  }

  /** Writes the chunk's row in the transaction that `lane` has open with the chunk's rows. */
  async addChunk(lane: Session, loadId: string, { table, chunk, rows, source }: NewChunk): Promise<void> {
    const text = source === undefined ? '' : JSON.stringify(source);
    await lane.query(
      sql('ledger/add-chunk', { load_id: loadId, table_name: table, chunk, rows, source: text }),
      'write the ledger',
    );
  }

  /** Forgets what was loaded into `tables`, by whatever load. */
  async forget(session: Session, tables: readonly string[]): Promise<void> {
    if (tables.length === 0) return;
    const list = tables.map(quoteLiteral).join(', ');
    await session.query(`DELETE FROM citus_migrate.chunk WHERE table_name IN (${list})`);
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}

/**
 * True when the run has the lock and nothing of an earlier one is left. The backends of a killed process go on until
 * they notice: an index build to its end, and a commit that was under way is still made.
 */
async function isFree(session: Session): Promise<boolean> {
  const { locked } = await session.one<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock(${LOCK_KEY}) AS locked`,
  );
  if (!locked) return false;
  const left = await session.query(sql('ledger/leftovers'), 'look for earlier runs');
  if (left.length === 0) return true;
  await session.query(`SELECT pg_advisory_unlock(${LOCK_KEY})`);
  return false;
}

async function lockedBy(session: Session): Promise<MigrateError> {
  const [holder] = [
    ...(await session.query<Holder>(sql('ledger/holder', { key: LOCK_KEY }))),
    ...(await session.query<Holder>(sql('ledger/leftovers'))),
  ];
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
