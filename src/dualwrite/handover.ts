import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import type { Session } from '../postgres/session.js';

/** Advisory lock keys on the source: of the `sync` that works, "cmif" as a number, and of whoever wants its place, "cmiw". */
const FOLLOWING_KEY = 0x63_6d_69_66;
const WANTED_KEY = 0x63_6d_69_77;

/** How often a lock that another has is asked for, ms: a `sync` looks at the end of every pass. */
const ASK_EVERY_MS = 50;
/** Default of how long a `sync` is waited for: the end of its pass, and what it has to try again. */
const WAIT_MS = 60_000;

const lock = async (session: Session, key: number): Promise<boolean> => {
  const { locked } = await session.one<{ locked: boolean }>(`SELECT pg_try_advisory_lock(${key}) AS locked`);
  return locked;
};

/** Whether another session has the lock. In a statement of its own, which holds nothing afterwards. */
const taken = async (session: Session, key: number): Promise<boolean> => {
  const { free } = await session.one<{ free: boolean }>(`SELECT pg_try_advisory_xact_lock(${key}) AS free`);
  return !free;
};

/**
 * Asks a running `sync` for its place: it lets go of both sides at the end of its pass, and goes on when `session`, on
 * the source, is closed. Returns when nobody follows any more. Throws RUN_LOCKED when another command has asked
 * before, or the `sync` has not let go after `waitMs`.
 */
export async function requestShim(
  session: Session,
  { log, signal }: Pick<Context, 'log' | 'signal'>,
  waitMs = WAIT_MS,
): Promise<void> {
  if (!(await lock(session, WANTED_KEY))) {
    throw new MigrateError('RUN_LOCKED', {
      message: 'Another command has asked for the place of `migrate sync`',
      hint: 'Wait until it is done; then repeat the command.',
    });
  }
  const deadline = Date.now() + waitMs;
  for (let told = false; !(await lock(session, FOLLOWING_KEY)); ) {
    if (!told) log.info('Waiting for the running `migrate sync` to let go at the end of its pass');
    told = true;
    if (Date.now() > deadline) {
      throw new MigrateError('RUN_LOCKED', {
        message: `The running \`migrate sync\` has not let go within ${Math.round(waitMs / 1000)} s`,
        hint: 'Look at its log, or stop it; then repeat the command.',
      });
    }
    await pause(ASK_EVERY_MS, undefined, { signal }).catch(() => throwIfAborted(signal));
  }
}

/** The place of a `sync`: only one has it, and it is given up to whoever asks with `requestShim`. */
export class Turn {
  private constructor(
    private readonly session: Session,
    private readonly context: Context,
  ) {}

  /** Waits while another command has asked for the place. Throws RUN_LOCKED while another `sync` has it. */
  static async take(source: Database, context: Context): Promise<Turn> {
    const turn = new Turn(await source.connect(), context);
    try {
      await turn.take();
      return turn;
    } catch (error) {
      await turn.close();
      throw error;
    }
  }

  /** Another command wants the place: close everything that keeps others out, then `yield`. */
  wanted(): Promise<boolean> {
    return taken(this.session, WANTED_KEY);
  }

  /** Gives the place up and returns when it is free again. */
  async yield(): Promise<void> {
    await this.session.query(`SELECT pg_advisory_unlock(${FOLLOWING_KEY})`, 'let another command in');
    await this.take();
  }

  /** False once the connection that holds the place is gone. */
  get held(): boolean {
    return !this.session.closed;
  }

  async take(): Promise<void> {
    const { signal, log } = this.context;
    for (let told = false; ; ) {
      throwIfAborted(signal);
      const wanted = await this.wanted();
      if (!wanted && (await lock(this.session, FOLLOWING_KEY))) {
        if (told) log.info('The other command is done: following goes on');
        return;
      }
      if (!wanted && !(await this.wanted())) {
        throw new MigrateError('RUN_LOCKED', {
          message: `Another \`migrate sync\` follows ${this.session.server}`,
          hint: 'Wait for it, or stop it: only one can apply what is captured.',
        });
      }
      if (!told) log.info('Another command needs the shim: nothing is followed until it is done');
      told = true;
      await pause(ASK_EVERY_MS, undefined, { signal }).catch(() => throwIfAborted(signal));
    }
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}
