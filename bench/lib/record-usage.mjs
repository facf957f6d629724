// Loaded into a measured Node.js process by --import: leaves its own account of CPU, peak memory and received bytes
// when it ends.
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.env.BENCH_USAGE_FILE) {
  const sockets = [];
  subscribe('net.client.socket', ({ socket }) => sockets.push(socket));
  process.once('exit', () => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    const received = sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);
    const usage = {
      peakMiB: maxRSS / 1024,
      cpu: (userCPUTime + systemCPUTime) / 1e6,
      receivedMiB: received / 2 ** 20,
    };
    writeFileSync(process.env.BENCH_USAGE_FILE, JSON.stringify(usage));
  });
}
