import type { Database, Node } from '../citus/database.js';
import { SessionPool } from '../citus/pool.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Ledger } from '../ledger/ledger.js';
import { admit } from '../load/admission.js';
import { requireReadable } from '../postgres/rights.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { refuseAbandoned } from './abandoned.js';
import { identityOf, type Pass, refuseOther } from './follower.js';
import { PassCheck } from './pass-check.js';
import { makeReturns, withProbes } from './probe-tables.js';
import { type NodeMoment, openReverseMoment, type ReverseMoment } from './reverse-moment.js';
import { applyReverse } from './reverse-pass.js';
import { isTaken, REVERSE_ID, ReverseWrite } from './reverse-write.js';
import { keySearchPath } from './search-path.js';
import { rotateSegments } from './segments.js';
import { BOUND_LOCKS } from './short-lock.js';
import { requireCapturing, requireShapes } from './snapshot.js';
import { type CapturedRow, lockShim, missingShim, readCaptured, readState } from './state.js';
import type { Window } from './window.js';

export interface ReverseFollowRequest {
  /** The single node, which is written. */
  readonly source: Database;
  /** The cluster, which takes writes. */
  readonly target: Database;
  readonly plan: Plan;
  /** Those that were moved; what is not captured of them is told. */
  readonly tables: readonly TablePlan[];
}

/** While it is called the cluster's moment is held, and the single node equals it. */
export type AtReverseFence = (moment: ReverseMoment) => Promise<void>;

/** Follows one cluster with the single node that it came from, pass by pass. */
export class ReverseFollower {
  #resumed = false;
  readonly #pool: SessionPool;
  readonly #back: SessionPool;

  private constructor(
    private readonly request: ReverseFollowRequest,
    private readonly control: Session,
    private readonly ledger: Ledger,
    private readonly captured: readonly CapturedRow[],
    private readonly check: PassCheck,
    private readonly context: Context,
  ) {
    const { source, target } = request;
    this.#pool = new SessionPool((node) => target.connect(node));
    this.#back = new SessionPool((node) => source.connect(node));
  }

  /**
   * Locks both sides for this run. Throws PHASE_REFUSED, SHIM_MISSING, CAPTURE_LOST, SCHEMA_DRIFT, SHIM_DIFFERS, RUN_LOCKED, …;
   * TRANSIENT while another session has a captured table alone.
   */
  static async open(request: ReverseFollowRequest, context: Context): Promise<ReverseFollower> {
    const { source, target } = request;
    await refuseAbandoned(source);
    const control = await target.connect();
    try {
      await lockShim(control);
      await control.query(BOUND_LOCKS);
      const state = await readState(control);
      if (state === undefined) throw missingShim(control.server);
      requireCapturing(state);
      refuseOther(state.target, source);
      const captured = await readCaptured(control);
      const plan = withProbes(request.plan, captured);
      const byName = new Map(plan.tables.map((table) => [qualified(table), table]));
      const unknown = captured.filter(({ table }) => !byName.has(table)).map(({ table }) => table);
      if (unknown.length > 0) {
        throw new MigrateError('SHIM_DIFFERS', {
          message: `The cluster's shim captures tables that the plan does not hold: ${unknown.join(', ')}`,
        });
      }
      const followed = captured.map(({ table }) => byName.get(table)!);
      await requireShapes(control, captured);
      await requireReadable(control, followed);
      const ledger = await admit({
        writer: source,
        tables: followed,
        direction: 'reverse',
        loadId: REVERSE_ID,
        keepsRows: false,
        lanes: false,
        log: context.log,
        fail: context.fail,
      });
      try {
        await makeReturns(source, captured);
        const check = await PassCheck.open(source, target, followed);
        return new ReverseFollower({ ...request, plan }, control, ledger, captured, check, context);
      } catch (error) {
        await ledger.close();
        throw error;
      }
    } catch (error) {
      await control.close();
      throw error;
    }
  }

  /** Display names of the tables that are followed, and of planned ones that nobody captures. */
  get tables(): { readonly followed: readonly string[]; readonly notCaptured: readonly string[] } {
    const known = new Set(this.captured.map(({ table }) => table));
    const names = (wanted: boolean): string[] =>
      this.request.tables.filter((table) => known.has(qualified(table)) === wanted).map(({ table }) => table);
    return { followed: names(true), notCaptured: names(false) };
  }

