import { connect, createServer, type Socket } from 'node:net';
import { atFileEnd } from './clean-up.js';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

/** A TCP link to a server that can be cut, or that swallows what is sent on it. */
export interface Proxy {
  /** `host:port` where it listens. */
  readonly address: string;
  /** Connections that were made through it so far. */
  readonly connections: number;
  /** Drops every connection; new ones work. */
  cut(): void;
  /** Passes nothing on over the connections that there are, in one direction or both, and drops none. New ones work. */
  stall(direction?: 'requests' | 'answers' | 'both'): void;
  close(): Promise<void>;
}

/**
 * Stands in front of `host:port` until the test file ends. `outlives`: a client that goes leaves its connection to the
 * server open, as a machine does that vanishes.
 */
export async function startProxy(
  target: { host: string; port: number; localAddress?: string },
  { outlives = false } = {},
): Promise<Proxy> {
  const links = new Set<Link>();
  let connections = 0;
  const listener = createServer((client) => {
    connections += 1;
    const link = { client, server: connect(target) };
    links.add(link);
    const drop = (): void => {
      links.delete(link);
      client.destroy();
      link.server.destroy();
    };
    client.pipe(link.server, { end: !outlives });
    link.server.pipe(client);
    for (const socket of [client, link.server]) {
      const ended = outlives && socket === client ? () => {} : drop;
      socket.on('error', ended);
      socket.on('close', ended);
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as { port: number };
  const proxy: Proxy = {
    address: `127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    cut() {
      for (const { client, server } of links) {
        client.destroy();
        server.destroy();
      }
    },
    stall(direction = 'both') {
      for (const { client, server } of links) {
        // A paused socket is not read: its own buffers and the sender's fill up, as behind a link that is gone.
        if (direction !== 'answers') client.unpipe(server).pause();
        if (direction !== 'requests') server.unpipe(client).pause();
      }
    },
    async close() {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      proxy.cut();
      await closed;
    },
  };
  atFileEnd('close', () => proxy.close());
  return proxy;
}
