import { randomUUID } from 'node:crypto';
import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { quoteLiteral } from '../core/names.js';
import type { OwnershipRow, Side } from '../core/ownership.js';
import { isState, type Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { OwnerLinks, whole } from './owner-links.js';
import { createOwnership, removeOwnership } from './owner-schema.js';
import {
  adoptHere,
  awaitWritersHere,
  blockHere,
  decideHere,
  givenHere,
  type Holding,
  releaseHere,
} from './owner-steps.js';

const UNDEFINED_TABLE = '42P01';
interface Attempt {
  readonly token: string;
  /** By this machine's clock; each node counts by its own. */
  readonly until: number;
  /** Its block could not be ended on every node. */
  left?: true;
}

/**
 * Who takes the writes, as one side has it, and the steps by which that changes: block, awaitWriters, (a last pass and
 * all checks by the caller), give here; then take on the other side. Each node of a cluster decides by rows of its
 * own. They are kept in step without two-phase commit: workers are held until the coordinator, whose row is the
 * decision, has made it, and follow it afterwards.
 *
 * A process that dies before the decision leaves a block, which runs out; on a cluster workers may stay held until
 * anybody calls `citus_migrate.settle_owners()`, as routers and `open` do. One that dies after it leaves units that
 * nobody takes writes for until `take`, or a router, opens them on the other side.
 */
export class Owners {
  readonly side: Side;
  readonly #attempts = new Map<string, Attempt>();

  private constructor(
    readonly database: Database,
    private readonly links: OwnerLinks,
    private readonly context: Context,
  ) {
    this.side = database.options.side;
  }

  /** Makes the table and its functions on every node where they are missing; new units belong to the source. */
  static install(database: Database): Promise<void> {
    return createOwnership(database);
  }

  /** Takes them away. Guards have to be gone: without the table they refuse every write. */
  static remove(database: Database): Promise<void> {
    return removeOwnership(database);
  }

  /** Connects to every node, and makes workers follow the coordinator. Throws OWNERSHIP_MISSING. */
  static async open(database: Database, context: Context): Promise<Owners> {
    const owners = new Owners(database, await OwnerLinks.open(database), context);
    try {
      await owners.read();
      if (database.kind === 'citus') {
        await owners.links.head.query('SELECT citus_migrate.settle_owners()', 'make the workers follow');
      }
      return owners;
    } catch (error) {
      await owners.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.links.close();
  }

  /** The rows of the single node or coordinator. Throws OWNERSHIP_MISSING. */
  async read(): Promise<OwnershipRow[]> {
    type Row = Omit<OwnershipRow, 'epoch' | 'blockedUntil'> & { epoch: string; blockedUntil: number | null };
    try {
      const rows = await this.links.head.query<Row>(sql('dualwrite/owner-read'), 'read who owns the writes');
      return rows.map((row) => ({ ...row, epoch: Number(row.epoch) }));
    } catch (error) {
      if (!isState(error, UNDEFINED_TABLE)) throw error;
      throw new MigrateError('OWNERSHIP_MISSING', {
        message: `${this.database.place} does not keep who owns the writes`,
        cause: error,
      });
    }
  }

  /**
   * Refuses new writers of these units for at most `ms` milliseconds; those under way go on (see awaitWriters). All
   * units or none. Takes the place of an earlier block of theirs. Throws UNIT_NOT_OWNED, WRITERS_BUSY.
   */
  async block(units: readonly string[], ms: number): Promise<void> {
    if (units.length === 0) return;
    const attempt: Attempt = { token: randomUUID(), until: Date.now() + ms };
    const holding = { units, side: this.side, token: attempt.token };
    const block = async (session: Session): Promise<void> => {
      const blocked = new Set(await blockHere(session, holding, { ms, until: attempt.until }, this.context));
      const others = units.filter((unit) => !blocked.has(unit));
      if (others.length > 0) throw this.#notOwned(others);
    };
    try {
      // The coordinator first: a worker that is held while it is not has been left behind, and is released by anybody.
      await block(this.links.head);
      await this.context.fail('owners: after the block of one node');
      await whole(this.links.workers.map(block));
    } catch (error) {
      await this.#release(holding);
      throw error;
    }
    for (const unit of units) this.#attempts.set(unit, attempt);
    await this.#notify();
  }

  /**
   * Waits until every transaction has ended that had written to these units before the block. Nobody queues behind
   * this. Throws WRITERS_BUSY after `timeoutMs`; then the block is ended.
   */
  async awaitWriters(units: readonly string[], timeoutMs: number): Promise<void> {
    if (units.length === 0) return;
    const until = Date.now() + timeoutMs;
    try {
      const left = await Promise.all(
        this.links.all.map((session) => awaitWritersHere(session, units, until, this.context)),
      );
      const busy = left.reduce((sum, each) => sum + each, 0);
      if (busy === 0) return;
      throw new MigrateError('WRITERS_BUSY', {
        message: `${busy} transactions that write on ${this.database.place} did not end within ${timeoutMs} ms`,
        context: { transactions: busy },
      });
    } catch (error) {
      await this.release(units);
      throw error;
    }
  }

  /**
   * Ends this one's block of these units, unless they were given away: writes go on here. Never throws; false: it
   * could not be ended on every node, and runs out by itself.
   */
  async release(units: readonly string[]): Promise<boolean> {
    const attempts = new Set(units.map((unit) => this.#attempts.get(unit)));
    let ended = true;
    for (const attempt of attempts) {
      if (attempt === undefined) continue;
      const mine = units.filter((unit) => this.#attempts.get(unit) === attempt);
      if (!attempt.left && (await this.#release({ units: mine, side: this.side, token: attempt.token })))
        continue;
      // Asked again, the coordinator would have nothing to end, and nobody would hear of its workers.
      attempt.left = true;
      ended = false;
    }
    return ended;
  }

  /**
   * THE decision: from its commit on these units belong to the other side, whatever happens here. They have to be
   * those of one block. Returns the number of the move, for `take`. Throws BLOCK_EXPIRED when the block has run out or
   * was replaced, WRITERS_BUSY; then nothing has moved and the block is ended.
   */
  async give(units: readonly string[], to: Side): Promise<number> {
    if (to === this.side) throw new MigrateError('INTERNAL', { message: `The ${to} gives writes to itself` });
    const attempt = units[0] === undefined ? undefined : this.#attempts.get(units[0]);
    if (attempt === undefined || units.some((unit) => this.#attempts.get(unit) !== attempt)) {
      throw new MigrateError('BLOCK_EXPIRED', {
        message: `Writes to these units are not held up together on ${this.database.place}`,
        context: { units },
      });
    }
    const { token, until } = attempt;
    const holding = { units, side: this.side, token };
    const decide = (session: Session, change: string): Promise<number> =>
      decideHere(session, holding, { change, until }, this.context);
    let epoch: number;
    try {
      await whole(this.links.workers.map((session) => decide(session, `blocked_until = 'infinity'`)));
      await this.context.fail('owners: before the decision');
      epoch = await decide(
        this.links.head,
        `owner = ${quoteLiteral(to)}, blocked_until = NULL, blocked_by = NULL, epoch = (SELECT max(e.epoch) + 1 FROM citus_migrate.ownership e)`,
      );
    } catch (error) {
      // Where the answer was lost, the decision may have been made.
      const decided = await this.links
        .onHead((session) => givenHere(session, units, to))
        .catch(() => undefined);
      if (decided === undefined) {
        await this.release(units);
        throw error;
      }
      epoch = decided;
    }
    for (const unit of units) this.#attempts.delete(unit);
    await this.context.fail('owners: after the decision');
    // Workers that are held refuse writes in any case: now they tell where the writes go.
    await this.links
      .onWorkers((session) => adoptHere(session, units, to, epoch))
      .catch((error: Error) =>
        this.context.log.warn(`Not all workers know the new owner yet: ${error.message}`),
      );
    await this.#notify();
    return epoch;
  }

  /** Throws where a node does not answer: before the other side gives away what nobody could take. */
  async reach(): Promise<void> {
    const reach = (session: Session): Promise<unknown> => session.query('SELECT 1', 'reach it');
    await whole([this.links.onHead(reach), this.links.onWorkers(reach)]);
  }

  /**
   * Opens units here that the other side has given away by its move `epoch`; once more, if need be. `also` is done in
   * the same transaction of the single node or coordinator.
   */
  async take(
    units: readonly string[],
    epoch: number,
    also: (session: Session) => Promise<unknown> = async () => {},
  ): Promise<void> {
    if (units.length === 0) return;
    const take = (session: Session): Promise<void> => adoptHere(session, units, this.side, epoch);
    // The coordinator last: once it is open, all nodes are.
    await this.links.onWorkers(take);
    await this.context.fail('owners: before the coordinator takes');
    await this.links.onHead((session) =>
      session.transaction(async () => {
        await take(session);
        await also(session);
      }, 'ISOLATION LEVEL READ COMMITTED'),
    );
    const rows = new Map((await this.read()).map((row) => [row.unit, row]));
    const others = units.filter((unit) => {
      const row = rows.get(unit);
      return row === undefined || row.epoch !== epoch || row.owner !== this.side;
    });
    if (others.length > 0) throw this.#notOwned(others);
  }

  /** Takes over what the other side has decided since, without asking anybody here: see `abandon`. */
  async follow(rows: readonly OwnershipRow[]): Promise<void> {
    const mine = new Map((await this.read()).map((row) => [row.unit, row.epoch]));
    const moves = new Map<string, { owner: Side; epoch: number; units: string[] }>();
    for (const { unit, owner, epoch } of rows) {
      if ((mine.get(unit) ?? 0) >= epoch) continue;
      const move = moves.get(`${owner} ${epoch}`) ?? { owner, epoch, units: [] };
      moves.set(`${owner} ${epoch}`, move);
      move.units.push(unit);
    }
    for (const { units, owner, epoch } of moves.values())
      for (const session of this.links.all) await adoptHere(session, units, owner, epoch);
    await this.#notify();
  }

  async #notify(): Promise<void> {
    await this.links.head.query('NOTIFY citus_migrate_ownership', 'tell those who follow').catch(() => {});
  }

  /** The coordinator first: what it has given away in spite of an error is not released on its workers. */
  async #release(holding: Holding): Promise<boolean> {
    try {
      const units = await this.links.onHead((session) => releaseHere(session, holding));
      await this.links.onWorkers((session) => releaseHere(session, { ...holding, units }));
      for (const unit of holding.units) this.#attempts.delete(unit);
      await this.#notify();
      return true;
    } catch (error) {
      this.context.log.warn(
        `The block of writes on ${this.database.place} could not be ended: ${(error as Error).message}`,
      );
      return false;
    }
  }

  #notOwned(units: readonly string[]): MigrateError {
    const [first] = units;
    return new MigrateError('UNIT_NOT_OWNED', {
      message: `${this.database.place} does not own ${units.length === 1 ? `unit ${first}` : `${units.length} of the units, ${first} among them`}, or not by that move`,
      context: { side: this.side, units },
    });
  }
}
