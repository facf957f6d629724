import type pg from 'pg';
import { expect } from 'vitest';
import { Database } from '../../src/citus/database.js';
import { movedTables } from '../../src/cli/support/plan.js';
import type { Context } from '../../src/core/context.js';
import { Follower } from '../../src/dualwrite/follower.js';
import { installShim } from '../../src/dualwrite/install.js';
import { ReverseFollower } from '../../src/dualwrite/reverse-follower.js';
import { installReverse } from '../../src/dualwrite/reverse-install.js';
import { noopContext } from '../../src/observe/noop.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import { connectTo } from './databases.js';
import type { Journey } from './load.js';

/** A table with what it must hold on the target, written by hand and not by the plan. */
export interface Expectation {
  readonly table: string;
  /** Columns of the row on the source, as text, and of the row on the target. */
  readonly source: string;
  readonly target: string;
}

const PINNED = `SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 3`;

export interface Sides {
  readonly source: Database;
  readonly target: Database;
  close(): Promise<void>;
}

let runs = 0;

/** Both sides as `shim` and `sync` open them. */
export async function openSides(
  journey: Readonly<Record<'source' | 'target', { readonly url: string }>>,
): Promise<Sides> {
  runs += 1;
  const runId = `follow-${process.pid}-${runs}`;
  const open = (side: 'source' | 'target'): Promise<Database> =>
    Database.open(resolveConninfo(journey[side].url, {}), { side, runId, readOnly: false });
  const source = await open('source');
  const target = await open('target');
  return { source, target, close: async () => void (await Promise.all([source.close(), target.close()])) };
}

export async function install(
  journey: Journey,
  options: { limitBytes?: number; policy?: 'warn' | 'drop'; context?: Partial<Context> } = {},
) {
  const { limitBytes = 2 ** 30, policy = 'warn' } = options;
  const { source, close } = await openSides(journey);
  try {
    const { plan } = journey;
    return await installShim(
      { source, plan, tables: movedTables(plan), limitBytes, policy },
      noopContext(options.context),
    );
  } finally {
    await close();
  }
}

/** Capture on the cluster. */
export async function installBack(
  journey: Journey,
  options: { limitBytes?: number; policy?: 'warn' | 'drop'; context?: Partial<Context> } = {},
) {
  const { limitBytes = 2 ** 30, policy = 'warn' } = options;
  const { target, close } = await openSides(journey);
  try {
    const { plan } = journey;
    return await installReverse(
      { target, plan, tables: movedTables(plan), limitBytes, policy },
      noopContext(options.context),
    );
  } finally {
    await close();
  }
}

/** A follower of the cluster and its connections. */
export async function followBack(
  journey: Journey,
  context: Partial<Context> = {},
): Promise<{ follower: ReverseFollower; close(): Promise<void> }> {
  const sides = await openSides(journey);
  try {
    const { plan } = journey;
    const follower = await ReverseFollower.open(
      { ...sides, plan, tables: movedTables(plan) },
      noopContext(context),
    );
    return {
      follower,
      close: async () => {
        await follower.close();
        await sides.close();
      },
    };
  } catch (error) {
    await sides.close();
    throw error;
  }
}

/** A follower and its connections. */
export async function follow(
  journey: Journey,
  context: Partial<Context> = {},
): Promise<{ follower: Follower; close(): Promise<void> }> {
  const sides = await openSides(journey);
  try {
    const { plan } = journey;
    const follower = await Follower.open({ ...sides, plan, tables: movedTables(plan) }, noopContext(context));
    return {
      follower,
      close: async () => {
        await follower.close();
        await sides.close();
      },
    };
  } catch (error) {
    await sides.close();
    throw error;
  }
}

/** Passes until nothing is left. */
export async function drain(follower: { pass(): Promise<{ changes: number }> }): Promise<number> {
  for (let passes = 1; ; passes += 1) if ((await follower.pass()).changes === 0) return passes;
}

/** Reads both sides by hand-written queries and compares them row by row. */
export class Oracle {
  private constructor(
    private readonly expectations: readonly Expectation[],
    private readonly source: pg.Client,
    private readonly target: pg.Client,
  ) {}

  static async open(journey: Pick<Journey, 'source' | 'target'>, expectations: readonly Expectation[]) {
    const [source, target] = [await connectTo(journey.source.url), await connectTo(journey.target.url)];
    await source.query(PINNED);
    await target.query(PINNED);
    return new Oracle(expectations, source, target);
  }

  async close(): Promise<void> {
    await Promise.all([this.source, this.target].map((client) => client.end().catch(() => {})));
  }

  /** The rows of a side, sorted; of the source under an exported snapshot where one is named. */
  async #rows(side: 'source' | 'target', select: string): Promise<string[]> {
    const { rows } = await this[side].query<{ line: string }>(
      `SELECT r::text AS line FROM (${select}) r ORDER BY (r::text) COLLATE "C"`,
    );
    return rows.map(({ line }) => line);
  }

  /** All that the target holds now. */
  async targetRows(): Promise<string[][]> {
    const all: string[][] = [];
    for (const { target } of this.expectations) all.push(await this.#rows('target', target));
    return all;
  }

  /** The target holds what the source held at that moment, in every table. */
  async expectEqual(snapshot?: string, note = ''): Promise<void> {
    await this.source.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    try {
      if (snapshot !== undefined) await this.source.query(`SET TRANSACTION SNAPSHOT '${snapshot}'`);
      for (const { table, source, target } of this.expectations) {
        const wanted = await this.#rows('source', source);
        const found = await this.#rows('target', target);
        expect({ note, table, rows: found }).toEqual({ note, table, rows: wanted });
      }
    } finally {
      await this.source.query('COMMIT');
    }
  }

  /** Every row of a distributed table lies in the shard that its hash asks for. */
  async expectPlaced(tables: readonly string[], column: string): Promise<void> {
    for (const table of tables) {
      const { rows } = await this.target.query(
        `SELECT sum(result::bigint)::int AS misplaced FROM run_command_on_placements($1::regclass,
           $$SELECT count(*) FROM %1$s WHERE NOT EXISTS (SELECT FROM pg_dist_shard s
             WHERE s.shardid = substring('%1$s' from '_(\\d+)"?$')::bigint
             AND hashtext(${column}) BETWEEN s.shardminvalue::int AND s.shardmaxvalue::int)$$)`,
        [table],
      );
      expect({ table, ...rows[0] }).toEqual({ table, misplaced: 0 });
    }
  }
}
