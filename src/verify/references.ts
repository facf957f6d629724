import type { Node } from '../citus/database.js';
import { type Shard, shardsOf, type TableShards } from '../citus/shards.js';
import type { Context } from '../core/context.js';
import { displayName, qualified, quoteIdent, quoteLiteral } from '../core/names.js';
import { parallel } from '../core/parallel.js';
import type { IntegrityKey, IntegrityResult } from '../core/verification.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { arrayLiteral } from './array-literal.js';
import { type CheckedSide, reasonOf } from './checked-side.js';
import type { ReferenceCheck } from './reference-checks.js';

/** Distinct values that are asked about at once: some megabytes of SQL, and few enough rounds for millions. */
const BATCH = 100_000;

export interface ReferenceRequest {
  readonly side: CheckedSide;
  /** The other side, where it is to be asked whether it has the same orphans. */
  readonly origin?: { readonly side: CheckedSide; readonly checks: readonly ReferenceCheck[] };
  readonly checks: readonly ReferenceCheck[];
  /** Qualified names of the tables that the checked side has. */
  readonly known: ReadonlySet<string>;
  readonly max: number;
  readonly jobs: number;
}

interface Value {
  readonly key: readonly (string | null)[];
  /** The key as one text. */
  readonly name: string;
  /** 1-based shard of the referenced table; 0 where it is not known. */
  readonly home: number;
  readonly rows: string;
}

interface Found {
  orphans: number;
  readonly keys: IntegrityKey[];
  reason?: string;
}

/**
 * Looks for rows that refer to a row which no shard and no copy holds. Each shard is joined with what lies beside it
 * on its node; only the values that are not found there travel, to be looked up in the other shards.
 */
export async function checkReferences(
  request: ReferenceRequest,
  context: Context,
): Promise<IntegrityResult[]> {
  const found = await findOrphans(request, context);
  const results: IntegrityResult[] = [];
  for (const [at, check] of request.checks.entries()) {
    const { orphans, keys, reason } = found[at]!;
    const base = { kind: 'foreign' as const, table: check.table.table, constraint: check.constraint };
    if (reason !== undefined) {
      results.push({ ...base, verdict: 'inconclusive', orphans: null, keys: [], detail: reason });
      continue;
    }
    const before = orphans > 0 ? await orphansBefore(request, at, context) : 0;
    const inherited = !check.validated && before === orphans;
    results.push({
      ...base,
      verdict: orphans === 0 || inherited ? 'match' : 'mismatch',
      orphans,
      keys: keys.slice(0, request.max),
      ...(before > 0
        ? {
            detail: `The source has ${before} such rows too${check.validated ? '' : ', where the constraint is NOT VALID'}.`,
          }
        : {}),
    });
  }
  return results;
}

async function orphansBefore(request: ReferenceRequest, at: number, context: Context): Promise<number> {
  const { origin, jobs } = request;
  if (origin === undefined) return 0;
  const checks = [origin.checks[at]!];
  const known = new Set([qualified(checks[0]!.table), qualified(checks[0]!.parent)]);
  const [found] = await findOrphans({ side: origin.side, checks, known, max: 0, jobs }, context);
  return found!.reason === undefined ? found!.orphans : 0;
}

async function findOrphans(request: ReferenceRequest, context: Context): Promise<Found[]> {
  const { side, checks, known, jobs } = request;
  const found = checks.map((): Found => ({ orphans: 0, keys: [] }));
  const equality = await readEquality(side, checks);
  const parts = checks.flatMap((check, at) => {
    const missing = [check.table, check.parent].filter((name) => !known.has(qualified(name)));
    if (missing.length > 0) {
      found[at]!.reason =
        `${missing.map(displayName).join(' and ')} does not exist on ${side.cut.database.session.server}`;
      return [];
    }
    const { head } = side.cut.database;
    const parent = shardsOf(side.shards, check.parent, head);
    return shardsOf(side.shards, check.table, head).shards.map((shard) => ({ check, at, shard, parent }));
  });
  await parallel(parts, jobs, context.signal, async ({ check, at, shard, parent }) => {
    const result = found[at]!;
    if (result.reason !== undefined) return;
    try {
      const part = new PartCheck(side, check, shard, parent, equality);
      await part.run(request.max, result);
    } catch (error) {
      result.reason = reasonOf(error);
    }
  });
  return found;
}

