import type { Connection, Submittable } from 'pg';

const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);
const HEADER = 5;

type CopyConnection = Connection & { sendCopyFail(message: string): void };

interface Settled<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

function settled<T>(): Settled<T> {
  const handle = {} as Settled<T>;
  handle.promise = new Promise<T>((resolve, reject) => Object.assign(handle, { resolve, reject }));
  handle.promise.catch(() => {});
  return handle;
}

/**
 * COPY … FROM STDIN as a query of node-postgres that waits for the server at both ends: rows are sent only after
 * CopyInResponse and only as fast as the socket drains, and the result comes only with ReadyForQuery, so the next
 * statement never meets a busy connection. After an error the server skips what is still on its way (protocol,
 * "COPY Operations"), and the connection is usable again.
 */
export class CopyIn implements Submittable {
  readonly #text: string;
  readonly #sent: ((chunk: Buffer) => void) | undefined;
  readonly #ready = settled<void>();
  readonly #done = settled<number>();
  #connection: CopyConnection | undefined;
  #rows = 0;
  #failure: Error | undefined;
  #wake: ((error: Error) => void) | undefined;
  /** Everything has been sent, or the server has not let us begin. */
  #turn = true;

  /** `sent` is told of each chunk that nobody here looks at any more; not of those that an error has overtaken. */
  constructor(text: string, sent?: (chunk: Buffer) => void) {
    this.#text = text;
    this.#sent = sent;
  }

  /** It is the server's turn: to begin, to take what was sent, or to answer at the end. */
  get waiting(): boolean {
    return this.#turn || this.#wake !== undefined;
  }

  /** Sends all chunks; returns the number of rows that the server counted. */
  async run(chunks: AsyncIterable<Buffer>): Promise<number> {
    await this.#ready.promise;
    this.#turn = false;
    try {
      for await (const chunk of chunks) await this.#send(chunk);
    } catch (error) {
      // Either our source failed, and the server has to be told; or the server did, and has forgotten the COPY.
      this.#turn = true;
      this.#connection!.sendCopyFail('the sender gave up');
      await this.#done.promise.catch(() => {});
      throw error;
    }
    this.#turn = true;
    this.#connection!.stream.write(COPY_DONE);
    return this.#done.promise;
  }

  async #send(chunk: Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (chunk.length === 0) return;
    const stream = this.#connection!.stream;
    const header = Buffer.allocUnsafe(HEADER);
    header[0] = COPY_DATA;
    header.writeUInt32BE(chunk.length + HEADER - 1, 1);
    stream.cork();
    stream.write(header);
    const flowing = stream.write(chunk, (error) => {
      if (!error) this.#sent?.(chunk);
    });
    stream.uncork();
    if (flowing) return;
    // A listener for each wait, taken away again: a promise raced once per chunk would grow with the table.
    await new Promise<void>((resolve, reject) => {
      this.#wake = (error) => {
        stream.off('drain', resolve);
        reject(error);
      };
      stream.once('drain', resolve);
    });
    this.#wake = undefined;
  }

  submit(connection: Connection): void {
    this.#connection = connection as CopyConnection;
    connection.query(this.#text);
  }

  handleCopyInResponse(): void {
    this.#ready.resolve();
  }

  handleCommandComplete(message: { text?: string }): void {
    this.#rows = Number(/^COPY (\d+)$/.exec(message.text ?? '')?.[1] ?? 0);
  }

  handleReadyForQuery(): void {
    this.#done.resolve(this.#rows);
    this.#ready.resolve();
  }

  handleError(error: Error): void {
    this.#failure = error;
    this.#wake?.(error);
    this.#done.reject(error);
    this.#ready.reject(error);
  }
}
