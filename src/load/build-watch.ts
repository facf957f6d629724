import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** How often the nodes are asked. */
const EVERY_MS = 1000;

/** What one node says of the builds that one backend asked for. */
export interface BuildPart {
  readonly leader: number;
  /** Shards that are built, and those that are being built. */
  readonly done: number;
  readonly active: number;
  /** Fractions of those that are being built, added up. */
  readonly part: number;
  readonly phase: string | null;
}

/** How far a build over `placements` shards is: 0 to 1, and what it is at. Pure. */
export function buildAdvance(
  parts: readonly BuildPart[],
  placements: number,
): { fraction: number; detail: string } | undefined {
  const sum = (of: (part: BuildPart) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const done = sum((part) => part.done);
  if (done + sum((part) => part.active) === 0) return undefined;
  const fraction = Math.min(1, (done + sum((part) => part.part)) / Math.max(1, placements));
  const phase = parts.find((part) => part.phase !== null)?.phase ?? 'building';
  const detail = phase.replace(/^building index: /, '');
  return { fraction, detail: placements > 1 ? `${detail}, ${done} of ${placements} shards` : detail };
}

interface Running {
  readonly label: string;
  /** Shards, copies included; 1 for a plain table. */
  readonly placements: number;
}

/**
 * Shows how far index builds are, from pg_stat_progress_create_index of every node. It asks over a connection of its
 * own; what it cannot learn is not shown.
 */
export class BuildWatch {
  readonly #writer: Database;
  readonly #context: Pick<Context, 'progress' | 'log'>;
  readonly #running = new Map<number, Running>();
  readonly #timer: NodeJS.Timeout;
  #session: Session | undefined;
  #asking = false;
  #closed = false;

  constructor(writer: Database, context: Pick<Context, 'progress' | 'log'>, everyMs = EVERY_MS) {
    this.#writer = writer;
    this.#context = context;
    this.#timer = setInterval(() => void this.#look(), everyMs);
    this.#timer.unref();
  }

  /** Runs `work`, which `session` waits for, and shows it under `running.label` meanwhile. */
  async during<T>(session: Session, running: Running, work: () => Promise<T>): Promise<T> {
    this.#running.set(session.pid, running);
    try {
      return await work();
    } finally {
      this.#running.delete(session.pid);
    }
  }

  async #look(): Promise<void> {
    if (this.#asking || this.#running.size === 0) return;
    this.#asking = true;
    try {
      this.#session ??= await this.#writer.connect();
      const parts = await this.#ask(this.#session);
      for (const [pid, { label, placements }] of this.#running) {
        const advance = buildAdvance(
          parts.filter(({ leader }) => leader === pid),
          placements,
        );
        if (advance !== undefined) this.#context.progress.advance(label, advance);
      }
    } catch (error) {
      if (!this.#closed) this.#context.log.debug('Could not ask for the progress of index builds', { error });
      await this.#session?.abandon();
      this.#session = undefined;
    } finally {
      this.#asking = false;
      if (this.#closed) await this.#session?.abandon();
    }
  }

  async #ask(session: Session): Promise<BuildPart[]> {
    const citus = this.#writer.kind === 'citus';
    const variables = {
      leaders: [...this.#running.keys()].join(', '),
      shells: citus ? 'ARRAY(SELECT logicalrelid::oid FROM pg_dist_partition)' : `'{}'::oid[]`,
    };
    const here = await session.one<{ result: BuildPart[] }>(
      sql('load/index-progress', { ...variables, own: 'true' }),
    );
    if (!citus) return here.result;
    const command = sql('load/index-progress', { ...variables, own: 'false' });
    const workers = await session.query<{ success: boolean; result: string }>(
      sql('load/on-workers', { command }),
    );
    return [
      ...here.result,
      ...workers.flatMap(({ success, result }) => (success ? (JSON.parse(result) as BuildPart[]) : [])),
    ];
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    if (!this.#asking) await this.#session?.close();
    else await this.#session?.cancel();
  }
}
