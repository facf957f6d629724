import {
  damagedStream,
  NO_KEY,
  RowList,
  type RowSplitter,
  type RowVisitor,
  SpanningRow,
} from './copy-rows.js';

const TAB = 0x09;
const LF = 0x0a;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const CAPITAL_N = 0x4e;

/**
 * Cuts a text COPY stream at its row ends. Inside data tab, newline, carriage return and backslash are always
 * escaped, so a raw LF ends a row and a raw tab a field. Extents of a row include its LF; those of a key are its
 * bytes as they travel, still escaped. A line `\.` ends the stream and is no row; servers stopped sending it
 * with protocol 3. Without it nothing in the stream tells a loss of whole rows: count them.
 */
export class TextRowSplitter implements RowSplitter {
  rows = 0;
  readonly #key: number;
  readonly #list = new RowList();
  readonly #span = new SpanningRow();
  #ended = false;

  /** `key`: index of the field whose extent is wanted, or NO_KEY. */
  constructor(key: number = NO_KEY) {
    this.#key = key;
  }

  push(chunk: Buffer, visit: RowVisitor): void {
    let at = 0;
    if (this.#span.size > 0) {
      const lineEnd = chunk.indexOf(LF);
      at = lineEnd === -1 ? chunk.length : lineEnd + 1;
      this.#span.append(chunk, 0, at);
      if (lineEnd === -1) return;
      this.#list.owned = this.#span.owned;
      this.#visitLines(this.#span.buffer, 0, this.#span.size, visit);
      this.#list.owned = false;
      this.#span.clear();
    }
    const rest = this.#visitLines(chunk, at, chunk.length, visit);
    if (rest < chunk.length) this.#span.append(chunk, rest, chunk.length);
    this.#list.release();
  }

  end(): void {
    if (this.#span.size > 0) throw damagedStream('The text COPY stream ends inside a row.', this.rows);
  }

  /** Visits the lines that end in `buffer[from, to)`; returns where the last of them ends. */
  #visitLines(buffer: Buffer, from: number, to: number, visit: RowVisitor): number {
    const list = this.#list;
    const key = this.#key;
    let rowStart = from;
    list.reset(buffer, rowStart);
    while (rowStart < to) {
      if (this.#ended) throw damagedStream('Bytes follow the end marker of the text COPY stream.');
      // An escaped backslash is doubled, so no data looks like this.
      if (buffer[rowStart] === BACKSLASH && buffer[rowStart + 1] === DOT && buffer[rowStart + 2] === LF) {
        this.#ended = true;
        rowStart += 3;
        continue;
      }
      let at = rowStart;
      let keyStart = rowStart;
      for (let field = 0; field <= key; field++) {
        if (field > 0) {
          if (buffer[at] === LF)
            throw damagedStream('A row of the text COPY stream has too few fields.', this.#seen());
          at += 1;
        }
        keyStart = at;
        while (at < to && buffer[at] !== TAB && buffer[at] !== LF) at += 1;
      }
      const keyEnd = at;
      const lineEnd = buffer.indexOf(LF, at);
      if (lineEnd === -1) break;
      rowStart = lineEnd + 1;
      const isNull =
        keyEnd - keyStart === 2 && buffer[keyStart] === BACKSLASH && buffer[keyStart + 1] === CAPITAL_N;
      if (list.add(rowStart, isNull || key === NO_KEY ? -1 : keyStart, keyEnd)) {
        this.#deliver(visit);
        list.reset(buffer, rowStart);
      }
    }
    if (list.count > 0) this.#deliver(visit);
    return rowStart;
  }

  #deliver(visit: RowVisitor): void {
    this.rows += this.#list.count;
    visit(this.#list);
    this.#list.count = 0;
  }

  #seen(): number {
    return this.rows + this.#list.count;
  }
}
