import type { Pool } from 'pg';
import { bucketOf, type Side, unitsOfShare } from '../core/ownership.js';
import { type Mode, NamespacedPool, type Serving } from './namespaced-pool.js';
import { OwnershipView } from './ownership-view.js';
import { Following } from './refusals.js';
import { Shadow, type ShadowCounts, type ShadowDifference } from './shadow.js';

/** Some namespaces: so many per cent of them (0 to 100, the same ones everywhere, and more with more), or a list. */
export type Chosen = number | readonly string[];

export interface RouterOptions {
  /** The single node. */
  readonly source: Pool;
  /** The cluster, by its coordinator. */
  readonly target: Pool;
  /** Namespaces whose reads are repeated on the other side and compared. */
  readonly shadow?: Chosen;
  /** Namespaces whose writes are brought over at once by a running `migrate sync`. */
  readonly dual?: Chosen;
  /** Called with every read that the two sides answer differently, also two seconds later. */
  readonly onDifference?: (difference: ShadowDifference) => void;
  /** What went wrong in the background; nothing that a request has to know. */
  readonly onError?: (error: Error) => void;
  /** Repeated reads at one time, default 4; the others are not repeated. */
  readonly shadowReads?: number;
  /** The longest time between two looks at who owns what, ms; default 500. */
  readonly pollMs?: number;
  /**
   * Be told of moves at once: default true, takes one connection of each pool of at least two. Set it to false where a
   * transaction pooler stands between, through which nobody is told anything.
   */
  readonly listen?: boolean;
  /** How long a request may wait while its namespace moves, ms; default 10,000. */
  readonly waitMs?: number;
  /** Who owns everything where no owners are kept, before and after the move; default `source`. */
  readonly unguarded?: Side;
}

export interface Router {
  /**
   * Where one namespace is read and written: the text of its value in the distribution column. null: rows that belong
   * to no namespace, such as those of reference tables.
   */
  pool(namespace: string | number | bigint | null): NamespacedPool;
  mode(namespace: string | number | bigint | null): Mode;
  /** How the repeated reads came out since the router was made. */
  readonly shadow: ShadowCounts;
  /** Looks at both sides now, instead of in a moment. */
  refresh(): Promise<void>;
  /** Ends what runs in the background. The pools stay open: they are the application's. */
  close(): Promise<void>;
}

/** Many writes at once make one message. */
const WAKE_MS = 20;

/**
 * Routes an application's statements while its namespaces move between a single node and a cluster. It follows who
 * owns the writes; the guards on both sides hold it, and everybody else, to that. Throws when neither side answers.
 */
export async function createRouter(options: RouterOptions): Promise<Router> {
  const { source, target, onError = () => {}, onDifference = () => {} } = options;
  const pools = { source, target };
  const roomy = [source, target].every((pool) => (pool.options?.max ?? 10) > 1);
  const view = new OwnershipView({
    ...pools,
    pollMs: options.pollMs ?? 500,
    listen: (options.listen ?? true) && roomy,
    unguarded: options.unguarded ?? 'source',
    onError,
  });
  const shadow = new Shadow({ most: options.shadowReads ?? 4, onDifference, onError });
  const isShadow = chooser(options.shadow);
  const isDual = chooser(options.dual);
  const mode = (namespace: string | null): Mode => {
    if (isShadow(namespace)) return 'shadow';
    return isDual(namespace) ? 'dual' : view.of(namespace).side;
  };
  const waking = new Map<Side, NodeJS.Timeout>();
  const wake = (side: Side): void => {
    if (waking.has(side)) return;
    const timer = setTimeout(() => {
      waking.delete(side);
      pools[side].query('NOTIFY citus_migrate_changes').catch(onError);
    }, WAKE_MS);
    waking.set(side, timer);
  };
  const following = new Following({ pools, view, waitMs: options.waitMs ?? 10_000, onError });
  const serving: Serving = { pools, following, shadow, mode, wake };
  const name = (namespace: string | number | bigint | null): string | null =>
    namespace === null ? null : String(namespace);
  await view.start();
  return {
    pool: (namespace) => new NamespacedPool(name(namespace), serving),
    mode: (namespace) => mode(name(namespace)),
    get shadow() {
      return shadow.counts;
    },
    refresh: () => view.refresh(),
    close: async () => {
      for (const timer of waking.values()) clearTimeout(timer);
      waking.clear();
      await shadow.settled();
      await view.close();
    },
  };
}

function chooser(chosen: Chosen | undefined): (namespace: string | null) => boolean {
  if (chosen === undefined) return () => false;
  if (typeof chosen === 'number') {
    const most = Math.min(unitsOfShare(chosen).length, 100);
    return (namespace) => (namespace === null ? most === 100 : bucketOf(namespace) < most);
  }
  const names = new Set(chosen);
  return (namespace) => namespace !== null && names.has(namespace);
}
