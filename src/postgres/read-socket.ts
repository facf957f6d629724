import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** As much as one read takes at most; the size of the buffers that Node.js would make. */
const READ_BYTES = 64 * 1024;

/** Looks at bytes that are overwritten when it returns. */
export type Taker = (bytes: Buffer) => void;

/**
 * A socket that reads into one buffer again and again. Node.js makes a buffer for every read, and the collector lets
 * some 60 MB of them pile up per thread before it looks (measured while rows were copied), which the allocator then
 * keeps. Whoever listens to 'data' gets a copy, for node-postgres holds on to messages that are cut; a COPY sets a
 * taker, which sees the buffer itself. Not for TLS, which reads below this.
 */
export class ReadSocket extends Socket {
  /** Gets what is read, instead of those who listen to 'data'. */
  taker: Taker | undefined;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    let read: Taker;
    const onread: OnReadOpts = {
      buffer,
      callback: (count) => {
        read(buffer.subarray(0, count));
        return true;
      },
    };
    super({ onread } as SocketConstructorOpts);
    read = (bytes) => {
      if (this.taker === undefined) this.emit('data', Buffer.from(bytes));
      else this.taker(bytes);
    };
  }
}
