import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../citus/database.js';
import type { Log } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { writtenPlace } from '../core/places.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { LANE_KEY } from './rows.js';

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
  readonly run: string;
  readonly pid: number;
  readonly client: string;
  readonly since: string;
  /** For how long it has been idle; null where that is not shown to this role, or while a statement runs. */
  readonly silentMs: number | null;
  /** A lane's transaction: without the lock of its run it is of no use to anybody. */
  readonly lane: boolean;
}

export interface LockOptions {
  readonly log: Pick<Log, 'warn'>;
  /** A statement on the lock's connection this often shows that the run lives, milliseconds. */
  readonly beatMs?: number;
  /** Without an answer for this long the run gives its lock up. Below `deadMs`: before others take it. */
  readonly stallMs?: number;
  /** A holder that was silent for this long is dead: its machine has vanished, or was put to sleep. */
  readonly deadMs?: number;
}
export const LOCK_TIMES = { beatMs: 10_000, stallMs: 60_000, deadMs: 120_000 };

/**
 * The lock that admits one run per target: an advisory lock of a session that is held for nothing else. It goes with
 * its connection, so a killed process leaves nothing. A client machine that vanishes leaves a connection that the
 * server takes for alive (until its keep-alives fail, and behind a proxy for ever): the holder therefore says
 * something every few seconds, and one that has been silent for long is ended by the next run.
 */
export class RunLock {
  #timer: NodeJS.Timeout | undefined;
  #lost = false;

  private constructor(
    private readonly database: Database,
    private readonly session: Session,
    private readonly options: Required<LockOptions>,
  ) {}

  /** Nothing is written yet. Throws RUN_LOCKED. */
  static async take(database: Database, given: LockOptions): Promise<RunLock> {
    const options = { ...LOCK_TIMES, ...given };
    const session = await database.connect();
    const ended = new Set<string>();
    try {
      for (let tries = 0; ; tries += 1) {
        if (database.options.signal) throwIfAborted(database.options.signal);
        const found = await stateOf(session);
        if (found === 'free') return new RunLock(database, session, options);
        if (tries >= (found === 'held' ? TRIES : LEFTOVER_TRIES)) {
          const holder = await holderOf(session);
          const dead = holder?.lane || (holder?.silentMs ?? 0) >= options.deadMs;
          if (holder === undefined || !dead || ended.has(holder.run)) throw lockedBy(database, holder);
          await takeOver(database, holder, options.log);
          ended.add(holder.run);
          tries = 0;
        }
        await pause(TRY_EVERY_MS);
      }
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /**
   * Shows until `close` that this run lives. When the connection breaks or stalls, `lost` is told why, once: another
   * run may begin from now on.
   */
  watch(lost: (error: MigrateError) => void): void {
    const { beatMs, stallMs } = this.options;
    const beat = async (): Promise<void> => {
      const stalled = setTimeout(() => this.session.abandon(), stallMs);
      stalled.unref();
      try {
        await this.session.query('SELECT', 'keep the lock of this run');
        if (this.#timer !== undefined) this.#schedule(beat, beatMs);
      } catch (error) {
        if (this.#timer === undefined) return;
        this.#timer = undefined;
        this.#lost = true;
        lost(lostLock(this.database, error));
      } finally {
        clearTimeout(stalled);
      }
    };
    this.#schedule(beat, beatMs);
  }

  #schedule(beat: () => Promise<void>, beatMs: number): void {
    this.#timer = setTimeout(() => void beat(), beatMs);
    this.#timer.unref();
  }

  /** False once the connection is gone. */
  get held(): boolean {
    return !this.session.closed;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.session.close();
    // The server may not know yet, and would keep the next run out: it is told over another connection.
    if (this.#lost)
      await Promise.race([endOwn(this.database), pause(FAREWELL_MS, undefined, { ref: false })]);
  }
}

/** How long a run that has lost its lock tries to leave nothing behind. */
const FAREWELL_MS = 5000;

const endOwn = (database: Database): Promise<void> =>
  endRun(database, `migrate ${database.options.runId}`).catch(() => {});

function lostLock(database: Database, cause: unknown): MigrateError {
  return new MigrateError('CONNECTION_LOST', {
    message: `The connection that keeps other runs out of ${writtenPlace(database.options.side)} broke: ${cause instanceof Error ? cause.message : String(cause)}`,
    context: { server: database.options.side },
    cause,
  });
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
  const left = await leftovers(session);
  if (left.length === 0) return 'free';
  await session.query(`SELECT pg_advisory_unlock(${LOCK_KEY})`);
  return 'leftovers';
}

const leftovers = (session: Session): Promise<Holder[]> =>
  session.query<Holder>(sql('ledger/leftovers', { lanes: LANE_KEY }), 'look for earlier runs');

async function holderOf(session: Session): Promise<Holder | undefined> {
  const [holder] = [
    ...(await session.query<Holder>(sql('ledger/holder', { key: LOCK_KEY }))),
    ...(await leftovers(session)),
  ];
  return holder;
}

/** Ends every connection of a run on all nodes. */
async function endRun(database: Database, run: string): Promise<void> {
  for (const node of database.nodes) {
    const session = await database.connect(node);
    try {
      await session.query(sql('ledger/end-run', { run }), 'end a run that is dead');
    } finally {
      await session.close();
    }
  }
}

/** Ends a run whose process has gone, with all that it has open: it could wake up and go on. */
async function takeOver(database: Database, holder: Holder, log: LockOptions['log']): Promise<void> {
  const silent =
    holder.silentMs === null
      ? 'it has lost its lock'
      : `nothing was heard of it for ${Math.round(holder.silentMs / 1000)} s`;
  log.warn(`Taking over from ${holder.run}, process ${holder.pid}, from ${holder.client}: ${silent}`);
  await endRun(database, holder.run);
}

/**
 * Waits until no backend of an earlier run writes on any node: a lane's commit that was under way when its process
 * died would come after this run has read what that node has. A lane that does not end by itself is ended. Throws RUN_LOCKED when one stays.
 */
export async function settleLanes(database: Database, log: LockOptions['log']): Promise<void> {
  for (const node of database.nodes) {
    const session = await database.connect(node);
    try {
      for (let tries = 0; ; tries += 1) {
        const [left] = await leftovers(session);
        if (left === undefined) break;
        if (tries === TRIES && left.lane) await takeOver(database, left, log);
        if (tries === LEFTOVER_TRIES) throw lockedBy(database, left);
        await pause(TRY_EVERY_MS);
      }
    } finally {
      await session.close();
    }
  }
}

function lockedBy({ options }: Database, holder: Holder | undefined): MigrateError {
  const place = writtenPlace(options.side);
  return new MigrateError('RUN_LOCKED', {
    message: holder
      ? `Another run works on ${place}: ${holder.run}, process ${holder.pid}, from ${holder.client} since ${holder.since} UTC`
      : `Another run worked on ${place} a moment ago`,
    hint: holder
      ? `Wait for it, or stop it: SELECT pg_terminate_backend(${holder.pid}). If its machine is gone, repeat the command: after two minutes of silence it is taken over.`
      : 'Repeat the command.',
    ...(holder
      ? { context: { run: holder.run, pid: holder.pid, client: holder.client, since: holder.since } }
      : {}),
  });
}
