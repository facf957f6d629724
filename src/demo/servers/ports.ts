import { createServer } from 'node:net';

/** Binds a port of the loopback interface and lets it go again: 0 asks the kernel for a free one. */
function bind(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}

/** A port that nobody listens on now; another process may still take it before it is used. */
export function freePort(): Promise<number> {
  return bind(0);
}

/** Whether somebody else has the port. */
export function portTaken(port: number): Promise<boolean> {
  return bind(port).then(
    () => false,
    () => true,
  );
}
