/** What the operator decided about one table. Names are as `parseName` reads them. */
export interface TableChoice {
  readonly placement?: 'distributed' | 'reference' | 'local';
  /** Its own column to distribute by. */
  readonly distributeBy?: string;
  /** The foreign keys, nearest first, that lead to the distribution column. */
  readonly via?: string | readonly string[];
}

/** The part of the configuration that decides the plan. */
export interface PlanConfig {
  /** Columns to distribute by where a table has them: the first that it has counts. */
  readonly distributionColumn?: string | readonly string[];
  readonly shardCount?: number;
  /** Turns integer serial columns into bigint, so that workers can make ids of their own. */
  readonly widenSerial?: boolean;
  /** Above these a table is too large to be kept whole on every node. */
  readonly referenceLimit?: { readonly rows?: number; readonly bytes?: number };
  readonly tables?: Readonly<Record<string, TableChoice>>;
  /** `table.constraint` → whether it goes or stays. */
  readonly foreignKeys?: Readonly<Record<string, 'drop' | 'keep'>>;
  /** Source type → target type, e.g. `ruvector(384)` → `vector(384)`. */
  readonly types?: Readonly<Record<string, string>>;
  /** --tables and --exclude. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Count keys and NULLs on the source; default true. */
  readonly stats?: boolean;
  /** Parallel streams, for the forecast of connections. */
  readonly jobs?: number;
}

export const PLAN_DEFAULTS = {
  distributionColumn: ['namespace'],
  shardCount: 32,
  referenceLimit: { rows: 100_000, bytes: 64 * 1024 * 1024 },
  jobs: 2,
} as const;
