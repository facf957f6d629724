import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { localError } from './local-error.js';

export interface WriteOptions {
  /** Default 0600. */
  readonly mode?: number;
  /** Only if there is no such file yet; default: an older one is replaced. */
  readonly fresh?: boolean;
  /** Where it is written first, for a file that one process at a time writes; default: a name of its own. */
  readonly part?: string;
}

/**
 * Writes a file that has its name only when it is complete and synced: a reader never sees half of it, and whatever
 * fails leaves what was there. Throws LOCAL_IO or LOCAL_DISK_FULL.
 */
export async function writeWhole(
  file: string,
  text: string,
  { mode = 0o600, fresh = false, part = `${file}.${randomBytes(4).toString('hex')}.part` }: WriteOptions = {},
): Promise<void> {
  try {
    const handle = await open(part, 'w', mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A link is refused where something has that name, a rename replaces it.
    if (fresh) {
      await link(part, file);
      await rm(part);
    } else await rename(part, file);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw localError(error, file);
  }
}
