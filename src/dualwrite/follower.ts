import type { Database } from '../citus/database.js';
import { SessionPool } from '../citus/pool.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Ledger } from '../ledger/ledger.js';
import { admit } from '../load/admission.js';
import { routeKeyOf } from '../load/direct-lane.js';
import { requireTables } from '../load/preflight.js';
import { requireReadable } from '../postgres/rights.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { refuseAbandoned } from './abandoned.js';
import { type Copied, requireCopied } from './copied.js';
import { SYNC_ID } from './node-pass.js';
import { applyMoment, unroutable } from './pass.js';
import { PassCheck } from './pass-check.js';
import { keySearchPath } from './search-path.js';
import { rotateSegments } from './segments.js';
import { BOUND_LOCKS } from './short-lock.js';
import { openMoment, requireCapturing, requireShapes, type SourceMoment } from './snapshot.js';
import { type CapturedRow, lockShim, missingShim, readCaptured, readState } from './state.js';
import { type Window, WindowSql } from './window.js';

export interface FollowRequest {
  /** The side that takes writes. */
  readonly source: Database;
  readonly target: Database;
  readonly plan: Plan;
  /** Those that are moved; what is not captured of them is told. */
  readonly tables: readonly TablePlan[];
}

/** What one pass found and did. */
export interface Pass {
  /** pg_current_snapshot() of the source: the target is what the source was then. */
  readonly visible: string;
  /** Logged changes that waited when the pass began; 0: the target was the source at that moment already. */
  readonly changes: number;
  /** Age of the oldest of them, seconds. */
  readonly seconds: number;
  /** Rows that were copied in. */
  readonly rows: number;
}

/** While it is called the source's moment is held, and the target equals it. */
export type AtFence = (moment: SourceMoment) => Promise<void>;

/** Follows one source with one target, pass by pass. */
export class Follower {
  #reader: Session | undefined;
  #resumed = false;
  readonly #pool: SessionPool;

  private constructor(
    private readonly request: FollowRequest,
    private readonly control: Session,
    private readonly ledger: Ledger,
    private readonly captured: readonly CapturedRow[],
    private readonly copied: Copied,
    private readonly check: PassCheck,
    private readonly context: Context,
  ) {
    const { target } = request;
    this.#pool = new SessionPool((node) => target.connect(node));
  }

  /**
   * Locks both sides for this run and checks that what the target holds was copied while changes were captured.
   * Throws PHASE_REFUSED, SHIM_MISSING, COPIED_TOO_EARLY, CAPTURE_LOST, SCHEMA_DRIFT, SHIM_DIFFERS, RUN_LOCKED, …;
   * TRANSIENT while another session has a captured table alone.
   */
  static async open(request: FollowRequest, context: Context): Promise<Follower> {
    const { source, target } = request;
    await refuseAbandoned(source);
    const control = await source.connect();
    try {
      await lockShim(control);
      await control.query(BOUND_LOCKS);
      const state = await readState(control);
      if (state === undefined) throw missingShim(control.server);
      requireCapturing(state);
      refuseOther(state.target, target);
      const captured = await readCaptured(control);
      const byName = new Map(request.plan.tables.map((table) => [qualified(table), table]));
      const unknown = captured.filter(({ table }) => !byName.has(table)).map(({ table }) => table);
      if (unknown.length > 0) {
        throw new MigrateError('SHIM_DIFFERS', {
          message: `The shim captures tables that the plan does not hold: ${unknown.join(', ')}`,
        });
      }
      const followed = captured.map(({ table }) => byName.get(table)!);
      const stranger = followed.find(
        (table) =>
          table.placement.kind === 'distributed' &&
          target.kind === 'citus' &&
          routeKeyOf(table) === undefined,
      );
      if (stranger !== undefined) throw unroutable(stranger);
      await requireShapes(control, captured);
      await requireReadable(control, followed);
      const ledger = await admit({
        writer: target,
        tables: followed,
        direction: 'forward',
        loadId: SYNC_ID,
        keepsRows: false,
        lanes: true,
        log: context.log,
        fail: context.fail,
      });
      try {
        await requireTables(target, followed, 'forward');
        const copied = await requireCopied({ control, target, ledger, captured, tables: followed });
        const check = await PassCheck.open(source, target, followed);
        for (const reason of check.counted.values()) context.log.warn(`In passes, too, ${reason}`);
        return new Follower(request, control, ledger, captured, copied, check, context);
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

  /** Brings the target to one moment of the source. After an error the same pass can be tried again. */
  async pass(atFence?: AtFence): Promise<Pass> {
    const { source, target } = this.request;
    const { fail } = this.context;
    this.#reader ??= await source.connect();
    const reader = this.#reader;
    try {
      const searchPath = keySearchPath(this.request.plan);
      const moment = await openMoment(reader, this.captured, searchPath);
      refuseOther(moment.state.target, target);
      const windows = this.#windows(moment);
      const windowSql = new WindowSql(windows, moment.state.drained);
      const idle = !windows.some((window) => windowSql.touches(window));
      const rows = idle
        ? 0
        : await applyMoment(
            {
              target,
              reader,
              pool: this.#pool,
              windows,
              sql: windowSql,
              searchPath,
              resumed: this.#resumed,
              check: this.check,
            },
            this.context,
          );
      await atFence?.(moment);
      await reader.query('COMMIT', 'end the pass');
      if (!idle) {
        await fail('sync: after all commits, before the log is told');
        await this.#consume(moment);
        await fail('sync: after the log was told');
      }
      this.#resumed = false;
      return { visible: moment.visible, changes: moment.changes, seconds: moment.seconds, rows };
    } catch (error) {
      this.#resumed = true;
      this.#reader = undefined;
      await reader.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#reader?.close()]);
    await this.ledger.close();
    await this.control.close();
  }

  #windows({ pending }: SourceMoment): Window[] {
    const { plan } = this.request;
    return this.captured.map(({ id, table: name, tracked, shape }) => {
      const table = plan.tables.find((each) => qualified(each) === name)!;
      const { changes, truncated } = pending.find((each) => each.id === id)!;
      return {
        id,
        table,
        tracked,
        partitioned:
          shape.length > 1 ||
          plan.catalog.tables.some((def) => qualified(def) === name && def.kind === 'partitioned'),
        changes,
        truncated: truncated || this.copied.whole.has(id),
        unproven: this.copied.unproven.has(id),
      };
    });
  }

  async #consume({ visible, state }: SourceMoment): Promise<void> {
    const { whole, unproven } = this.copied;
    await this.control.transaction(async () => {
      await this.control.query(
        sql('dualwrite/drained', { drained: visible, target: identityOf(this.request.target) }),
        'mark what has been applied',
      );
      for (const [id, proven] of unproven) await this.control.query(sql('dualwrite/proven', { id, proven }));
    });
    whole.clear();
    unproven.clear();
    await this.context.fail('sync: before the log is emptied');
    await rotateSegments(this.control, state.segment, visible);
  }
}

/** A database, whatever it is called from here. */
export function identityOf({ facts }: Database): string {
  return `${facts.systemIdentifier}/${facts.databaseOid}`;
}

/** What was applied to one target is missing on any other. */
export function refuseOther(known: string | null, target: Database): void {
  if (known === null || known === identityOf(target)) return;
  throw new MigrateError('SHIM_DIFFERS', {
    message: 'The changes that this shim captures are applied to another target',
  });
}
