/** Where a statement goes on the target, as its plan says. */
export interface Route {
  /** `fan-out`: some part of it runs on more than one shard. `local`: on the single node or coordinator alone. */
  readonly kind: 'single-shard' | 'fan-out' | 'local';
  /** The most shards that a part of it runs on at once; 0: none. */
  readonly shards: number;
}

/** Reads the JSON of EXPLAIN, whatever parts it has: Citus nests plans of subplans and of shards. */
function* partsOf(plan: unknown): Generator<Readonly<Record<string, unknown>>> {
  if (Array.isArray(plan)) for (const item of plan) yield* partsOf(item);
  else if (typeof plan === 'object' && plan !== null) {
    yield plan as Readonly<Record<string, unknown>>;
    for (const value of Object.values(plan)) yield* partsOf(value);
  }
}

export function routeOf(plan: unknown): Route {
  const tasks = [...partsOf(plan)].flatMap((part) => {
    const count = part['Task Count'];
    return typeof count === 'number' ? [count] : [];
  });
  const shards = Math.max(0, ...tasks);
  return { kind: tasks.length === 0 ? 'local' : shards > 1 ? 'fan-out' : 'single-shard', shards };
}

/** Names of the indexes that the plan reads, each once. */
export function indexesOf(plan: unknown): string[] {
  const names = [...partsOf(plan)].flatMap((part) => {
    const name = part['Index Name'];
    return typeof name === 'string' ? [name] : [];
  });
  return [...new Set(names)];
}

/**
 * The statements for shards that no worker would plan: Citus plans an INSERT without looking at the constraints that
 * its ON CONFLICT needs, and says no more than `Could not get remote plan` of it (13.2, with VERBOSE).
 */
export function unplannedOf(plan: unknown): string[] {
  return [...partsOf(plan)].flatMap(({ Query: query, Error: error }) =>
    typeof query === 'string' && typeof error === 'string' ? [query] : [],
  );
}
