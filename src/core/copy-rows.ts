import { MigrateError } from './errors.js';

/**
 * Whole rows that lie back to back in one buffer, with the extent of each row's key field. The object and its
 * arrays are reused: they hold until the visitor returns.
 */
export interface CopyRows {
  readonly buffer: Buffer;
  readonly count: number;
  /** Where row 0 starts. Row i ends at `ends[i]`, where row i + 1 starts. */
  readonly start: number;
  readonly ends: Int32Array;
  /** Row i has its key in `buffer[keyStarts[i], keyEnds[i])`; a start of -1 means NULL. */
  readonly keyStarts: Int32Array;
  readonly keyEnds: Int32Array;
  /** The buffer holds this one row and belongs to the visitor, who may keep it instead of copying it. */
  readonly owned: boolean;
}

export type RowVisitor = (rows: CopyRows) => void;

/** Cuts a COPY stream that arrives in arbitrary pieces at its row ends. Not usable after an error. */
export interface RowSplitter {
  /** Rows seen so far. */
  readonly rows: number;
  /** Visits every row that is complete with this piece. Keeps no reference to `chunk`. Throws DUMP_DAMAGED. */
  push(chunk: Buffer, visit: RowVisitor): void;
  /** Throws DUMP_DAMAGED when the stream cannot end here. */
  end(): void;
}

/** The key index of a splitter that looks for none, for tables that are not distributed. */
export const NO_KEY = -1;

/** PostgreSQL builds a row of COPY in one allocation, which MaxAllocSize bounds: a longer row is damage. */
const LONGEST_ROW = 0x3fffffff;

/** From this size on the buffer of a row that spanned pieces is handed over: a second copy would cost memory. */
const OWNED_FROM = 1024 * 1024;

/** Rows per visit: few enough for the arrays to stay in the first-level cache. */
const ROWS_PER_VISIT = 2048;

const NOTHING = Buffer.alloc(0);

/** The list that a splitter fills and hands to its visitor. */
export class RowList implements CopyRows {
  buffer: Buffer = NOTHING;
  start = 0;
  count = 0;
  owned = false;
  readonly ends = new Int32Array(ROWS_PER_VISIT);
  readonly keyStarts = new Int32Array(ROWS_PER_VISIT);
  readonly keyEnds = new Int32Array(ROWS_PER_VISIT);

  reset(buffer: Buffer, start: number): void {
    this.buffer = buffer;
    this.start = start;
    this.count = 0;
  }

  /** Forgets the buffer, so that it does not live until the next piece comes. */
  release(): void {
    this.reset(NOTHING, 0);
  }

  /** Returns whether the list is full and has to be visited. */
  add(end: number, keyStart: number, keyEnd: number): boolean {
    const index = this.count;
    this.ends[index] = end;
    this.keyStarts[index] = keyStart;
    this.keyEnds[index] = keyEnd;
    this.count = index + 1;
    return index + 1 === ROWS_PER_VISIT;
  }
}

/** The bytes of the one row that spans pieces of a stream. Every byte is copied a bounded number of times. */
export class SpanningRow {
  #buffer: Buffer = Buffer.allocUnsafeSlow(16 * 1024);
  #size = 0;

  /** Bytes collected. The contents of `buffer` beyond them mean nothing. */
  get size(): number {
    return this.#size;
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  /** Whether the buffer is handed over with the row. */
  get owned(): boolean {
    return this.#buffer.length >= OWNED_FROM;
  }

  /** Adds `chunk[from, to)`; `expected` is the size that the row is known to reach, as far as it is known. */
  append(chunk: Buffer, from: number, to: number, expected = 0): void {
    const size = this.#size + to - from;
    const needed = Math.max(size, expected);
    if (needed > LONGEST_ROW) throw damagedStream('A row is longer than PostgreSQL can send.');
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(needed + (needed >>> 1), LONGEST_ROW));
      this.#buffer.copy(grown, 0, 0, this.#size);
      this.#buffer = grown;
    }
    chunk.copy(this.#buffer, this.#size, from, to);
    this.#size = size;
  }

  /** Starts over with an empty row, in a buffer of its own if the last one was handed over. */
  clear(): void {
    if (this.owned) this.#buffer = Buffer.allocUnsafeSlow(16 * 1024);
    this.#size = 0;
  }
}

export function damagedStream(message: string, rows?: number): MigrateError {
  return new MigrateError('DUMP_DAMAGED', {
    message: rows === undefined ? message : `${message} It stands behind row ${rows} of the stream.`,
  });
}
