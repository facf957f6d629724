import { Connector } from '../citus/connector.js';
import type { Database } from '../citus/database.js';
import { onEachNode, ownBackends } from '../citus/each-node.js';
import { MigrateError } from '../core/errors.js';
import { LogHistory, parseLsn } from '../core/replication-lag.js';
import {
  type ActiveState,
  checksOf,
  type Observed,
  type QueryAnswer,
  type StandbyState,
  type ThrottleLimits,
  type ThrottleQuery,
} from '../core/throttle.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** A check that takes longer than this has failed: the server is in no state to be loaded further. */
const CHECK_TIMEOUT_MS = 10_000;

interface Burden {
  readonly mayRead: boolean;
  readonly lsn: string;
  readonly standbys: readonly {
    readonly standby: string;
    readonly replayed: string;
    readonly behindBytes: number;
    readonly lagMs: number;
  }[];
  readonly active: number;
}

/** What a look at one side has found. */
interface SideView {
  readonly standbys: readonly StandbyState[];
  readonly active: readonly ActiveState[];
}

/** One side, looked at over a connection of its own, which is opened anew after a failure. */
class Watched {
  readonly #connector: Connector;
  readonly #histories = new Map<string, LogHistory>();
  #session: Session | undefined;

  constructor({ connector: { kind, nodes, superuser, options } }: Database) {
    const probing = { ...options, readOnly: true, stallMs: CHECK_TIMEOUT_MS };
    this.#connector = new Connector(kind, nodes, superuser, probing);
  }

  /** Runs a check; a session in which one failed is not used again. */
  async #check<T>(work: (session: Session) => Promise<T>): Promise<T> {
    if (this.#session === undefined || this.#session.closed) {
      this.#session = await this.#connector.connect();
      // The user's statements find the tables that they find in psql.
      await this.#session.query(`SET statement_timeout = ${CHECK_TIMEOUT_MS}; RESET search_path`);
    }
    try {
      return await work(this.#session);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  look(now: () => number): Promise<SideView> {
    return this.#check(async (session) => {
      const mine = await ownBackends(session, this.#connector);
      const doing = 'look at standbys and connections';
      const burdens = await onEachNode<Burden>(session, this.#connector, sql('load/burden', { mine }), doing);
      const { side } = this.#connector.options;
      if (burdens.some(({ value }) => !value.mayRead)) {
        throw new MigrateError('RIGHTS_MISSING', {
          message: `The role may not see the standbys and connections of others on ${side}`,
          hint: 'GRANT pg_monitor to it, or leave out the limits lag and active of --throttle.',
        });
      }
      const at = now();
      const named = burdens.map(({ node, value }) => {
        const name = this.#connector.kind === 'single' ? `the ${side}` : node;
        const history = this.#histories.get(node) ?? new LogHistory();
        this.#histories.set(node, history);
        history.observe(at, parseLsn(value.lsn));
        return { name, history, value };
      });
      return {
        active: named.map(({ name, value }) => ({ node: name, active: value.active })),
        standbys: named.flatMap(({ name, history, value }) =>
          value.standbys.map(({ standby, replayed, behindBytes, lagMs }) => ({
            node: name,
            standby,
            behindBytes,
            // The server's own figure stands for a while after the standby has caught up.
            behindMs: behindBytes === 0 ? 0 : Math.max(lagMs, history.behind(at, parseLsn(replayed))),
          })),
        ),
      };
    });
  }

  ask(query: ThrottleQuery): Promise<QueryAnswer> {
    return this.#check(async (session) => {
      // As an expression it has one column and at most one row, or the server says what is wrong.
      const { value } = await session.one<{ value: unknown }>(
        `SELECT (\n${query.sql.replace(/[\s;]+$/, '')}\n) AS value`,
        'run the query of --throttle',
      );
      const answer = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      if (typeof answer === 'boolean' || (typeof answer === 'number' && !Number.isNaN(answer)))
        return { query, answer };
      throw new MigrateError('THROTTLE_INVALID', {
        message: `The query of --throttle on the ${query.on} has to answer with one row of one boolean or number`,
      });
    });
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }
}

export interface CheckedSides {
  readonly reader?: Database;
  /** The side whose standbys follow what is written; without it those of the reader count. */
  readonly writer?: Database;
}

/** A look at the servers: what there is, and what could not be looked at. */
export interface Look extends Observed {
  readonly errors: readonly MigrateError[];
}

export const NOTHING_SEEN: Look = { standbys: [], active: [], answers: [], failures: [], errors: [] };

/** Looks at the nodes of both sides as far as the limits need it. */
export class ThrottleChecks {
  readonly #sides: readonly {
    readonly side: 'source' | 'target';
    readonly writes: boolean;
    readonly at: Watched;
  }[];

  constructor({ reader, writer }: CheckedSides) {
    const databases = [...(reader ? [reader] : []), ...(writer ? [writer] : [])];
    this.#sides = databases.map((database) => ({
      side: database.connector.options.side,
      writes: database === (writer ?? reader),
      at: new Watched(database),
    }));
  }

  /** Never throws: what fails is in `errors`, and in words in `failures`. */
  async look(limits: ThrottleLimits, now: () => number): Promise<Look> {
    const { lag, active, queries } = checksOf(limits);
    const errors: MigrateError[] = [];
    const trying = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof MigrateError)) throw error;
        errors.push(error);
        return undefined;
      }
    };
    const standbys: StandbyState[] = [];
    const others: ActiveState[] = [];
    const answers: QueryAnswer[] = [];
    for (const { at, writes } of this.#sides) {
      if (!(active || (lag && writes))) continue;
      const view = await trying(() => at.look(now));
      if (view === undefined) continue;
      if (lag && writes) standbys.push(...view.standbys);
      if (active) others.push(...view.active);
    }
    for (const query of queries ? limits.queries! : []) {
      const found = this.#sides.find(({ side }) => side === query.on);
      const answer = await trying(async () => {
        if (found !== undefined) return found.at.ask(query);
        throw new MigrateError('THROTTLE_INVALID', {
          message: `A query of --throttle is for the ${query.on}, which this command does not connect to`,
        });
      });
      if (answer !== undefined) answers.push(answer);
    }
    const failures = errors.map(({ message }) => `a check failed: ${message}`);
    return { standbys, active: others, answers, failures, errors };
  }

  async close(): Promise<void> {
    await Promise.all(this.#sides.map(({ at }) => at.close()));
  }
}
