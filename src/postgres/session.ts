import { connect as connectSocket } from 'node:net';
import type { Client } from 'pg';
import type { BufferPool } from '../core/buffer-pool.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import type { Queryable } from '../core/queryable.js';
import { CopyIn } from './copy-in.js';
import { copyOut } from './copy-out.js';
import { type Fetched, fetchRows } from './fetch-rows.js';
import { serverFields, sqlState, toMigrateError } from './sqlstate.js';

/** Request code of CancelRequest (protocol, "Message Formats"). */
const CANCEL_REQUEST = 80877102;

/** How long a farewell or a cancel request may take before the connection is dropped without it. */
const FAREWELL_MS = 5000;

/** Statements that only read, behind the comment of an SQL file. */
const READS = /^(?:\s|--.*\n)*(?:SELECT|DECLARE|FETCH)\b/i;

export type Isolation = 'READ COMMITTED' | 'REPEATABLE READ';

/** One connection with pinned settings; every failure leaves it as a MigrateError that names the server. */
export class Session implements Queryable {
  readonly server: string;
  readonly #client: Client;
  /** Where it is connected to: an address where the conninfo has one. */
  readonly address: { readonly host: string; readonly port: number };
  #closed = false;
  #stopped: AbortSignal | undefined;
  /** While something is under way: whether it is the server's turn. */
  #waiting: (() => boolean) | undefined;

  /** Use `connect`; this wraps a client that is connected and pinned. */
  constructor(client: Client, server: string, address: { host: string; port: number }, stallMs?: number) {
    this.#client = client;
    this.server = server;
    this.address = address;
    client.once('end', () => {
      this.#closed = true;
    });
    if (stallMs !== undefined) this.#watch(stallMs);
  }

