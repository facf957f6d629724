import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'pg';
import { BLOCKED_STATE, NOT_OWNED_STATE, type Side } from '../core/ownership.js';
import type { OwnershipView, Ruling } from './ownership-view.js';

/** Pauses between two looks at a unit that is moving, ms: a move takes a second or two. */
const SHORTEST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 200;

export interface FollowOptions {
  readonly pools: Readonly<Record<Side, Pool>>;
  readonly view: OwnershipView;
  /** How long a request may wait for its namespace to be taken by somebody, ms. */
  readonly waitMs: number;
  readonly onError: (error: Error) => void;
}

const stateOf = (error: unknown): string | undefined => (error as { code?: string } | null)?.code;

/** What Citus makes of a worker's refusal of rows that it brings by COPY, INSERT … SELECT included. */
const CITUS_COPY_STATE = 'XX000';

/** The error of a guard that refuses a write, rather than one of the statement. */
export const isRefusal = (error: unknown): boolean =>
  stateOf(error) === NOT_OWNED_STATE || stateOf(error) === BLOCKED_STATE;

/** Sends work to whoever owns a namespace, and after it when it moves meanwhile. */
export class Following {
  readonly #helping = new Map<string, Promise<unknown>>();

  constructor(private readonly options: FollowOptions) {}

  ownerOf(namespace: string | null): Side {
    return this.options.view.of(namespace).side;
  }

  /**
   * Runs `work`, which does all or nothing, on the owner's pool, and again where a guard has refused it: elsewhere when
   * the namespace has moved, or later while it moves. Throws the refusal when it has not moved, or in `waitMs`.
   */
  async run<T>(namespace: string | null, work: (side: Side, pool: Pool) => Promise<T>): Promise<T> {
    const { view, pools, waitMs } = this.options;
    const deadline = Date.now() + waitMs;
    for (;;) {
      const before = view.of(namespace);
      try {
        return await work(before.side, pools[before.side]);
      } catch (error) {
        const blocked = await this.#refused(namespace, before, error);
        if (blocked === undefined || !(await this.#moved(namespace, before, deadline, blocked))) throw error;
      }
    }
  }

  /** Whether a guard has refused because the namespace is moving at the moment; undefined: no guard has refused. */
  async #refused(namespace: string | null, before: Ruling, error: unknown): Promise<boolean | undefined> {
    if (isRefusal(error)) return stateOf(error) === BLOCKED_STATE;
    if (stateOf(error) !== CITUS_COPY_STATE) return undefined;
    // Without its SQLSTATE only what has happened meanwhile tells. The statement had no effect in either case.
    await this.options.view.refresh();
    const now = this.options.view.of(namespace);
    if (now.blocked) return true;
    return now.side !== before.side || now.epoch !== before.epoch || now.untaken ? false : undefined;
  }

  /** Whether it is worth another attempt. */
  async #moved(
    namespace: string | null,
    before: Ruling,
    deadline: number,
    blocked: boolean,
  ): Promise<boolean> {
    const { view } = this.options;
    for (let waitMs = SHORTEST_WAIT_MS; ; waitMs = Math.min(LONGEST_WAIT_MS, 2 * waitMs)) {
      await view.refresh();
      const now = view.of(namespace);
      if (now.untaken) await this.#help(now, `SELECT citus_migrate.take_over($1, $2)`, [now.unit, now.epoch]);
      else if (now.side !== before.side || now.epoch !== before.epoch) return true;
      else if (!blocked && !before.untaken) return false;
      // The block has run out; or it is a worker's, which its coordinator has forgotten.
      else if (!now.blocked && waitMs > SHORTEST_WAIT_MS) {
        await this.#help(now, 'SELECT citus_migrate.settle_owners()', []);
        return Date.now() < deadline;
      }
      if (Date.now() >= deadline) return false;
      await pause(waitMs);
    }
  }

  /** What any application may do to bring an interrupted move to its end; one of them at a time is enough. */
  async #help({ side, unit, epoch }: Ruling, statement: string, values: readonly unknown[]): Promise<void> {
    const { pools, onError, view } = this.options;
    const key = `${statement} ${side} ${unit} ${epoch}`;
    const helping =
      this.#helping.get(key) ??
      pools[side]
        .query(statement, values as unknown[])
        .then(() => view.refresh(), onError)
        .finally(() => this.#helping.delete(key));
    this.#helping.set(key, helping);
    await helping;
  }
}
