import { qualified, quoteIdent, quoteList, quoteLiteral } from '../core/names.js';
import { ROW } from '../plan/projection.js';
import { sql } from '../postgres/sql-files.js';
import { keyCondition } from './details.js';
import type { RepairStep } from './repair-plan.js';
import type { RowDetail, TableDetails } from './types.js';

/** One statement of a step, and how many rows it changes unless it is refused. */
export interface RepairStatement {
  readonly step: RepairStep;
  /** Deletes come first in a transaction, then updates, then inserts: values that must be unique are free by then. */
  readonly phase: 'delete' | 'update' | 'insert';
  readonly text: string;
  readonly rows: number;
}

function literal({ table }: TableDetails, row: RowDetail, index: number): string {
  const value = row.values[index] ?? null;
  return `${value === null ? 'NULL' : quoteLiteral(value)}::${table.columns[index]!.targetType}`;
}

/** SQL: the row's key, and its distribution column, without which a statement would go to every shard. */
function place(details: TableDetails, row: RowDetail): string {
  const { table } = details;
  const key = keyCondition(table, row.key, 'target');
  const { placement } = table;
  if (placement.kind !== 'distributed' || table.key!.includes(placement.column)) return key;
  const index = table.columns.findIndex(({ name }) => name === placement.column);
  if (row.values[index] === null) return key;
  return `${ROW}.${quoteIdent(placement.column)} = ${literal(details, row, index)} AND ${key}`;
}

function deleteText(details: TableDetails, step: RepairStep): string {
  const { hash } = details.expressions;
  const relation = qualified(step.place.relation);
  const seen = `(${step.target!.hash})`;
  const { copies } = step;
  if (copies !== undefined)
    return sql('repair/delete-copies', { relation, hash, seen, change: copies.change, copies: copies.seen });
  return sql('repair/delete', { relation, key: place(details, step.target!), hash, seen });
}

function updateText(details: TableDetails, step: RepairStep): string {
  return sql('repair/update', {
    relation: qualified(step.place.relation),
    values: step
      .columns!.map(
        (at) => `${quoteIdent(details.table.columns[at]!.name)} = ${literal(details, step.source!, at)}`,
      )
      .join(', '),
    key: place(details, step.target!),
    hash: details.expressions.hash,
    seen: `(${step.target!.hash})`,
  });
}

function insertText(details: TableDetails, step: RepairStep): string {
  const { table, expressions } = details;
  const source = step.source!;
  const common = {
    relation: qualified(step.place.relation),
    columns: quoteList(table.columns.map(({ name }) => name)),
    values: table.columns.map((_, at) => literal(details, source, at)).join(', '),
  };
  const { copies } = step;
  if (copies === undefined) return sql('repair/insert', { ...common, key: place(details, source) });
  return sql('repair/insert-copies', {
    ...common,
    hash: expressions.hash,
    seen: `(${source.hash})`,
    change: copies.change,
    copies: copies.seen,
  });
}

/** The statements of some steps in the order in which one transaction runs them. */
export function statementsOf(details: TableDetails, steps: readonly RepairStep[]): RepairStatement[] {
  const rows = (step: RepairStep): number => step.copies?.change ?? 1;
  const made = steps.flatMap((step): RepairStatement[] => {
    const statement = (phase: RepairStatement['phase'], text: string): RepairStatement => ({
      step,
      phase,
      text: text.replace(/^(?:--.*\n)+/, '').trim(),
      rows: rows(step),
    });
    const gone = () => statement('delete', deleteText(details, step));
    const added = () => statement('insert', insertText(details, step));
    if (step.action === 'delete') return [gone()];
    if (step.action === 'update') return [statement('update', updateText(details, step))];
    return step.action === 'insert' ? [added()] : [gone(), added()];
  });
  return (['delete', 'update', 'insert'] as const).flatMap((phase) =>
    made.filter((statement) => statement.phase === phase),
  );
}
