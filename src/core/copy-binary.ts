import {
  damagedStream,
  NO_KEY,
  RowList,
  type RowSplitter,
  type RowVisitor,
  SpanningRow,
} from './copy-rows.js';

/** What precedes the rows of a binary COPY stream: signature, flags 0, no extension. */
export const BINARY_HEADER: Buffer = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

/** What follows them: a field count of -1. */
export const BINARY_TRAILER: Buffer = Buffer.from([0xff, 0xff]);

const SIGNATURE_LENGTH = 11;
const TRAILER = 0xffff;

/**
 * Cuts a binary COPY stream at its row ends (format: PostgreSQL documentation of COPY, "Binary Format"). A row is
 * int16 field count, then per field int32 length (-1: NULL) and as many bytes, big-endian. Rows that lie wholly
 * in a piece are not copied.
 */
export class BinaryRowSplitter implements RowSplitter {
  rows = 0;
  readonly #key: number;
  readonly #list = new RowList();
  /** The header, then the row that the last piece cut. */
  readonly #span = new SpanningRow();
  /** Bytes of the span that the next step of reading it needs. */
  #need = BINARY_HEADER.length;
  #phase: 'header' | 'rows' | 'ended' = 'header';
  /** Field count of every row; -1 before the first. */
  #fields = -1;
  /** Of the spanning row: the field whose length is read next (-1: the field count is), and its key. */
  #nextField = -1;
  #keyStart = -1;
  #keyEnd = -1;

  /** `key`: index of the field whose extent is wanted, or NO_KEY. */
  constructor(key: number = NO_KEY) {
    this.#key = key;
  }

  push(chunk: Buffer, visit: RowVisitor): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#phase === 'ended') throw damagedStream('Bytes follow the trailer of the binary COPY stream.');
      if (this.#phase === 'header' || this.#span.size > 0) at = this.#continueSpan(chunk, at, visit);
      else at = this.#visitWhole(chunk, at, visit);
    }
    this.#list.release();
  }

  end(): void {
    if (this.#phase !== 'ended')
      throw damagedStream('The binary COPY stream ends before its trailer.', this.rows);
  }

  /** Visits the rows that end inside the chunk and keeps the rest; returns how far it came. */
  #visitWhole(chunk: Buffer, from: number, visit: RowVisitor): number {
    const list = this.#list;
    const key = this.#key;
    const size = chunk.length;
    let rowStart = from;
    list.reset(chunk, rowStart);
    walk: while (rowStart + 2 <= size) {
      const fields = (chunk[rowStart]! << 8) | chunk[rowStart + 1]!;
      if (fields !== this.#fields && !this.#startsRow(fields)) {
        rowStart += 2;
        break;
      }
      let at = rowStart + 2;
      let keyStart = -1;
      let keyEnd = -1;
      for (let field = 0; field < fields; field++) {
        if (at + 4 > size) break walk;
        const length = (chunk[at]! << 24) | (chunk[at + 1]! << 16) | (chunk[at + 2]! << 8) | chunk[at + 3]!;
        at += 4;
        if (length >= 0) {
          if (field === key) {
            keyStart = at;
            keyEnd = at + length;
          }
          at += length;
        } else if (length !== -1) {
          throw this.#damagedRow();
        }
      }
      if (at > size) break;
      rowStart = at;
      if (list.add(at, keyStart, keyEnd)) {
        this.#deliver(visit);
        list.reset(chunk, rowStart);
      }
    }
    if (list.count > 0) this.#deliver(visit);
    if (this.#phase === 'ended' || rowStart === size) return rowStart;
    this.#need = 2;
    this.#nextField = -1;
    this.#keyStart = -1;
    this.#keyEnd = -1;
    return this.#continueSpan(chunk, rowStart, visit);
  }

  /** Collects the header or the row that spans pieces, and visits it when complete; returns the bytes used. */
  #continueSpan(chunk: Buffer, from: number, visit: RowVisitor): number {
    const span = this.#span;
    let at = from;
    for (;;) {
      if (span.size < this.#need) {
        const to = Math.min(chunk.length, at + this.#need - span.size);
        span.append(chunk, at, to, this.#need);
        at = to;
        if (span.size < this.#need) return at;
      }
      const complete = this.#phase === 'header' ? this.#readHeader() : this.#readSpanStep(visit);
      if (complete) return at;
    }
  }

  /** Needs the fixed part first, then the extension as well, which is skipped. */
  #readHeader(): boolean {
    const header = this.#span.buffer;
    if (header.compare(BINARY_HEADER, 0, SIGNATURE_LENGTH, 0, SIGNATURE_LENGTH) !== 0) {
      throw damagedStream('This is no binary COPY stream: its signature is missing.');
    }
    // The upper 16 flags change the format; the only one ever used, OIDs, went with PostgreSQL 12.
    if (header.readUInt16BE(SIGNATURE_LENGTH) !== 0) {
      throw damagedStream('The binary COPY stream has a flag that is not known.');
    }
    const extension = header.readInt32BE(SIGNATURE_LENGTH + 4);
    if (extension < 0) throw damagedStream('The header of the binary COPY stream has a negative length.');
    this.#need = BINARY_HEADER.length + extension;
    if (this.#span.size < this.#need) return false;
    this.#span.clear();
    this.#phase = 'rows';
    return true;
  }

  /** Reads the field count or one length, and with it how far the row reaches at least. */
  #readSpanStep(visit: RowVisitor): boolean {
    const row = this.#span.buffer;
    let end = this.#need;
    if (this.#nextField === -1) {
      if (!this.#startsRow(row.readUInt16BE(0))) return true;
      this.#nextField = 0;
    } else if (this.#nextField < this.#fields) {
      const length = row.readInt32BE(end - 4);
      if (length < -1) throw this.#damagedRow();
      if (this.#nextField === this.#key && length >= 0) {
        this.#keyStart = end;
        this.#keyEnd = end + length;
      }
      if (length > 0) end += length;
      this.#nextField += 1;
    }
    const complete = this.#nextField === this.#fields;
    this.#need = complete ? end : end + 4;
    if (!complete || this.#span.size < end) return false;
    this.#list.reset(row, 0);
    this.#list.add(end, this.#keyStart, this.#keyEnd);
    this.#list.owned = this.#span.owned;
    this.#deliver(visit);
    this.#list.owned = false;
    this.#span.clear();
    return true;
  }

  #deliver(visit: RowVisitor): void {
    this.rows += this.#list.count;
    visit(this.#list);
    this.#list.count = 0;
  }

  /** Whether a row begins with this field count; otherwise it was the trailer. */
  #startsRow(fields: number): boolean {
    if (fields === TRAILER) {
      this.#phase = 'ended';
      return false;
    }
    if (this.#fields === -1) {
      if (fields > 0x7fff || fields <= this.#key) throw this.#damagedRow();
      this.#fields = fields;
    }
    if (fields !== this.#fields) throw this.#damagedRow();
    return true;
  }

  #damagedRow(): Error {
    return damagedStream(
      'A row of the binary COPY stream has a field count or a length that cannot be.',
      this.rows + this.#list.count,
    );
  }
}
