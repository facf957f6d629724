import { quoteIdent } from '../core/names.js';
import { typeParts } from '../plan/types.js';
import { sql } from '../postgres/sql-files.js';
import { captureOf, listOf, logOf, SEGMENTS, type Segment, singleOf } from './names.js';
import type { RelationShape } from './shape.js';

interface CapturedColumn {
  readonly name: string;
  readonly type: string;
}

export interface CaptureSpec {
  readonly id: number;
  /** Qualified name. */
  readonly table: string;
  /** What is logged of a changed row. */
  readonly columns: readonly CapturedColumn[];
  /** The table and its partitions. */
  readonly shapes: readonly RelationShape[];
  /** SQL, a regclass: the sequence that says which segment is written. NULL: this node captures nothing. */
  readonly segment: string;
}

function captureBody({ id, columns, segment }: CaptureSpec): string {
  const names = columns.map((_, index) => singleOf(index));
  const from = (rows: string): string =>
    `SELECT ${columns.map(({ name }, index) => `r.${quoteIdent(name)} AS ${singleOf(index)}`).join(', ')} FROM ${rows} r`;
  const rows = {
    insert: from('new_rows'),
    update: `${from('old_rows')} UNION ALL ${from('new_rows')}`,
    delete: from('old_rows'),
  };
  const write = (each: Segment, select: string): string =>
    sql('dualwrite/capture-write', {
      log: logOf(id, each),
      names: names.join(', '),
      lists: names.map((_, index) => listOf(index)).join(', '),
      aggregates: names.map((name) => `array_agg(${name})`).join(', '),
      rows: select,
    });
  const branches = SEGMENTS.map((each) => [
    `segment_${each}`,
    sql('dualwrite/capture-segment', {
      id,
      ...Object.fromEntries(
        Object.entries(rows).map(([operation, select]) => [operation, write(each, select)]),
      ),
    }),
  ]);
  return sql('dualwrite/capture-body', { ...Object.fromEntries(branches), segment });
}

/** The type without its length, which may be raised while the log is there. Without one, char and bit mean one. */
function unbounded(type: string): string {
  const { base } = typeParts(type);
  if (base === 'character') return 'bpchar';
  return base === 'bit' ? 'bit varying' : base;
}

/** The statements that make the log of one table and the function that writes it, without the triggers. */
export function captureDdl(spec: CaptureSpec): string {
  const { id, table, columns, shapes } = spec;
  const definitions = [
    ...columns.map(({ type }, index) => `${singleOf(index)} ${unbounded(type)}`),
    ...columns.map(({ type }, index) => `${listOf(index)} ${unbounded(type)}[]`),
  ];
  return sql('dualwrite/capture-table', {
    id,
    log_1: logOf(id, 1),
    log_2: logOf(id, 2),
    capture: captureOf(id),
    definitions: definitions.join(', '),
    external: columns.map((_, index) => `ALTER ${listOf(index)} SET STORAGE EXTERNAL`).join(', '),
    body: captureBody(spec),
    table,
    tracked: `{${columns.map(({ name }) => `"${name.replace(/["\\]/g, '\\$&')}"`).join(',')}}`,
    shape: JSON.stringify(shapes),
  });
}
