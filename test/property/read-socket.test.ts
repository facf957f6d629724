import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ReadSocket } from '../../src/postgres/read-socket.js';

let server: Server;
const accepted: Socket[] = [];
beforeAll(async () => {
  server = createServer((socket) => accepted.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  for (const socket of accepted) socket.destroy();
  server.close();
});

/** Both ends of a connection. */
async function pair(): Promise<{ socket: ReadSocket; peer: Socket }> {
  const there = once(server, 'connection');
  const socket = new ReadSocket();
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await there) as [Socket];
  peer.setNoDelay(true);
  return { socket, peer };
}

const numbered = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => (at * 31) % 251));

test('hands listeners bytes that stay as they are while more are read, however they were cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 8 }),
      async (sizes) => {
        const { socket, peer } = await pair();
        const kept: Buffer[] = [];
        socket.on('data', (bytes: Buffer) => kept.push(bytes));
        const ended = once(socket, 'end');
        const sent = sizes.map(numbered);
        for (const bytes of sent) if (!peer.write(bytes)) await once(peer, 'drain');
        peer.end();
        await ended;
        expect(Buffer.concat(kept).equals(Buffer.concat(sent))).toBe(true);
      },
    ),
    { numRuns: 30 },
  );
});

test('shows a taker the same buffer again and again, and listeners nothing', async () => {
  const { socket, peer } = await pair();
  const listened: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => listened.push(bytes));
  const buffers = new Set<unknown>();
  const seen: Buffer[] = [];
  socket.taker = (bytes) => {
    buffers.add(bytes.buffer);
    seen.push(Buffer.from(bytes));
  };
  const ended = once(socket, 'end');
  const sent = numbered(1_000_000);
  peer.end(sent);
  await ended;
  expect(Buffer.concat(seen).equals(sent)).toBe(true);
  expect(seen.length).toBeGreaterThan(1);
  expect(buffers.size).toBe(1);
  expect(listened).toEqual([]);
});

test('reads nothing while it is paused, and goes on where it stopped', async () => {
  const { socket, peer } = await pair();
  socket.on('data', () => {});
  let size = 0;
  let pauses = 0;
  const seen: Buffer[] = [];
  socket.taker = (bytes) => {
    expect(socket.isPaused()).toBe(false);
    seen.push(Buffer.from(bytes));
    size += bytes.length;
    pauses += 1;
    socket.pause();
    setImmediate(() => socket.resume());
  };
  const ended = once(socket, 'end');
  const sent = numbered(2_000_000);
  peer.end(sent);
  await ended;
  expect(size).toBe(sent.length);
  expect(Buffer.concat(seen).equals(sent)).toBe(true);
  expect(pauses).toBeGreaterThan(10);
});