/** `schema.table.column` → operator, where it is not plain `=`. */
type Equality = ReadonlyMap<string, string>;

async function readEquality(side: CheckedSide, checks: readonly ReferenceCheck[]): Promise<Equality> {
  const columns = checks.flatMap(({ parent, references }) =>
    references.map((column) => `(${[parent.schema, parent.name, column].map(quoteLiteral).join(', ')})`),
  );
  if (columns.length === 0) return new Map();
  const rows = await side.cut.database.session.query<{
    schema: string;
    name: string;
    column: string;
    operator: string;
  }>(sql('verify/equality', { columns: [...new Set(columns)].join(', ') }), 'read the operators');
  return new Map(rows.map((row) => [`${qualified(row)}.${row.column}`, row.operator]));
}

interface Place {
  readonly node: Node;
  readonly shard: Shard;
  readonly number: number;
}

/** One foreign key in one part of its table. */
class PartCheck {
  readonly #node: Node;
  readonly #child: string;
  /** The part of the referenced table that lies beside this one: same range, same node. */
  readonly #beside: Place | undefined;
  /** Everything else that may hold the referenced rows; first copies first. */
  readonly #others: readonly Place[];

  constructor(
    readonly side: CheckedSide,
    readonly check: ReferenceCheck,
    readonly shard: Shard,
    readonly parent: TableShards,
    readonly equality: Equality,
  ) {
    this.#node = shard.nodes[0]!;
    this.#child = `${check.partitioned.child ? '' : 'ONLY '}${qualified(shard.relation)}`;
    const places = parent.shards.flatMap((one, index) =>
      one.nodes.map((node, copy) => ({ node, shard: one, number: index + 1, copy })),
    );
    this.#beside = places.find(
      (place) => place.node === this.#node && sameRange(place.shard, shard, parent.kind),
    );
    this.#others = places.filter((place) => place !== this.#beside).sort((a, b) => a.copy - b.copy);
  }

  async run(max: number, result: Found): Promise<void> {
    await this.side.pool.use(this.#node, async (session) => {
      await session.query(`DECLARE orphans NO SCROLL CURSOR FOR ${this.#select()}`, this.#doing());
      for (;;) {
        const values = await session.query<Value>(`FETCH ${BATCH} FROM orphans`, this.#doing());
        if (values.length === 0) break;
        const orphans = await this.#nowhere(values);
        result.orphans += orphans.reduce((sum, value) => sum + Number(value.rows), 0);
        const room = max - result.keys.length;
        if (room > 0 && orphans.length > 0)
          result.keys.push(...(await this.#name(session, orphans.slice(0, room), room)));
      }
      await session.query('CLOSE orphans');
    });
  }

  #doing(): string {
    return `check ${this.check.constraint} of ${this.check.table.table}`;
  }

  #select(): string {
    const { columns, own, match, route } = this.check;
    const key = columns.map((column) => `c.${quoteIdent(column)}`).join(', ');
    const mins = this.parent.shards.map((shard) => shard.range?.min);
    const isSharded = this.parent.kind === 'distributed' && this.parent.shards.length > 1;
    return sql('verify/orphans', {
      key,
      columns: key,
      child: this.#child,
      home:
        route !== undefined && isSharded
          ? `width_bucket(${route.hashFunction}(c.${quoteIdent(route.column)}::${route.type}), '{${mins.join(',')}}'::int[])`
          : '0',
      filled:
        match === 'FULL'
          ? `num_nulls(${own.map((column) => `c.${quoteIdent(column)}`).join(', ')}) < ${own.length}`
          : own.map((column) => `c.${quoteIdent(column)} IS NOT NULL`).join(' AND '),
      missing: this.#beside === undefined ? 'true' : this.#notIn(this.#beside, 'c'),
    });
  }

  /** SQL: the row `alias` has no counterpart there. */
  #notIn(place: Place, alias: string): string {
    const { columns, references, parent, partitioned } = this.check;
    const pairs = columns.map((column, at) => {
      const operator = this.equality.get(`${qualified(parent)}.${references[at]}`) ?? '=';
      return `p.${quoteIdent(references[at]!)} ${operator} ${alias}.${quoteIdent(alias === 'c' ? column : `k${at}`)}`;
    });
    const from = `${partitioned.parent ? '' : 'ONLY '}${qualified(place.shard.relation)}`;
    return `NOT EXISTS (SELECT FROM ${from} AS p WHERE ${pairs.join(' AND ')})`;
  }

  /** Those values that no other place holds either: first where they belong, then everywhere. */
  async #nowhere(values: readonly Value[]): Promise<readonly Value[]> {
    const atHome = new Map<number, Value[]>();
    for (const value of values) {
      const group = atHome.get(value.home) ?? [];
      group.push(value);
      atHome.set(value.home, group);
    }
    let left: readonly Value[] = atHome.get(0) ?? [];
    for (const [home, group] of atHome) {
      if (home === 0) continue;
      const place = this.#others.find((one) => one.number === home);
      left = [...left, ...(place === undefined ? group : await this.#askAll(place.node, [place], group))];
    }
    const byNode = new Map<Node, Place[]>();
    for (const place of this.#others) byNode.set(place.node, [...(byNode.get(place.node) ?? []), place]);
    for (const [node, places] of byNode) left = await this.#askAll(node, places, left);
    return left;
  }

  async #askAll(node: Node, places: readonly Place[], values: readonly Value[]): Promise<readonly Value[]> {
    if (values.length === 0) return values;
    const { columns, types } = this.check;
    const lists = columns.map(
      (_, at) => `${arrayLiteral(values.map(({ key }) => key[at] ?? null))}::${types[at]}[]`,
    );
    const left = await this.side.pool.use(node, (session) =>
      session.query<{ place: number }>(
        sql('verify/orphans-left', {
          values: lists.join(', '),
          names: columns.map((_, at) => `k${at}`).join(', '),
          missing: places.map((place) => this.#notIn(place, 'k')).join(' AND '),
        }),
        this.#doing(),
      ),
    );
    return left.map(({ place }) => values[place - 1]!);
  }

  /** Rows that have these values. */
  async #name(session: Session, values: readonly Value[], limit: number): Promise<IntegrityKey[]> {
    const { table, columns } = this.check;
    const key = columns.map((column) => `c.${quoteIdent(column)}`).join(', ');
    const rows = await session.query<{ rowKey: (string | null)[]; key: (string | null)[] }>(
      sql('verify/orphan-rows', {
        row_key: (table.key ?? []).map((column) => `c.${quoteIdent(column)}`).join(', '),
        key,
        child: this.#child,
        wanted: values.map(({ name }) => quoteLiteral(name)).join(', '),
        limit,
      }),
      this.#doing(),
    );
    return rows.map((row) => ({
      key: table.key === null ? null : record(table.key, row.rowKey),
      value: record(columns, row.key),
      shardId: this.shard.shardId,
      node: this.#node.name,
    }));
  }
}

/** Column → value. */
export function record(
  names: readonly string[],
  values: readonly (string | null)[],
): Record<string, string | null> {
  return Object.fromEntries(names.map((name, at) => [name, values[at] ?? null]));
}

function sameRange(one: Shard, other: Shard, kind: TableShards['kind']): boolean {
  if (kind !== 'distributed') return true;
  return one.range?.min === other.range?.min && one.range?.max === other.range?.max;
}
