import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import type { Client, Connection, Submittable } from 'pg';
import { describe, expect, test } from 'vitest';
import { BufferPool } from '../../src/core/buffer-pool.js';
import { copyOut, PIECE_BYTES } from '../../src/postgres/copy-out.js';
import { ReadSocket } from '../../src/postgres/read-socket.js';

/** A message of the protocol: type byte, length word, content. */
function message(type: string, content: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeUInt32BE(bytes.length + 4, 1);
  return Buffer.concat([header, bytes]);
}

const START = message('H', Buffer.from([1, 0, 0]));
const END = Buffer.concat([message('c'), message('C', 'COPY 3\0'), message('Z', 'I')]);
const NOTICE = message('N', 'SNOTICE\0Mlook here\0\0');
const FAILURE = Buffer.concat([message('E', 'SERROR\0C57014\0\0'), message('Z', 'I')]);

/** What node-postgres calls on a query besides `submit`. */
interface Query extends Submittable {
  handleCommandComplete(message: { text: string }): void;
  handleReadyForQuery(): void;
  handleError(error: Error): void;
}

/** One that reads into the same buffer again and again, or one that hands over a buffer for each read (TLS). */
class TestSocket extends ReadSocket {
  paused = false;

  override pause(): this {
    this.paused = true;
    return this;
  }

  override resume(): this {
    this.paused = false;
    return this;
  }
}

class TestTlsSocket extends EventEmitter {
  paused = false;
  taker: undefined;

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

/** Overwrites what it gets back: whoever still looks at it sees that. */
class Spoiling extends BufferPool {
  override give(bytes: Buffer): void {
    new Uint8Array(bytes.buffer).fill(0xee);
    super.give(bytes);
  }
}

/** A socket that can be paused, and node-postgres behind it: it keeps what it is given and acts on whole messages. */
class Server {
  readonly stream: TestSocket | TestTlsSocket;
  readonly pool = new Spoiling(1024 * 1024);
  /** As node-postgres does, which keeps slices of messages that are cut. */
  readonly kept: Buffer[] = [];
  abandoned = 0;
  #query!: Query;
  readonly client = {
    query: (query: Submittable) => {
      this.#query = query as Query;
      query.submit(this as unknown as Connection);
    },
  } as unknown as Client;

