import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MigrateError } from '../core/errors.js';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

const unusable = (message: string, path: string): MigrateError =>
  new MigrateError('OUT_UNUSABLE', { message, context: { path } });

async function isDirectory(path: string): Promise<boolean | undefined> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Makes a directory of mode 0700 in one that exists, unless it is there. Throws OUT_UNUSABLE, and what the file
 * system says otherwise. Not `recursive`: below /proc, where nothing can be made and mkdir says that the parent is
 * missing, Node.js would try again and again, without end and deaf to signals (measured with 20.20).
 */
export async function makeDirectory(path: string): Promise<void> {
  const there = await isDirectory(path);
  if (there === true) return;
  if (there === false) throw unusable(`${path} is not a directory`, path);
  const parent = dirname(resolve(path));
  const above = await isDirectory(parent);
  if (above === undefined) throw unusable(`${path} cannot be made: there is no directory ${parent}`, path);
  if (!above) throw unusable(`${path} cannot be made: ${parent} is not a directory`, path);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // Another run was faster.
    if (codeOf(error) === 'EEXIST' && (await isDirectory(path)) === true) return;
    if (codeOf(error) === 'EEXIST') throw unusable(`${path} is not a directory`, path);
    if (codeOf(error) === 'ENOENT')
      throw unusable(`${path} cannot be made: ${parent} takes no directories`, path);
    throw error;
  }
}