  /**
   * Drops the connection when it is the server's turn and no byte has moved either way for `stallMs`, or at most twice
   * that. A link that swallows packets would otherwise hold a chunk for as long as the system retransmits.
   */
  #watch(stallMs: number): void {
    const { stream } = this.#client.connection;
    const socket = stream as typeof stream & { setTimeout(ms: number): void };
    socket.setTimeout(stallMs);
    socket.on('timeout', () => {
      if (this.#waiting?.()) {
        stream.destroy(
          new MigrateError('CONNECTION_LOST', {
            message: `${this.server} has not moved a byte for ${stallMs / 1000} s`,
            hint: 'Repeat the command: it continues where it stopped. Raise stallSeconds if the server is that slow.',
            context: { server: this.server },
          }),
        );
      } else {
        socket.setTimeout(stallMs);
      }
    });
  }

  /**
   * From here on whatever this session waits for is cancelled on the server when `signal` is aborted, and nothing new
   * begins after that: for sessions that only look around, where half done is as good as not begun.
   */
  cancelOn(signal: AbortSignal): void {
    this.#stopped = signal;
    const cancel = (): void => {
      if (this.#waiting !== undefined) void this.cancel();
    };
    signal.addEventListener('abort', cancel, { once: true });
    this.#client.once('end', () => signal.removeEventListener('abort', cancel));
  }

  async #during<T>(waiting: () => boolean, work: () => Promise<T>): Promise<T> {
    this.#waiting = waiting;
    try {
      return await work();
    } finally {
      this.#waiting = undefined;
    }
  }

  /** Calls `heard` for every NOTIFY on a channel that this session listens to. */
  onNotification(heard: () => void): void {
    this.#client.on('notification', heard);
  }

  /** Process id of the backend. */
  get pid(): number {
    return (this.#client as unknown as { processID: number }).processID;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The rows of one statement; of several, those of the last. bigint and numeric come as text. */
  async query<T extends object>(text: string, doing?: string): Promise<T[]> {
    if (this.#stopped !== undefined && text !== 'ROLLBACK') throwIfAborted(this.#stopped);
    try {
      const result = await this.#during(
        () => true,
        () => this.#client.query<T>(text),
      );
      return (Array.isArray(result) ? result.at(-1) : result).rows;
    } catch (error) {
      throw toMigrateError(error, { server: this.server, doing, reading: READS.test(text) });
    }
  }

  /**
   * One statement as applications send it, with its parameters apart from it. Its rows are handed over one by one, with
   * values as the server writes them, and are not kept.
   */
  async fetch(
    text: string,
    parameters: readonly unknown[],
    onRow: (values: readonly (string | null)[]) => void,
  ): Promise<Fetched> {
    if (this.#stopped !== undefined) throwIfAborted(this.#stopped);
    try {
      return await this.#during(
        () => true,
        () => fetchRows(this.#client, text, parameters, onRow),
      );
    } catch (error) {
      throw toMigrateError(error, { server: this.server });
    }
  }

  /** The single row of a statement that returns exactly one; any other number is an error. */
  async one<T extends object>(text: string, doing = 'read one row'): Promise<T> {
    const rows = await this.query<T>(text, doing);
    if (rows.length === 1) return rows[0]!;
    throw new MigrateError('INTERNAL', {
      message: `Could not ${doing} on ${this.server}: ${rows.length} rows came instead of one`,
    });
  }

  /**
   * Bytes of `COPY … TO STDOUT`, cut anywhere, in buffers from `pool`; returns the server's row count. Stopping early
   * ends the session. When `signal` is aborted, the server is asked to cancel: it may be waiting for a lock and send nothing at all.
   */
  async *copyOut(
    text: string,
    doing?: string,
    signal?: AbortSignal,
    pool?: BufferPool,
  ): AsyncGenerator<Buffer, number> {
    const cancel = (): void => void this.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const watched = (waiting: () => boolean): void => {
        this.#waiting = waiting;
      };
      const session = { abandon: () => this.abandon(), watched };
      return (yield* copyOut(this.#client, text, session, pool)).rows;
    } catch (error) {
      throw toMigrateError(error, { server: this.server, doing, reading: true });
    } finally {
      this.#waiting = undefined;
      signal?.removeEventListener('abort', cancel);
    }
  }

  /**
   * Sends chunks to `COPY … FROM STDIN`; returns the server's row count. A failing source rolls the COPY back. `sent`
   * is told of each chunk of which the system has taken over every byte.
   */
  async copyIn(
    text: string,
    chunks: AsyncIterable<Buffer>,
    doing?: string,
    sent?: (chunk: Buffer) => void,
  ): Promise<number> {
    const copy = new CopyIn(text, sent);
    this.#client.query(copy);
    try {
      return await this.#during(
        () => copy.waiting,
        () => copy.run(chunks),
      );
    } catch (error) {
      throw toMigrateError(error, { server: this.server, doing });
    }
  }

  /** Runs `work` between BEGIN and COMMIT; rolls back on an error, which is thrown on. */
  async transaction<T>(work: () => Promise<T>, options = ''): Promise<T> {
    await this.query(`BEGIN ${options}`);
    try {
      const result = await work();
      await this.query('COMMIT', 'commit');
      return result;
    } catch (error) {
      if (!this.#closed) await this.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }

  /** Asks the server to cancel what this session is doing, over a connection of its own. */
  async cancel(): Promise<void> {
    const { host, port } = this.address;
    const { processID, secretKey } = this.#client as unknown as { processID: number; secretKey: number };
    const request = Buffer.alloc(16);
    request.writeInt32BE(16, 0);
    request.writeInt32BE(CANCEL_REQUEST, 4);
    request.writeInt32BE(processID, 8);
    request.writeInt32BE(secretKey, 12);
    await new Promise<void>((resolve) => {
      const socket = host.startsWith('/')
        ? connectSocket(`${host}/.s.PGSQL.${port}`)
        : connectSocket(port, host);
      socket.setTimeout(FAREWELL_MS, () => socket.destroy());
      socket.on('error', () => resolve());
      socket.on('close', () => resolve());
      socket.end(request);
    });
  }

  /**
   * Runs `work`, which waits for this session; asks the server to cancel it when `signal` is aborted meanwhile. Where
   * no answer comes even then, the link has swallowed it, and the connection is dropped.
   */
  async cancelledBy<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    throwIfAborted(signal);
    let dropped: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      void this.cancel();
      dropped = setTimeout(() => this.#client.connection.stream.destroy(), 2 * FAREWELL_MS);
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await work();
    } finally {
      clearTimeout(dropped);
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Cancels on the server, then drops the connection: for one that is stuck in the middle of a COPY. */
  async abandon(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.cancel();
    this.#client.connection.stream.destroy();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const dropped = setTimeout(() => this.#client.connection.stream.destroy(), FAREWELL_MS);
    await this.#client.end().catch(() => {});
    clearTimeout(dropped);
  }
}

/** True when `error` is the server's error with this SQLSTATE. */
export function isState(error: unknown, state: string): boolean {
  return sqlState(error) === state;
}

/** The C function that raised the server's error: what tells apart errors that share a SQLSTATE. */
export function serverRoutine(error: unknown): string | undefined {
  return serverFields(error)?.routine;
}
