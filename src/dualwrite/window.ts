import { qualified, quoteIdent, quoteLiteral } from '../core/names.js';
import type { TablePlan, ViaStep } from '../core/plan-types.js';
import { castExpression, ROW, selectList, sourceJoins } from '../plan/projection.js';
import { listOf, logOf, SEGMENTS, singleOf } from './names.js';

/** A captured table and how much of its log a pass has to apply. */
export interface Window {
  readonly id: number;
  readonly table: TablePlan;
  /** Names of the tracked columns, in the order of the log's. */
  readonly tracked: readonly string[];
  readonly partitioned: boolean;
  /** Logged versions of rows that the pass's snapshot sees and an earlier pass has not applied. */
  readonly changes: number;
  /** It was truncated: rows that are gone have no entries of their own. */
  readonly truncated: boolean;
  /** No pass has found all its rows on the target yet: a copy may have been interrupted. */
  readonly unproven: boolean;
}

/** A column of what `placesOf` selects. */
export interface PlaceColumn {
  readonly name: string;
  readonly sourceType: string;
  readonly targetType: string;
}

/**
 * The SQL by which a pass reads a source under its snapshot. "Versions" are the logged old and new values of tracked
 * columns since the snapshot `drained`, which the target is known to have reached. The value that a row had then is
 * among them if it has changed since; otherwise it is the row's value now. So everything that a row's place on the
 * target can follow from is at hand, although the target's namespaces are not.
 */
export class WindowSql {
  readonly #windows: ReadonlyMap<string, Window>;

  constructor(
    windows: readonly Window[],
    private readonly drained: string,
  ) {
    this.#windows = new Map(windows.map((window) => [qualified(window.table), window]));
  }

  /** Versions of some tracked columns of a table, not made distinct. */
  versions(name: string, columns: readonly string[]): string {
    const window = this.#windows.get(name)!;
    const indexes = columns.map((column) => window.tracked.indexOf(column));
    const fresh = `NOT pg_visible_in_snapshot(l.xid, ${quoteLiteral(this.drained)}::pg_snapshot)`;
    const parts = SEGMENTS.flatMap((segment) => {
      const log = logOf(window.id, segment);
      const alone = indexes.map((index, at) => `l.${singleOf(index)} AS ${quoteIdent(columns[at]!)}`);
      const lists = window.tracked.map((_, index) => `l.${listOf(index)}`);
      const names = window.tracked.map((_, index) => singleOf(index));
      const many = indexes.map((index) => `u.${singleOf(index)}`);
      return [
        `SELECT ${alone.join(', ')} FROM ${log} l WHERE l.a1 IS NULL AND ${fresh}`,
        `SELECT ${many.join(', ')} FROM ${log} l, unnest(${lists.join(', ')}) AS u (${names.join(', ')}) WHERE l.a1 IS NOT NULL AND ${fresh}`,
      ];
    });
    // The limit takes nothing away: it tells the planner how many there are, for logs have no statistics.
    return `(${parts.join(' UNION ALL ')} LIMIT ${window.changes})`;
  }

  /** Keys of rows that may lie elsewhere or read otherwise on the target than now. */
  affectedKeys(window: Window): string {
    const key = window.table.key!;
    const own = `SELECT ${list('v', key)} FROM ${this.versions(qualified(window.table), key)} v`;
    const via = viaOf(window.table);
    const first = via[0];
    if (first === undefined || !this.#pathChanged(via)) return `SELECT DISTINCT * FROM (${own}) k`;
    return `${own} UNION SELECT ${list(ROW, key)} FROM ${this.from(window)} JOIN (${this.#moved(window.table, 0)}) m ON ${equal(ROW, first.columns, 'm', first.referencedColumns)}`;
  }

  /** Whether a pass has anything to do for the table. */
  touches(window: Window): boolean {
    return (
      window.truncated || window.unproven || window.changes > 0 || this.#pathChanged(viaOf(window.table))
    );
  }

  /** Every place on the target where a row that has changed may have been, as the target's types. */
  placesOf(window: Window): { readonly columns: readonly PlaceColumn[]; readonly select: string } {
    const { table } = window;
    const columns = placeColumns(table);
    const via = viaOf(table);
    const from =
      via.length === 0
        ? this.versions(
            qualified(table),
            columns.map(({ name }) => name),
          )
        : this.#reached(window);
    const values = columns.map(({ name, sourceType, targetType }) =>
      castExpression(`p.${quoteIdent(name)}`, sourceType, targetType),
    );
    const known =
      table.placement.kind === 'distributed'
        ? ` WHERE p.${quoteIdent(table.placement.column)} IS NOT NULL`
        : '';
    return { columns, select: `SELECT DISTINCT ${values.join(', ')} FROM ${from} p${known}` };
  }

  /** The rows of the table that have changed, or all of a table that was truncated, as they travel. */
  rowsOf(window: Window): string {
    return `SELECT ${selectList(window.table, 'forward')} FROM ${this.changedRows(window)}`;
  }

  /** The same rows as they lie, behind FROM: with the joins that reach the distribution column. */
  changedRows(window: Window): string {
    const { table } = window;
    const from = `${this.from(window)}${sourceJoins(table)}`;
    if (window.truncated) return from;
    return `${from} JOIN (${this.affectedKeys(window)}) k ON ${equal(ROW, table.key!, 'k', table.key!)}`;
  }

  /** The table itself, as `t`, with its partitions. */
  from({ table, partitioned }: Window): string {
    return `${partitioned ? '' : 'ONLY '}${qualified(table)} AS ${ROW}`;
  }

  #pathChanged(via: readonly ViaStep[]): boolean {
    return via.some((step) => {
      const parent = this.#windows.get(qualified(step.references));
      return parent !== undefined && parent.changes > 0;
    });
  }

