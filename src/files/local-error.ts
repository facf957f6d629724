import { MigrateError } from '../core/errors.js';

/** A file system's error as one of ours; every other error as it is. */
export function localError(error: unknown, path: string): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (error instanceof MigrateError || syscall === undefined) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new MigrateError('LOCAL_DISK_FULL', {
      message: `No space left for ${path}`,
      context: { path },
      cause: error,
    });
  }
  return new MigrateError('LOCAL_IO', {
    message: `Cannot use ${path}: ${message}`,
    context: { path },
    cause: error,
  });
}
