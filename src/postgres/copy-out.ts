import type { Client, Connection, Submittable } from 'pg';
import { BufferPool, LARGEST_BUFFER } from '../core/buffer-pool.js';
import { ReadSocket, type Taker } from './read-socket.js';

const COPY_DATA = 0x64;
const COPY_DONE = 0x63;
const ERROR_RESPONSE = 0x45;
/** Type byte and length word (protocol, "Messages"); the length counts itself. */
const HEADER = 5;
const LENGTH_WORD = 4;

/** Bytes of rows that are handed over at once: large enough for what each piece costs on its way not to matter. */
export const PIECE_BYTES = LARGEST_BUFFER;

/** Bytes that may wait for the reader before the socket is paused. */
const READ_AHEAD = 1024 * 1024;

/** What a pool has to keep for each stream, so that none is made anew: pieces that wait, that are filled and used. */
export const PIECES_KEPT = 3 * READ_AHEAD;

/**
 * Bytes from which a row is copied by itself. Shorter ones are first moved together within what was read, over the
 * headers between them, which makes no object: a copy out of it makes one for each row in Node.js 20, 100 MB for a
 * million rows, and takes three times as long (105 against 30 ns for 57 bytes).
 */
const LONG = 4096;

export interface CopyOutResult {
  /** Rows, as the server counted them. */
  readonly rows: number;
}

/** The socket of a connection: one that can show what it reads, or, under TLS, one that hands over buffers. */
class Source {
  readonly #stream: Connection['stream'];
  readonly #handler: Taker;
  readonly #taker: Taker;