  /** What the table at the end of hop `hop` leads on by: the next foreign key, or the distribution column. */
  #onward(table: TablePlan, hop: number): readonly string[] {
    const next = viaOf(table)[hop + 1];
    return next === undefined ? [columnOf(table)] : next.columns;
  }

  /** Referenced values, at the end of hop `hop`, of rows whose way to the distribution column has changed. */
  #moved(table: TablePlan, hop: number): string {
    const step = viaOf(table)[hop]!;
    const name = qualified(step.references);
    const onward = this.#onward(table, hop);
    const own = `SELECT ${list('v', step.referencedColumns)} FROM ${this.versions(name, [...new Set([...step.referencedColumns, ...onward])])} v GROUP BY ${list('v', step.referencedColumns)} HAVING count(DISTINCT ROW(${list('v', onward)})) > 1`;
    const next = viaOf(table)[hop + 1];
    if (next === undefined) return own;
    const parent = this.#windows.get(name)!;
    return `${own} UNION SELECT ${list(ROW, step.referencedColumns)} FROM ${this.from(parent)} JOIN (${this.#moved(table, hop + 1)}) m ON ${equal(ROW, next.columns, 'm', next.referencedColumns)}`;
  }

  /** Key and possible values of the distribution column, over every version of every row on the path. */
  #reached(window: Window): string {
    const { table } = window;
    const key = table.key!;
    const via = viaOf(table);
    const first = [...new Set([...key, ...via[0]!.columns])];
    const keys = key.map((_, index) => `key${index + 1}`);
    const parts = [`affected AS MATERIALIZED (${this.affectedKeys(window)})`];
    const named = (alias: string, step: readonly string[]): string =>
      [
        ...key.map((column, index) => `${alias}.${quoteIdent(column)} AS ${keys[index]}`),
        ...step.map((column, index) => `${alias}.${quoteIdent(column)} AS up${index + 1}`),
      ].join(', ');
    parts.push(
      `hop0 AS (SELECT ${named('v', via[0]!.columns)} FROM ${this.versions(qualified(table), first)} v UNION SELECT ${named(ROW, via[0]!.columns)} FROM ${this.from(window)} JOIN affected k ON ${equal(ROW, key, 'k', key)})`,
    );
    via.forEach((step, hop) => {
      const name = qualified(step.references);
      const parent = this.#windows.get(name)!;
      const onward = this.#onward(table, hop);
      const columns = [...new Set([...step.referencedColumns, ...onward])];
      const on = (alias: string): string =>
        step.referencedColumns
          .map((column, index) => `${alias}.${quoteIdent(column)} = h.up${index + 1}`)
          .join(' AND ');
      const select = (alias: string): string =>
        `SELECT ${keys.map((one) => `h.${one}`).join(', ')}, ${onward.map((column, index) => `${alias}.${quoteIdent(column)} AS up${index + 1}`).join(', ')}`;
      parts.push(
        `hop${hop + 1} AS (${select('v')} FROM hop${hop} h JOIN ${this.versions(name, columns)} v ON ${on('v')} UNION ${select(ROW)} FROM hop${hop} h JOIN ${this.from(parent)} ON ${on(ROW)})`,
      );
    });
    const last = [
      `up1 AS ${quoteIdent(columnOf(table))}`,
      ...key.map((column, index) => `${keys[index]} AS ${quoteIdent(column)}`),
    ];
    return `(WITH ${parts.join(', ')} SELECT ${last.join(', ')} FROM hop${via.length})`;
  }
}

const viaOf = ({ placement }: TablePlan): readonly ViaStep[] =>
  placement.kind === 'distributed' ? placement.via : [];

function columnOf({ placement }: TablePlan): string {
  return placement.kind === 'distributed' ? placement.column : '';
}

/** What tells where a row lies on the target: the distribution column first, then the rest of the key. */
export function placeColumns(table: TablePlan): PlaceColumn[] {
  const { placement } = table;
  const first = placement.kind === 'distributed' ? [placement.column] : [];
  const names = [...first, ...table.key!.filter((name) => !first.includes(name))];
  return names.map((name) => table.columns.find((column) => column.name === name)!);
}

const list = (alias: string, columns: readonly string[]): string =>
  columns.map((column) => `${alias}.${quoteIdent(column)}`).join(', ');

function equal(left: string, columns: readonly string[], right: string, others: readonly string[]): string {
  return columns
    .map((column, index) => `${left}.${quoteIdent(column)} = ${right}.${quoteIdent(others[index]!)}`)
    .join(' AND ');
}
