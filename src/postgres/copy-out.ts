import type { Client, Connection, Submittable } from 'pg';

const COPY_DATA = 0x64;
const COPY_DONE = 0x63;
const ERROR_RESPONSE = 0x45;
/** Type byte and length word (protocol, "Messages"); the length counts itself. */
const HEADER = 5;
const LENGTH_WORD = 4;

/** Bytes that may wait for the reader before the socket is paused. */
const READ_AHEAD = 1024 * 1024;

/** Bytes up to which a loop is faster than the call of copyWithin. */
const SHORT = 32;

export interface CopyOutResult {
  /** Rows, as the server counted them. */
  readonly rows: number;
}

type DataHandler = (bytes: Buffer) => void;

/**
 * COPY … TO STDOUT as a query of node-postgres. The server frames every row; the rows are moved together inside the
 * buffer that the socket handed over, so that a piece costs neither an object for each row nor another buffer
 * (measured on 1.8 GB of rows with vectors: 12 major collections of 0.2 s in all, against 94 of 1.4 s with
 * pg-copy-streams). All messages but CopyData go to node-postgres, which knows what notices and errors mean.
 */
class CopyOut implements Submittable {
  readonly #text: string;
  readonly #pieces: Buffer[] = [];
  #waiting = 0;
  #paused = false;
  #connection!: Connection;
  #handler!: DataHandler;
  /** Bytes of a message that this buffer does not hold yet, and whether they are rows. */
  #left = 0;
  #rowsLeft = false;
  /** A header that was cut by the end of a buffer. */
  #cut: Buffer | undefined;
  #ending = false;
  #state: 'copying' | 'ready' | 'failed' = 'copying';
  #failure: unknown;
  #wake: (() => void) | undefined;
  rows = 0;

  constructor(text: string) {
    this.#text = text;
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
    this.#connection = connection;
    const { stream } = connection;
    this.#handler = stream.listeners('data')[0] as DataHandler;
    stream.off('data', this.#handler);
    stream.on('data', this.#onData);
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
      this.#connection.stream.resume();
    }
    return piece;
  }

  readonly #onData = (chunk: Buffer): void => {
    const bytes = this.#cut === undefined ? chunk : Buffer.concat([this.#cut, chunk]);
    this.#cut = undefined;
    const end = bytes.length;
    let at = 0;
    let kept = 0;
    while (at < end) {
      if (this.#left === 0) {
        if (this.#ending) break;
        if (end - at < HEADER) {
          this.#cut = bytes.subarray(at);
          at = end;
          break;
        }
        const type = bytes[at]!;
        const length = bytes.readUInt32BE(at + 1) - LENGTH_WORD;
        this.#rowsLeft = type === COPY_DATA;
        if (this.#rowsLeft) {
          at += HEADER;
          this.#left = length;
        } else {
          this.#left = HEADER + length;
          this.#ending = type === COPY_DONE || type === ERROR_RESPONSE;
          if (this.#ending) break;
        }
      }
      const part = Math.min(this.#left, end - at);
      if (!this.#rowsLeft) {
        this.#handler(bytes.subarray(at, at + part));
      } else {
        if (kept !== at) {
          if (part < SHORT) for (let i = 0; i < part; i += 1) bytes[kept + i] = bytes[at + i]!;
          else bytes.copyWithin(kept, at, at + part);
        }
        kept += part;
      }
      at += part;
      this.#left -= part;
    }
    if (kept > 0) this.#keep(bytes.subarray(0, kept));
    if (this.#ending) this.#handBack(bytes.subarray(at));
  };

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#waiting += piece.length;
    if (this.#waiting >= READ_AHEAD && !this.#paused) {
      this.#paused = true;
      this.#connection.stream.pause();
    }
    this.#wakeReader();
  }

  /** The rest belongs to node-postgres: CopyDone or an error, CommandComplete, ReadyForQuery. */
  #handBack(rest: Buffer): void {
    const { stream } = this.#connection;
    stream.off('data', this.#onData);
    stream.on('data', this.#handler);
    if (this.#paused) stream.resume();
    this.#paused = false;
    this.#handler(rest);
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
 * COPY … TO STDOUT: hands every piece to the reader as it comes (cut anywhere) and returns the server's count of
 * rows once the connection is ready again. A reader that stops early leaves the connection unusable and the
 * backend busy: `abandon` is called to cancel it on the server and to destroy the connection. `watched` is handed
 * what tells whether it is the server's turn.
 */
export async function* copyOut(
  client: Client,
  text: string,
  session: { abandon(): Promise<void>; watched(waiting: () => boolean): void },
): AsyncGenerator<Buffer, CopyOutResult> {
  const copy = new CopyOut(text);
  session.watched(() => copy.waiting);
  client.query(copy);
  try {
    for (let piece = await copy.next(); piece !== undefined; piece = await copy.next()) yield piece;
    return { rows: copy.rows };
  } finally {
    if (copy.busy) await session.abandon();
  }
}
