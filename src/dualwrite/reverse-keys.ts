import type { Node } from '../citus/database.js';
import type { TableShards } from '../citus/shards.js';
import { qualified, quoteIdent, quoteList } from '../core/names.js';
import { castExpression, ROW, selectList } from '../plan/projection.js';
import { sql } from '../postgres/sql-files.js';
import type { PlaceColumn } from './window.js';
import { placeColumns, type Window, WindowSql } from './window.js';

/** Bounds of integer types, by which a value of a wider one is told that cannot be in a column of it. */
const BOUNDS: Readonly<Record<string, readonly [min: string, max: string]>> = {
  smallint: ['-32768', '32767'],
  integer: ['-2147483648', '2147483647'],
};

/** SQL that is true of a value, of whatever wider integer type, that fits the column of the single node. */
export function fits(expression: string, { sourceType, targetType }: PlaceColumn): string | undefined {
  const bounds = BOUNDS[sourceType];
  if (bounds === undefined || sourceType === targetType) return undefined;
  return `${expression} BETWEEN ${bounds[0]} AND ${bounds[1]}`;
}

/**
 * The SQL by which a pass back reads one node of the cluster. Keys that were logged there are gathered in a temporary
 * table; those of shards that have moved away since go on to the node that has them now, which reads the rows.
 */
export class ReverseKeys {
  readonly #columns: readonly PlaceColumn[];

  constructor(
    private readonly window: Window,
    private readonly shards: TableShards,
    private readonly node: Node,
  ) {
    this.#columns = placeColumns(window.table);
  }

  /** Name of the temporary table. */
  get keys(): string {
    return `keys_${this.window.id}`;
  }

  get #names(): string[] {
    return this.#columns.map(({ name }) => name);
  }

  /** Makes the temporary table where the session has none yet; it is empty at the start of every transaction. */
  get prepare(): string {
    const { relation } = this.#mine[0] ?? { relation: this.window.table };
    return `CREATE TEMP TABLE IF NOT EXISTS ${this.keys} ON COMMIT DELETE ROWS AS SELECT ${quoteList(this.#names)} FROM ${qualified(relation)} WITH NO DATA`;
  }

  /** Gathers what this node has logged since the snapshot `drained`. */
  gather(drained: string): string {
    const { table } = this.window;
    const versions = new WindowSql([this.window], drained).versions(qualified(table), this.#names);
    return `INSERT INTO pg_temp.${this.keys} SELECT DISTINCT ${quoteList(this.#names)} FROM ${versions} v`;
  }

  /** Shards that are read on this node. */
  get #mine(): TableShards['shards'] {
    return this.shards.shards.filter(({ nodes }) => nodes[0] === this.node);
  }

  get reads(): boolean {
    return this.#mine.length > 0;
  }

  /** SQL that is true of keys `k` whose rows are read on this node. */
  get home(): string {
    const { placement } = this.window.table;
    if (placement.kind !== 'distributed' || this.shards.kind !== 'distributed') return String(this.reads);
    const hash = `${placement.hashFunction}(k.${quoteIdent(placement.column)})`;
    const ranges = this.#mine.map(({ range }) => `${hash} BETWEEN ${range!.min} AND ${range!.max}`);
    return ranges.length === 0 ? 'false' : `(${ranges.join(' OR ')})`;
  }

  /** Keys in the temporary table that are read on another node: on `other`, or wherever it is. */
  strays(other?: ReverseKeys): string {
    return `SELECT ${this.#names.map((name) => `k.${quoteIdent(name)}`).join(', ')} FROM pg_temp.${this.keys} k WHERE NOT ${this.home}${other === undefined ? '' : ` AND ${other.home}`}`;
  }

  get copyIn(): string {
    return `COPY pg_temp.${this.keys} (${quoteList(this.#names)}) FROM STDIN (FORMAT ${this.window.table.format})`;
  }

  /** The gathered places as the single node has their values: one that does not fit its types is not there. */
  get places(): string {
    const values = this.#columns.map((column) =>
      castExpression(`k.${quoteIdent(column.name)}`, column.targetType, column.sourceType),
    );
    const fitting = this.#columns.flatMap((column) => fits(`k.${quoteIdent(column.name)}`, column) ?? []);
    const where = [this.home, ...fitting].join(' AND ');
    // The filter stands below the casts, which would fail.
    return `SELECT DISTINCT ${values.join(', ')} FROM (SELECT * FROM pg_temp.${this.keys} k WHERE ${where} OFFSET 0) k`;
  }

  /** Rows of this node at the gathered keys, or all of a table that was truncated, behind FROM with the alias `t`. */
  #rows(select: string): string {
    const { truncated } = this.window;
    const same = this.#names.map((name) => `${ROW}.${quoteIdent(name)} = k.${quoteIdent(name)}`);
    return this.#mine
      .map(({ relation }) => {
        const from = `SELECT ${select} FROM ${qualified(relation)} AS ${ROW}`;
        return truncated
          ? from
          : `${from} JOIN (SELECT DISTINCT * FROM pg_temp.${this.keys}) k ON ${same.join(' AND ')}`;
      })
      .join(' UNION ALL ');
  }

  /** The same rows as they travel. */
  get rows(): string {
    return this.#rows(selectList(this.window.table, 'reverse'));
  }

  /** Count and digest of these rows; `hash` digests the row `t`. */
  digest(hash: string): string {
    const from = `(${this.#rows(`${hash} AS hash`)}) r`;
    return sql('dualwrite/pass-digest', { bucket: 1, hash: 'r.hash', from });
  }

  /** Names of columns in which one of these rows has a value that the single node's type cannot hold. */
  get misfits(): string | undefined {
    const narrow = this.window.table.columns.filter(
      (column) => column.origin === 'own' && fits('', column) !== undefined,
    );
    if (narrow.length === 0) return undefined;
    const found = narrow.map(
      (column) =>
        `SELECT '${column.name.replaceAll("'", "''")}' AS column WHERE EXISTS (SELECT FROM (${this.#rows(`${ROW}.${quoteIdent(column.name)} AS v`)}) r WHERE NOT ${fits('r.v', column)})`,
    );
    return found.join(' UNION ALL ');
  }
}
