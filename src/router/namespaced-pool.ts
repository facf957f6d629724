import type { Pool, PoolClient, QueryConfig, QueryResult, QueryResultRow } from 'pg';
import type { Side } from '../core/ownership.js';
import { type Following, isRefusal } from './refusals.js';
import { isRead, type Shadow } from './shadow.js';

/**
 * How a namespace is served: by its owner alone (`source`, `target`), with every read repeated on the other side
 * (`shadow`), or with every write brought over at once (`dual`).
 */
export type Mode = 'source' | 'shadow' | 'dual' | 'target';

export interface Serving {
  readonly pools: Readonly<Record<Side, Pool>>;
  readonly following: Following;
  readonly shadow: Shadow;
  readonly mode: (namespace: string | null) => Mode;
  /** Whoever applies changes on the other side is told that there are some on this one. */
  readonly wake: (side: Side) => void;
}

export interface TransactionOptions {
  readonly isolation?: 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';
}

/** The part of a `pg` pool that one namespace needs; promises, no callbacks. Each call goes to the owner of then. */
export class NamespacedPool {
  constructor(
    readonly namespace: string | null,
    private readonly serving: Serving,
  ) {}

  /**
   * One statement, a transaction of its own. Refused by a guard it is repeated where the namespace has gone, or when
   * it has arrived: it had no effect. Reads come from the owner, too.
   */
  async query<R extends QueryResultRow = QueryResultRow>(
    statement: string | QueryConfig,
    values?: unknown[],
  ): Promise<QueryResult<R>> {
    const { pools, following, shadow, mode, wake } = this.serving;
    const { namespace } = this;
    const text = typeof statement === 'string' ? statement : statement.text;
    return following.run(namespace, async (side, pool) => {
      const answer = await pool.query<R>(statement as string, values);
      const how = mode(namespace);
      const plain = typeof statement === 'string' || statement.types === undefined;
      if (how === 'shadow' && plain && isRead(text)) {
        const other = pools[side === 'source' ? 'target' : 'source'];
        const given = values ?? (typeof statement === 'string' ? undefined : statement.values);
        shadow.compare({ namespace, text, values: given, answer, owner: pool, other });
      }
      if (how === 'dual' && !isRead(text)) wake(side);
      return answer;
    });
  }

  /**
   * Runs `work` between BEGIN and COMMIT on the owner, and rolls back on an error, which is thrown on. When a guard
   * refuses a statement, all of it is rolled back and `work` is called again with another client, so it must not do
   * anything else that cannot be repeated. A COMMIT that fails is not repeated.
   */
  async transaction<T>(
    work: (client: PoolClient) => Promise<T>,
    { isolation }: TransactionOptions = {},
  ): Promise<T> {
    const { following, mode, wake } = this.serving;
    return following.run(this.namespace, async (side, pool) => {
      const client = await pool.connect();
      let refusal: unknown;
      let broken: Error | undefined;
      const watched = watch(client, (error) => {
        refusal ??= error;
      });
      try {
        await client.query(isolation === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${isolation}`);
        const result = await work(watched);
        // Whoever has caught it cannot commit.
        if (refusal !== undefined) throw refusal;
        await client.query('COMMIT');
        if (mode(this.namespace) === 'dual') wake(side);
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((failure: Error) => {
          broken = failure;
        });
        throw refusal ?? error;
      } finally {
        client.release(broken);
      }
    });
  }

  /**
   * A client of the owner of now, for transactions by hand. What a guard refuses ends them with CM001 or CM002: roll
   * back, release it and begin anew with another.
   */
  async connect(): Promise<PoolClient> {
    const { following, pools } = this.serving;
    return pools[following.ownerOf(this.namespace)].connect();
  }
}

/** The client, whose refused statements are told. */
function watch(client: PoolClient, refused: (error: unknown) => void): PoolClient {
  return new Proxy(client, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      if (property !== 'query') return value.bind(target);
      return (...args: unknown[]) => {
        const result: unknown = value.apply(target, args);
        if (result instanceof Promise) {
          result.catch((error: unknown) => {
            if (isRefusal(error)) refused(error);
          });
        }
        return result;
      };
    },
  });
}
