import { compareRows, type StreamRow } from './row-stream.js';

/** A stream of rows that can be looked into one row ahead without waiting for each of them. */
export class RowCursor {
  #batch: readonly StreamRow[] = [];
  #at = 0;
  #ended = false;

  constructor(private readonly batches: AsyncIterator<readonly StreamRow[]>) {}

  /** The next row, null at the end; undefined: `fill` first. */
  get next(): StreamRow | null | undefined {
    return this.#batch[this.#at] ?? (this.#ended ? null : undefined);
  }

  take(): void {
    this.#at += 1;
  }

  async fill(): Promise<StreamRow | null> {
    for (;;) {
      const known = this.next;
      if (known !== undefined) return known;
      const { done, value } = await this.batches.next();
      this.#ended = done === true;
      this.#batch = done ? [] : value;
      this.#at = 0;
    }
  }
}

/** What a merge tells: every row, and those that have no equal on the other side. */
export interface MergeVisitor {
  row(side: 'source' | 'target', row: StreamRow): void;
  alone(side: 'source' | 'target', row: StreamRow): void;
}

/** Rows of one key on one side, by hash: a table without a key can hold many equal ones. */
type Group = Map<bigint, { row: StreamRow; count: number }>;

async function gather(
  cursor: RowCursor,
  first: StreamRow,
  fields: number,
  each: (row: StreamRow) => void,
): Promise<Group> {
  const group: Group = new Map();
  for (let row: StreamRow | null = first; row !== null && compareRows(row, first, fields) === 0; ) {
    each(row);
    const found = group.get(row.hash);
    if (found === undefined) group.set(row.hash, { row, count: 1 });
    else found.count += 1;
    cursor.take();
    row = cursor.next === undefined ? await cursor.fill() : cursor.next;
  }
  return group;
}

/**
 * Compares two streams that are sorted alike (`compareRows`), holding one key's rows at a time. A row of the target
 * that lies in a shard where it does not belong equals no row of the source.
 */
export async function mergeRows(
  source: RowCursor,
  target: RowCursor,
  fields: number,
  visitor: MergeVisitor,
): Promise<void> {
  const empty: Group = new Map();
  for (;;) {
    const left = source.next === undefined ? await source.fill() : source.next;
    const right = target.next === undefined ? await target.fill() : target.next;
    if (left === null && right === null) return;
    const order = left === null ? 1 : right === null ? -1 : compareRows(left, right, fields);
    const lefts =
      order <= 0 ? await gather(source, left!, fields, (row) => visitor.row('source', row)) : empty;
    const rights =
      order >= 0 ? await gather(target, right!, fields, (row) => visitor.row('target', row)) : empty;
    for (const [hash, { row, count }] of lefts) {
      const equal = rights.get(hash)?.count ?? 0;
      for (let more = equal; more < count; more += 1) visitor.alone('source', row);
    }
    for (const [hash, { row, count }] of rights) {
      const equal = row.home === row.bucket ? (lefts.get(hash)?.count ?? 0) : 0;
      for (let more = equal; more < count; more += 1) visitor.alone('target', row);
    }
  }
}
