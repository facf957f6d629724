import { existsSync } from 'node:fs';
import { chmod, open, readdir, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context, Log } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { localError } from '../files/local-error.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { ExportRequest } from './export.js';
import { JOURNAL, Journal } from './journal.js';
import { makeDirectory } from './make-directory.js';
import { findManifest, type Manifest } from './manifest.js';

/**
 * The directory is made, or was ours and unfinished. Anything else in it is left alone: DUMP_EXISTS. One that another
 * export writes into just now: RUN_LOCKED. Returns the
 * manifest when all that was missing is that the journal had not been removed yet.
 */
export async function claimDirectory(
  { reader, out, plan, direction }: ExportRequest,
  { log }: Pick<Context, 'log'>,
): Promise<Manifest | undefined> {
  try {
    await makeDirectory(out);
    await lockDirectory(reader.session, out);
    const [manifest, journal] = [await findManifest(out), await Journal.find(out)];
    if (manifest !== undefined) {
      if (journal?.header.dumpId !== manifest.dumpId || manifest.planHash !== plan.planHash) {
        throw new MigrateError('DUMP_EXISTS', {
          message: `${out} already holds a finished dump`,
          hint: 'Load it with `migrate import`, or export into another directory.',
        });
      }
      await keepOthersOut(out, log);
      await journal.remove();
      return manifest;
    }
    // A process that is killed right at its start leaves this one alone.
    const files = (await readdir(out)).filter((file) => file !== `${JOURNAL}.part`);
    if (journal === undefined && files.length > 0) {
      throw new MigrateError('DUMP_EXISTS', { message: `${out} is not empty and holds no unfinished dump` });
    }
    if (
      journal !== undefined &&
      (journal.header.planHash !== plan.planHash || journal.header.direction !== direction)
    ) {
      throw new MigrateError('DUMP_EXISTS', {
        message: `${out} holds an unfinished export that was made with another plan`,
        hint: 'Export into another directory, or remove this one.',
      });
    }
    await keepOthersOut(out, log);
    return undefined;
  } catch (error) {
    throw localError(error, out);
  }
}

/**
 * The rows are nobody else's affair, whatever mode the directory was made with. Where it cannot be changed (another
 * owner, a file system without modes), the files keep theirs, and it is told.
 */
async function keepOthersOut(out: string, log: Log): Promise<void> {
  const mode = (await stat(out)).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  const was = `had mode ${mode.toString(8).padStart(4, '0')}`;
  try {
    await chmod(out, 0o700);
    log.info(`${out} ${was}; it has 0700 now`);
  } catch (error) {
    log.warn(
      `${out} ${was} and keeps it: ${(error as NodeJS.ErrnoException).code}. Its files are made with 0600`,
    );
  }
}

/** Held by the session until it ends. Throws RUN_LOCKED. */
async function lockDirectory(session: Session, out: string): Promise<void> {
  const directory = await realpath(out);
  const { key, locked } = await session.one<{ key: string; locked: boolean }>(
    sql('export/lock-directory', { directory }),
  );
  if (locked) return;
  const [holder] = await session.query<{ run: string; pid: number; client: string; since: string }>(
    sql('ledger/holder', { key }),
  );
  throw new MigrateError('RUN_LOCKED', {
    message: holder
      ? `Another export writes into ${out}: ${holder.run}, process ${holder.pid} on the source, from ${holder.client} since ${holder.since} UTC`
      : `Another export wrote into ${out} a moment ago`,
    hint: holder ? 'Wait for it, or export into another directory.' : 'Repeat the command.',
    ...(holder ? { context: { ...holder } } : {}),
  });
}

/** Chunk files of a killed run that no journal line speaks of, and those that are to be read again. */
export async function removeOthers(out: string, kept: ReadonlySet<string>): Promise<void> {
  const data = join(out, 'data');
  for (const folder of existsSync(data) ? await readdir(data) : []) {
    for (const file of await readdir(join(data, folder))) {
      if (!kept.has(`data/${folder}/${file}`)) await rm(join(data, folder, file));
    }
  }
}

export async function syncDirectories(out: string, folders: Iterable<string>): Promise<void> {
  for (const folder of folders) await syncDirectory(join(out, folder));
}

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