  /** Until `handBack`, `taker` gets what comes, instead of node-postgres. */
  constructor(stream: Connection['stream'], taker: Taker) {
    this.#stream = stream;
    this.#handler = stream.listeners('data')[0] as Taker;
    this.#taker = taker;
    if (stream instanceof ReadSocket) stream.taker = taker;
    else stream.off('data', this.#handler).on('data', taker);
  }

  /** node-postgres keeps slices of messages that are cut, but what the taker is shown is overwritten. */
  passOn(bytes: Buffer): void {
    this.#handler(Buffer.from(bytes));
  }

  handBack(): void {
    if (this.#stream instanceof ReadSocket) this.#stream.taker = undefined;
    else this.#stream.off('data', this.#taker).on('data', this.#handler);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }
}

/**
 * COPY … TO STDOUT as a query of node-postgres. The server frames every row; the rows are copied together into pieces
 * that are filled again once their reader has given them back, so that a stream costs no garbage but the few objects
 * of each piece (with pg-copy-streams: an object for each row, 94 major collections for 1.8 GB of rows). All messages
 * but CopyData go to node-postgres, which knows what notices and errors mean.
 */
class CopyOut implements Submittable {
  readonly #text: string;
  readonly #pool: BufferPool;
  readonly #pieces: Buffer[] = [];
  /** The piece that is being filled, and how far. */
  #piece: Buffer | undefined;
  #filled = 0;
  #waiting = 0;
  #paused = false;
  #source!: Source;
  /** Bytes of a message that have not come yet, and whether they are rows. */
  #left = 0;
  #rowsLeft = false;
  /** What has come of a header that the end of a read has cut. */
  readonly #head = Buffer.alloc(HEADER);
  #headLength = 0;
  #state: 'copying' | 'ready' | 'failed' = 'copying';
  #failure: unknown;
  #wake: (() => void) | undefined;
  rows = 0;

  constructor(text: string, pool: BufferPool) {
    this.#text = text;
    this.#pool = pool;
  }

  /** It is the server's turn: rows would be taken if they came. */
  get waiting(): boolean {
    return this.busy && !this.#paused;
  }

  /** True while the server may still send: the connection cannot be used for anything else. */
  get busy(): boolean {
    return this.#state === 'copying';
  }

  submit(connection: Connection): void {
    this.#source = new Source(connection.stream, this.#onData);
    connection.query(this.#text);
  }

  /** The next piece; undefined once the connection is ready for another query. */
  async next(): Promise<Buffer | undefined> {
    while (this.#pieces.length === 0) {
      if (this.#state === 'ready') return undefined;
      if (this.#state === 'failed') throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const piece = this.#pieces.shift()!;
    this.#waiting -= piece.length;
    if (this.#paused && this.#waiting < READ_AHEAD / 2) {
      this.#paused = false;
      this.#source.resume();
    }
    return piece;
  }

  /** Writes into `bytes`; nothing of it is referenced when this returns. */
  readonly #onData = (bytes: Buffer): void => {
    const end = bytes.length;
    let at = 0;
    // What was moved together of rows and is not in a piece yet.
    let run = 0;
    let runEnd = 0;
    while (at < end) {
      if (this.#left === 0) {
        let header = bytes;
        let from = at;
        if (this.#headLength === 0 && end - at >= HEADER) {
          at += HEADER;
        } else {
          at += this.#completeHead(bytes, at);
          if (this.#headLength < HEADER) break;
          this.#headLength = 0;
          header = this.#head;
          from = 0;
        }
        const type = header[from]!;
        this.#left = header.readUInt32BE(from + 1) - LENGTH_WORD;
        this.#rowsLeft = type === COPY_DATA;
        if (!this.#rowsLeft) {
          this.#source.passOn(header.subarray(from, from + HEADER));
          if (type === COPY_DONE || type === ERROR_RESPONSE) {
            this.#append(bytes, run, runEnd);
            this.#handBack(bytes.subarray(at));
            return;
          }
        }
      }
      const part = Math.min(this.#left, end - at);
      if (!this.#rowsLeft) {
        if (part > 0) this.#source.passOn(bytes.subarray(at, at + part));
      } else if (part < LONG && run < runEnd) {
        bytes.copyWithin(runEnd, at, at + part);
        runEnd += part;
      } else {
        this.#append(bytes, run, runEnd);
        run = at;
        runEnd = at + part;
      }
      at += part;
      this.#left -= part;
    }
    this.#append(bytes, run, runEnd);
  };

  /** Returns how many bytes it took. */
  #completeHead(bytes: Buffer, at: number): number {
    const part = bytes.copy(this.#head, this.#headLength, at);
    this.#headLength += part;
    return part;
  }

  #append(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      this.#piece ??= this.#pool.take(PIECE_BYTES);
      const piece = this.#piece;
      const filled = this.#filled;
      const part = Math.min(to - at, PIECE_BYTES - filled);
      bytes.copy(piece, filled, at, at + part);
      this.#filled = filled + part;
      at += part;
      if (this.#filled === PIECE_BYTES) this.#handOver();
    }
  }

  /** Only pieces that are full are handed over before the end: one that is nearly empty costs as much as any other. */
  #handOver(): void {
    if (this.#piece === undefined) return;
    const piece = this.#piece.subarray(0, this.#filled);
    this.#piece = undefined;
    this.#filled = 0;
    this.#pieces.push(piece);
    this.#waiting += piece.length;
    if (this.#waiting >= READ_AHEAD) {
      this.#paused = true;
      this.#source.pause();
    }
    this.#wakeReader();
  }

  /** The rest belongs to node-postgres: CopyDone or an error, CommandComplete, ReadyForQuery. */
  #handBack(rest: Buffer): void {
    this.#handOver();
    this.#source.handBack();
    if (this.#paused) this.#source.resume();
    this.#paused = false;
    if (rest.length > 0) this.#source.passOn(rest);
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  handleCommandComplete(message: { text?: string }): void {
    this.rows = Number(/^COPY (\d+)$/.exec(message.text ?? '')?.[1] ?? 0);
  }

  handleReadyForQuery(): void {
    if (this.#state === 'copying') this.#state = 'ready';
    this.#wakeReader();
  }

  handleError(error: unknown): void {
    this.#state = 'failed';
    this.#failure = error;
    this.#wakeReader();
  }
}

/**
 * COPY … TO STDOUT: hands pieces to the reader (cut anywhere), who gives them back to `pool` when they have served, and
 * returns the server's count of rows once the connection is ready again. A reader that stops early leaves the connection unusable and the
 * backend busy: `abandon` is called to cancel it on the server and to destroy the connection. `watched` is handed
 * what tells whether it is the server's turn.
 */
export async function* copyOut(
  client: Client,
  text: string,
  session: { abandon(): Promise<void>; watched(waiting: () => boolean): void },
  pool = new BufferPool(0),
): AsyncGenerator<Buffer, CopyOutResult> {
  const copy = new CopyOut(text, pool);
  session.watched(() => copy.waiting);
  client.query(copy);
  try {
    for (let piece = await copy.next(); piece !== undefined; piece = await copy.next()) yield piece;
    return { rows: copy.rows };
  } finally {
    if (copy.busy) await session.abandon();
  }
}
