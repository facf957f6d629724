import type { Pool, PoolClient } from 'pg';
import { laterOf, type OwnershipRow, ruling, type Side } from '../core/ownership.js';
import { sql } from '../postgres/sql-files.js';

/** There is no table of owners (42P01), or not even its schema (3F000): nothing moves yet, or any more. */
const MISSING = new Set(['42P01', '3F000']);

const SIDES = ['source', 'target'] as const satisfies Side[];
const CHANNEL = 'citus_migrate_ownership';

export interface ViewOptions {
  readonly source: Pool;
  readonly target: Pool;
  /** The longest time between two looks at both sides, ms. */
  readonly pollMs: number;
  /** Besides, be told at once: takes one connection of each pool. Needs a session of its own on the server. */
  readonly listen: boolean;
  /** Who owns everything where no side keeps owners. */
  readonly unguarded: Side;
  /** What went wrong in the background, and will be tried again. */
  readonly onError: (error: Error) => void;
}

/** Where the writes of a namespace belong. */
export interface Ruling {
  readonly side: Side;
  readonly unit: string | null;
  readonly epoch: number;
  /** Nobody takes them at the moment. */
  readonly blocked: boolean;
  /** The owner does not know yet: the other side has given the unit away, and it was not taken. */
  readonly untaken: boolean;
}

type Rows = ReadonlyMap<string, OwnershipRow>;

/** What both sides say about owners, never older than a poll. A side that does not answer counts as it last was. */
export class OwnershipView {
  readonly #rows: Record<Side, Rows> = { source: new Map(), target: new Map() };
  readonly #listeners = new Map<Side, PoolClient>();
  #merged: Rows = new Map();
  #refreshing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(private readonly options: ViewOptions) {}

  /** Reads both sides and begins to follow them. Throws when neither answers. */
  async start(): Promise<void> {
    const failed = await this.#read();
    if (failed.length === SIDES.length) throw failed[0];
    await this.#listen();
    this.#again();
  }

  of(namespace: string | null): Ruling {
    const row = ruling(this.#merged, namespace);
    if (row === undefined)
      return { side: this.options.unguarded, unit: null, epoch: 0, blocked: false, untaken: false };
    const own = this.#rows[row.owner].get(row.unit);
    const epoch = own?.epoch ?? 0;
    // A name that is only held is blocked although its bucket decides.
    const held = namespace === null ? undefined : this.#merged.get(`n:${namespace}`);
    const blocked = [row, held].some((one) => one !== undefined && (one.blockedUntil ?? 0) > Date.now());
    return { side: row.owner, unit: row.unit, epoch: row.epoch, blocked, untaken: epoch < row.epoch };
  }

  /** Looks at both sides now; calls at the same time share one look that began after each of them. */
  async refresh(): Promise<void> {
    if (this.#refreshing !== undefined) await this.#refreshing;
    this.#refreshing ??= this.#read().then(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#refreshing;
    for (const client of this.#listeners.values()) {
      await client.query(`UNLISTEN ${CHANNEL}`).catch(() => {});
      client.release();
    }
    this.#listeners.clear();
  }

  #again(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.refresh()
        .then(() => this.#listen())
        .finally(() => this.#again());
    }, this.options.pollMs);
    // An application that has nothing else to do may end.
    this.#timer.unref();
  }

  /** Never throws; returns what went wrong. */
  async #read(): Promise<Error[]> {
    const answers = await Promise.allSettled(
      // Its own connection, where there is one: those of the pool may all be waiting for what is read here.
      SIDES.map((side) => readRows(this.#listeners.get(side) ?? this.options[side])),
    );
    const failed: Error[] = [];
    answers.forEach((answer, index) => {
      if (answer.status === 'fulfilled') this.#rows[SIDES[index]!] = answer.value;
      else failed.push(answer.reason as Error);
    });
    for (const error of failed) this.options.onError(error);
    const { source, target } = this.#rows;
    const units = new Set([...source.keys(), ...target.keys()]);
    this.#merged = new Map([...units].map((unit) => [unit, laterOf(source.get(unit), target.get(unit))!]));
    return failed;
  }

  async #listen(): Promise<void> {
    for (const side of SIDES) {
      if (!this.options.listen || this.#closed || this.#listeners.has(side)) continue;
      try {
        const client = await this.options[side].connect();
        this.#listeners.set(side, client);
        client.on('notification', () => void this.refresh());
        client.on('error', () => this.#lost(side, client));
        client.on('end', () => this.#lost(side, client));
        await client.query(`LISTEN ${CHANNEL}`);
      } catch (error) {
        const client = this.#listeners.get(side);
        if (client !== undefined) this.#lost(side, client);
        this.options.onError(error as Error);
      }
    }
  }

  #lost(side: Side, client: PoolClient): void {
    if (this.#listeners.get(side) !== client) return;
    this.#listeners.delete(side);
    client.release(true);
  }
}

async function readRows(pool: Pick<Pool, 'query'> | PoolClient): Promise<Rows> {
  type Row = Omit<OwnershipRow, 'epoch' | 'blockedUntil'> & {
    epoch: string;
    blockedUntil: number | null;
  };
  try {
    const { rows } = await pool.query<Row>(sql('router/ownership'));
    return new Map(
      rows.map((row) => [
        row.unit,
        { unit: row.unit, owner: row.owner, epoch: Number(row.epoch), blockedUntil: row.blockedUntil },
      ]),
    );
  } catch (error) {
    if (MISSING.has((error as { code?: string }).code ?? '')) return new Map();
    throw error;
  }
}
