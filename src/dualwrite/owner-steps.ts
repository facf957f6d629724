import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { quoteLiteral } from '../core/names.js';
import { ANY_LOCK, lockOf, type Side, VIA_LOCK } from '../core/ownership.js';
import { isState, type Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { LOCK_CLASS } from './owner-schema.js';
import { LOCK_WAIT_MS } from './short-lock.js';

/** Pauses between two looks at transactions that write, ms: they are short, and writes are being held up. */
const SHORTEST_LOOK_MS = 5;
const LONGEST_LOOK_MS = 50;

/** A lock was not granted in time, or two waited for each other: nothing was done, and it may be tried again. */
const BUSY = ['55P03', '40P01', '57014'];

/** Units that one side holds, as statements name them. */
export interface Holding {
  readonly units: readonly string[];
  readonly side: Side;
  /** Names the one attempt that may decide. */
  readonly token: string;
}

const variables = ({ units, side, token }: Holding): Record<string, string> => ({
  units: units.map(quoteLiteral).join(', '),
  side,
  token,
});

/** Advisory locks of units, in order, with that of writers whose unit is not known. */
const locksOf = (units: readonly string[]): string =>
  [...new Set([...units.map(lockOf), ANY_LOCK])].sort((one, other) => one - other).join(', ');

/** One transaction whose locks are waited for in attempts that are too short to disturb others. */
async function briefly<T>(
  session: Session,
  until: number,
  context: Context,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    throwIfAborted(context.signal);
    try {
      return await session.transaction(async () => {
        await session.query(
          // Whoever vanishes in the middle must not keep writers waiting for as long as a dead link is believed.
          `SET LOCAL lock_timeout = ${LOCK_WAIT_MS}; SET LOCAL statement_timeout = ${2 * LOCK_WAIT_MS}; SET LOCAL idle_in_transaction_session_timeout = ${4 * LOCK_WAIT_MS}`,
        );
        return await work();
      }, 'ISOLATION LEVEL READ COMMITTED');
    } catch (error) {
      if (!BUSY.some((state) => isState(error, state))) throw error;
      if (Date.now() < until) continue;
      throw new MigrateError('WRITERS_BUSY', {
        message: `Transactions on ${session.server} kept the owners of writes from being changed`,
        cause: error,
      });
    }
  }
}

/** Blocks those of the units that this node owns; returns them. */
export async function blockHere(
  session: Session,
  holding: Holding,
  { ms, until }: { readonly ms: number; readonly until: number },
  context: Context,
): Promise<string[]> {
  const statement = sql('dualwrite/owner-block', { ...variables(holding), ms: Math.round(ms) });
  const rows = await briefly(session, until, context, () =>
    session.query<{ unit: string }>(statement, 'block writes'),
  );
  return rows.map(({ unit }) => unit);
}

/**
 * Waits until whoever has written to the blocked units and not ended by now has ended; returns how many have not by
 * `until`. Rows that are placed by their parents need a second look: their writers may have read a parent that has
 * come into one of the units since, by a transaction that the first look has waited for. No other can follow it.
 */
export async function awaitWritersHere(
  session: Session,
  units: readonly string[],
  until: number,
  context: Context,
): Promise<number> {
  const left = await awaitLocks(session, `${locksOf(units)}, ${VIA_LOCK}`, until, context);
  return left > 0 ? left : awaitLocks(session, String(VIA_LOCK), until, context);
}

async function awaitLocks(
  session: Session,
  locks: string,
  until: number,
  { signal }: Context,
): Promise<number> {
  const statement = sql('dualwrite/owner-writers', { lock_class: LOCK_CLASS, locks });
  const look = async (): Promise<Set<string>> => {
    const rows = await session.query<{ writer: string }>(statement, 'look for writers');
    return new Set(rows.map(({ writer }) => writer));
  };
  let left = await look();
  for (let pauseMs = SHORTEST_LOOK_MS; left.size > 0; pauseMs = Math.min(LONGEST_LOOK_MS, 2 * pauseMs)) {
    if (Date.now() >= until) return left.size;
    await pause(pauseMs, undefined, { signal }).catch(() => throwIfAborted(signal));
    // Those that have come since have seen the block.
    const now = await look();
    left = new Set([...left].filter((writer) => now.has(writer)));
  }
  return 0;
}

/**
 * Changes the rows of the units (`change`: assignments) behind their locks; returns the largest epoch among them then.
 * Throws BLOCK_EXPIRED when they are not held by this attempt any more, WRITERS_BUSY.
 */
export async function decideHere(
  session: Session,
  holding: Holding,
  { change, until }: { readonly change: string; readonly until: number },
  context: Context,
): Promise<number> {
  const locks = sql('dualwrite/owner-locks', { lock_class: LOCK_CLASS, locks: locksOf(holding.units) });
  const statement = sql('dualwrite/owner-decide', { ...variables(holding), change });
  return briefly(session, until, context, async () => {
    await session.query(locks, 'keep writers away');
    const rows = await session.query<{ epoch: string }>(statement, 'change the owner');
    if (rows.length === holding.units.length) return Math.max(...rows.map(({ epoch }) => Number(epoch)));
    throw new MigrateError('BLOCK_EXPIRED', { context: { server: session.server } });
  });
}

/** By which move all of the units went to the other side together; undefined: they did not. */
export async function givenHere(
  session: Session,
  units: readonly string[],
  to: Side,
): Promise<number | undefined> {
  const rows = await session.query<{ owner: Side; epoch: string }>(
    sql('dualwrite/owner-given', { units: units.map(quoteLiteral).join(', ') }),
    'look whether writes have moved',
  );
  const given = rows.length === units.length && rows.every(({ owner }) => owner === to);
  const epochs = new Set(rows.map(({ epoch }) => Number(epoch)));
  return given && epochs.size === 1 ? [...epochs][0] : undefined;
}

/** Ends this attempt's block; returns the units that it still held here. */
export async function releaseHere(session: Session, holding: Holding): Promise<string[]> {
  if (holding.units.length === 0) return [];
  const rows = await session.query<{ unit: string }>(
    sql('dualwrite/owner-release', variables(holding)),
    'end the block of writes',
  );
  return rows.map(({ unit }) => unit);
}

/** Takes a decision over that was made elsewhere, unless a later one is known. */
export async function adoptHere(
  session: Session,
  units: readonly string[],
  owner: Side,
  epoch: number,
): Promise<void> {
  const later = JSON.stringify(units.map((unit) => ({ unit, owner, epoch })));
  await session.query(`SELECT citus_migrate.adopt(${quoteLiteral(later)}::jsonb)`, 'follow the owner');
}
