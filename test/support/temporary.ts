import { statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';

/** What the servers of two files at a time, their write-ahead log and the files' dumps stay below. */
const ENOUGH_DISK = 4e9;
const ENOUGH_MEMORY = 8e9;

/**
 * Where servers and files of a run lie: in memory, where there is plenty. Servers without fsync wait for no disk
 * either way, but a file system's own work for the many files of shards takes a tenth of a run's CPU time.
 */
export function temporaryDirectory(): string {
  const shared = '/dev/shm';
  const memory = Math.min(freemem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  try {
    const { bavail, bsize } = statfsSync(shared);
    if (bavail * bsize >= ENOUGH_DISK && memory >= ENOUGH_MEMORY) return shared;
  } catch {
    // There is none.
  }
  return tmpdir();
}
