import type { Session } from '../../postgres/session.js';
import { openSession } from './open-session.js';

/** Whether a server answers at `url`, and it is the one that works in `dataDir`, not another on a port just taken. */
export async function answersFrom(url: string, dataDir: string): Promise<boolean> {
  let session: Session | undefined;
  try {
    session = await openSession(url);
    const { path } = await session.one<{ path: string }>(`SELECT current_setting('data_directory') AS path`);
    return path === dataDir;
  } catch {
    return false;
  } finally {
    await session?.close();
  }
}
