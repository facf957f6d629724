import type { Database } from '../citus/database.js';
import { MigrateError } from '../core/errors.js';
import type { Session } from '../postgres/session.js';

/** No statement waits for its answer for longer: a link that swallows it must not keep writers waiting. */
const STALL_MS = 10_000;

/** All of them, also behind the first failure: what follows may use the same sessions. */
export async function whole(works: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** A session on every node of a side, made anew where it broke and something still has to be done. */
export class OwnerLinks {
  private constructor(
    private readonly database: Database,
    /** The single node or coordinator first. */
    private readonly sessions: Session[],
  ) {}

  static async open(database: Database): Promise<OwnerLinks> {
    const opening = await Promise.allSettled(database.nodes.map((node) => database.connect(node, STALL_MS)));
    const links = new OwnerLinks(
      database,
      opening.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
    );
    const failed = opening.find((each) => each.status === 'rejected');
    if (failed === undefined) return links;
    await links.close();
    throw failed.reason;
  }

  get all(): readonly Session[] {
    return this.sessions;
  }

  get head(): Session {
    return this.sessions[0]!;
  }

  get workers(): readonly Session[] {
    return this.sessions.slice(1);
  }

  /** Runs `work` on the single node or coordinator, once more on a new connection where the old one broke. */
  onHead<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#again(0, work);
  }

  /** The same on every worker; each is done before a failure is thrown. */
  onWorkers(work: (session: Session) => Promise<unknown>): Promise<void> {
    return whole(this.workers.map((_, worker) => this.#again(worker + 1, work)));
  }

  async #again<T>(index: number, work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.sessions[index]!;
    try {
      return await work(session);
    } catch (error) {
      if (!(error instanceof MigrateError) || error.code !== 'CONNECTION_LOST') throw error;
      await session.close();
      this.sessions[index] = await this.database.connect(this.database.nodes[index], STALL_MS);
      return work(this.sessions[index]);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()));
  }
}
