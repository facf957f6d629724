import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '../citus/database.js';
import { throwIfAborted } from '../core/errors.js';
import type { Session } from '../postgres/session.js';

/** What applications say that want their changes brought over at once (`dual` in docs/router.md). */
const CHANNEL = 'citus_migrate_changes';

/** Hears of changes on either side. One that has lost a connection is silent there, which costs some lag. */
export class Bell {
  #rung = new AbortController();

  private constructor(private readonly sessions: readonly Session[]) {}

  static async open(databases: readonly Database[]): Promise<Bell> {
    const sessions: Session[] = [];
    const bell = new Bell(sessions);
    try {
      for (const database of databases) {
        const session = await database.connect();
        sessions.push(session);
        session.onNotification(() => bell.#rung.abort());
        await session.query(`LISTEN ${CHANNEL}`, 'listen for changes');
      }
      return bell;
    } catch (error) {
      await bell.close();
      throw error;
    }
  }

  /** Waits so long, or until something has changed since the last call. Throws what `signal` is aborted with. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    await wait(ms, undefined, { signal: AbortSignal.any([signal, this.#rung.signal]) }).catch(() => {});
    this.#rung = new AbortController();
    throwIfAborted(signal);
  }

  async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()));
  }
}