  /**
   * Brings the single node to what the cluster is. With `atFence` all nodes are seen at one moment, for which writers
   * wait some milliseconds; without, each node at its own, so that a transaction that wrote on several nodes may
   * arrive in two passes. After an error the same pass can be tried again.
   */
  async pass(atFence?: AtReverseFence): Promise<Pass> {
    if (atFence !== undefined) return this.#attempt(true, atFence);
    try {
      return await this.#attempt(false);
    } catch (error) {
      // A row that went from one node to another may have been seen on both.
      if (!isTaken(error)) throw error;
      return this.#attempt(true);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#back.close()]);
    await this.ledger.close();
    await this.control.close();
  }

  async #attempt(exact: boolean, atFence?: AtReverseFence): Promise<Pass> {
    const { target, plan } = this.request;
    const { fail } = this.context;
    const { captured } = this;
    const searchPath = keySearchPath(plan);
    const sessions = new Map<Node, Session>();
    try {
      const moment = await openReverseMoment(
        { target, pool: this.#pool, captured, searchPath, exact },
        sessions,
      );
      await moment.members.before();
      const windows = this.#windows(moment);
      const rows = windows.length === 0 ? 0 : await this.#apply(moment, windows, searchPath);
      await atFence?.(moment);
      for (const [node, session] of sessions) {
        await session.query('COMMIT', 'end the pass');
        this.#pool.giveBack(node, session);
        sessions.delete(node);
      }
      if (windows.length > 0) {
        await fail('sync back: after the commit, before the logs are told');
        for (const node of moment.nodes) if (node.changes > 0) await this.#consume(node);
        await fail('sync back: after the logs were told');
      }
      await moment.members.after();
      this.#resumed = false;
      const { changes, seconds } = moment;
      const visible = moment.nodes.map((node) => `${node.node.name} ${node.visible}`).join(', ');
      return { visible, changes, seconds, rows };
    } catch (error) {
      this.#resumed = true;
      await Promise.all([...sessions.values()].map((session) => session.close()));
      throw error;
    }
  }

  async #apply(moment: ReverseMoment, windows: readonly Window[], searchPath: string): Promise<number> {
    const { source, target, plan } = this.request;
    const write = await ReverseWrite.open(this.#back, source, plan, { resumed: this.#resumed, searchPath });
    try {
      const rows = await applyReverse({ target, moment, windows, check: this.check }, write, this.context);
      for (const node of moment.nodes) if (node.changes > 0) await this.#flush(node.node);
      await write.commit();
      return rows;
    } finally {
      await write.end();
    }
  }

  /**
   * A transaction that was committed with synchronous_commit = off is seen before it is on disk: a crash of its node
   * would take it back, and not what was brought from it. This waits until all that was seen is on disk.
   */
  async #flush(node: Node): Promise<void> {
    await this.#pool.use(node, (session) =>
      session.query(sql('dualwrite/flush'), 'wait until what was read is on disk'),
    );
  }

  #windows({ nodes }: ReverseMoment): Window[] {
    const { plan } = this.request;
    return this.captured.flatMap(({ id, table: name, tracked, shape }) => {
      const pending = nodes.flatMap((node) => node.pending.filter((each) => each.id === id));
      const changes = pending.reduce((sum, each) => sum + each.changes, 0);
      const truncated = pending.some((each) => each.truncated);
      if (changes === 0 && !truncated) return [];
      const table = plan.tables.find((each) => qualified(each) === name)!;
      return [{ id, table, tracked, partitioned: shape.length > 1, changes, truncated, unproven: false }];
    });
  }

  /** Tells one node that everything its snapshot saw has arrived, and empties its log. */
  async #consume({ node, visible, state }: NodeMoment): Promise<void> {
    const { source } = this.request;
    await this.#pool.use(node, async (session) => {
      await session.transaction(
        () =>
          session.query(
            sql('dualwrite/drained', { drained: visible, target: identityOf(source) }),
            'mark what has been brought back',
          ),
        'ISOLATION LEVEL READ COMMITTED',
      );
      await this.context.fail('sync back: after one node was told');
      await rotateSegments(session, state.segment, visible);
    });
  }
}