  constructor(tls = false) {
    this.stream = tls ? new TestTlsSocket() : new TestSocket();
    this.stream.on('data', (bytes: Buffer) => {
      this.kept.push(bytes);
      for (const [type, act] of [
        ['E', () => this.#query.handleError(new Error('canceled'))],
        ['C', () => this.#query.handleCommandComplete({ text: 'COPY 3' })],
        ['Z', () => this.#query.handleReadyForQuery()],
      ] as const)
        if (this.#whole().includes(type)) act();
    });
  }

  query(): void {}

  copy(): AsyncGenerator<Buffer, { rows: number }> {
    const abandon = async (): Promise<void> => {
      this.abandoned += 1;
    };
    return copyOut(this.client, 'COPY t TO STDOUT', { abandon, watched: () => {} }, this.pool);
  }

  send(bytes: Buffer): void {
    const read = Buffer.from(bytes);
    if (this.stream.taker === undefined) {
      this.stream.emit('data', read);
      return;
    }
    this.stream.taker(read);
    // What a taker was shown is overwritten by the next read.
    read.fill(0xee);
  }

  get passedOn(): Buffer {
    return Buffer.concat(this.kept);
  }

  /** Types of the messages that have come in full. */
  #whole(): string[] {
    const types: string[] = [];
    const bytes = this.passedOn;
    for (let at = 0; at + 5 <= bytes.length; ) {
      const length = 1 + bytes.readUInt32BE(at + 1);
      if (at + length > bytes.length) break;
      types.push(String.fromCharCode(bytes[at]!));
      at += length;
    }
    return types;
  }
}

function cut(bytes: Buffer, points: readonly number[]): Buffer[] {
  const sorted = [0, ...points.map((point) => point % bytes.length).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((to, index) => bytes.subarray(sorted[index], to));
}

async function drain(
  copy: AsyncGenerator<Buffer, { rows: number }>,
  pool: BufferPool,
): Promise<{ bytes: Buffer; rows: number }> {
  const pieces: Buffer[] = [];
  for (;;) {
    const { done, value } = await copy.next();
    if (done) return { bytes: Buffer.concat(pieces), rows: value.rows };
    pieces.push(Buffer.from(value));
    pool.give(value);
  }
}

const row = fc.oneof(
  { weight: 20, arbitrary: fc.uint8Array({ maxLength: 90, size: 'max' }).map((bytes) => Buffer.from(bytes)) },
  // Longer than what is handed over at once.
  {
    weight: 1,
    arbitrary: fc.nat({ max: 2 * PIECE_BYTES }).map((length) => Buffer.alloc(length, `${length}`)),
  },
);
const points = fc.array(fc.nat(), { maxLength: 12 });

describe.each([false, true])('COPY out (TLS: %s)', (tls) => {
  test('gives the rows, and node-postgres everything else, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row), fc.array(row), points, async (before, after, where) => {
        const server = new Server(tls);
        const result = drain(server.copy(), server.pool);
        const frames = (rows: Buffer[]): Buffer => Buffer.concat(rows.map((each) => message('d', each)));
        const stream = Buffer.concat([START, frames(before), NOTICE, frames(after), END]);
        for (const piece of cut(stream, where)) server.send(piece);
        const { bytes, rows } = await result;
        expect(bytes.equals(Buffer.concat([...before, ...after]))).toBe(true);
        expect(rows).toBe(3);
        expect(server.passedOn).toEqual(Buffer.concat([START, NOTICE, END]));
        expect(server.abandoned).toBe(0);
      }),
    );
  });

  test('cut at every single byte, gives the same', async () => {
    const server = new Server(tls);
    const result = drain(server.copy(), server.pool);
    for (const byte of Buffer.concat([
      START,
      message('d', 'one\n'),
      message('d', ''),
      message('d', 'two\n'),
      END,
    ]))
      server.send(Buffer.from([byte]));
    expect((await result).bytes.toString()).toBe('one\ntwo\n');
  });

  test("ends with the server's error and leaves the connection in use", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row), points, async (rows, where) => {
        const server = new Server(tls);
        const result = drain(server.copy(), server.pool).catch((error: Error) => error.message);
        const stream = Buffer.concat([START, ...rows.map((each) => message('d', each)), FAILURE]);
        for (const piece of cut(stream, where)) server.send(piece);
        expect(await result).toBe('canceled');
        expect(server.abandoned).toBe(0);
      }),
    );
  });

  test('gives the connection up when its reader stops early, and only then', async () => {
    const server = new Server(tls);
    const copy = server.copy();
    const first = copy.next();
    const row = Buffer.alloc(PIECE_BYTES + 1, 'one');
    server.send(Buffer.concat([START, message('d', row)]));
    expect(row.subarray(0, PIECE_BYTES).equals((await first).value as Buffer)).toBe(true);
    await copy.return({ rows: 0 });
    expect(server.abandoned).toBe(1);
  });

  test('holds the socket while its reader is behind, and lets it go on when it has caught up', async () => {
    const server = new Server(tls);
    const copy = server.copy();
    const first = copy.next();
    server.send(START);
    const frame = message('d', Buffer.alloc(64 * 1024));
    let sent = 0;
    while (!server.stream.paused) {
      server.send(frame);
      sent += 1;
    }
    expect(sent).toBe(16);
    const pieces = (sent * 64 * 1024) / PIECE_BYTES;
    await first;
    for (let taken = 1; taken < pieces; taken += 1) await copy.next();
    expect(server.stream.paused).toBe(false);
    server.send(END);
    expect(await copy.next()).toEqual({ done: true, value: { rows: 3 } });
  });
});
