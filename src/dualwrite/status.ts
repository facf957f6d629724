import type { Database } from '../citus/database.js';
import { displayName, parseName } from '../core/names.js';
import { sql } from '../postgres/sql-files.js';
import { logOf } from './names.js';
import { readSizes } from './segments.js';
import { brokenTriggers, changedShapes, readShapes } from './shape.js';
import { type LogPolicy, readCaptured, readState, whyDropped } from './state.js';

export interface ShimTable {
  readonly table: string;
  /** Every trigger is there and fires. */
  readonly captured: boolean;
  /** Logged changes that have not been applied. */
  readonly changes: number;
  readonly logBytes: number;
}

export interface ShimStatus {
  readonly installed: true;
  readonly installedAt: string;
  readonly tables: readonly ShimTable[];
  readonly log: {
    readonly changes: number;
    /** Age of the oldest change that has not been applied. */
    readonly seconds: number;
    readonly bytes: number;
    readonly limitBytes: number;
    readonly policy: LogPolicy;
  };
  /** Why a later `sync` cannot bring the target up to date; empty: nothing was lost. */
  readonly problems: readonly string[];
}

/** What is captured, and how much of it waits; null: there is no shim. */
export async function shimStatus({ session }: Database): Promise<ShimStatus | null> {
  const state = await readState(session);
  if (state === undefined) return null;
  const captured = await readCaptured(session);
  const shapes = await readShapes(
    session,
    captured.map(({ table }) => table),
  );
  const sizes = await readSizes(session);
  const drained = state.drained ?? '1:1:';
  const tables: ShimTable[] = [];
  let seconds = 0;
  for (const { id, table } of captured) {
    const { changes, at } = await session.one<{ changes: string; at: string | null }>(
      sql('dualwrite/pending', { id, log_1: logOf(id, 1), log_2: logOf(id, 2), drained }),
      'read the change log',
    );
    const mine = shapes.filter((shape) => shape.root === table);
    tables.push({
      table: displayName(parseName(table)),
      captured: mine.length > 0 && brokenTriggers(mine).length === 0,
      changes: Number(changes),
      logBytes: sizes.reduce((sum, size) => (size.id === id ? sum + size.bytes : sum), 0),
    });
    seconds = Math.max(seconds, Number(at ?? 0));
  }
  const dropped = whyDropped(state);
  const recorded = captured.flatMap(({ shape }) => shape);
  return {
    installed: true,
    installedAt: state.installedAt,
    tables,
    log: {
      changes: tables.reduce((sum, table) => sum + table.changes, 0),
      seconds,
      bytes: tables.reduce((sum, table) => sum + table.logBytes, 0),
      limitBytes: state.limitBytes,
      policy: state.policy,
    },
    problems: [
      ...(dropped === undefined ? [] : [dropped]),
      ...(state.drained === null || captured.some(({ since }) => since === null)
        ? ['the install was never finished']
        : []),
      ...changedShapes(recorded, shapes),
      ...brokenTriggers(shapes),
    ],
  };
}
