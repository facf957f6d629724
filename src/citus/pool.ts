import type { Session } from '../postgres/session.js';
import type { Node } from './database.js';

/** Sessions that are used again, per node. Opens as many as are borrowed at once; the borrower bounds that. */
export class SessionPool {
  readonly #idle = new Map<number, Session[]>();
  readonly #open: (node: Node) => Promise<Session>;

  constructor(open: (node: Node) => Promise<Session>) {
    this.#open = open;
  }

  /** A session that nobody else uses until it is given back. */
  async borrow(node: Node): Promise<Session> {
    const idle = this.#idle.get(node.groupId) ?? [];
    for (let session = idle.pop(); session !== undefined; session = idle.pop()) {
      // A server that was restarted has closed it meanwhile.
      if (!session.closed) return session;
    }
    return this.#open(node);
  }

  /** One that was closed meanwhile is not lent again. */
  giveBack(node: Node, session: Session): void {
    if (!session.closed) this.#idle.set(node.groupId, [...(this.#idle.get(node.groupId) ?? []), session]);
  }

  /** Lends a session to `work`, and closes it when the work fails: its transaction may be broken. */
  async use<T>(node: Node, work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.borrow(node);
    try {
      const result = await work(session);
      this.giveBack(node, session);
      return result;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const sessions = [...this.#idle.values()].flat();
    this.#idle.clear();
    await Promise.all(sessions.map((session) => session.close()));
  }
}
