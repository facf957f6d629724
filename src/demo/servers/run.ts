import { spawn } from 'node:child_process';
import { abortReason, MigrateError } from '../../core/errors.js';
import { serverHome } from './home.js';

/**
 * Runs a program to its end as the servers' user, with `directory` as its home and working directory. Throws
 * SERVER_NOT_STARTED with the last lines of its output when it fails.
 */
export async function runAsServer(
  program: string,
  args: readonly string[],
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  const home = serverHome();
  const child = spawn(program, args, {
    ...home.user,
    cwd: directory,
    env: home.environment(directory),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal && { signal }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000);
    });
  }
  const outcome = await new Promise<number | NodeJS.Signals | Error>((resolve) => {
    child.once('error', resolve);
    child.once('close', (code, killed) => resolve(code ?? killed!));
  });
  if (signal?.aborted) throw abortReason(signal);
  if (outcome === 0) return;
  const why = outcome instanceof Error ? outcome.message : `it ended with ${outcome}`;
  throw new MigrateError('SERVER_NOT_STARTED', {
    message: `${program} failed: ${why}`,
    context: { log: lastLines(output) },
    cause: outcome instanceof Error ? outcome : undefined,
  });
}

/** The end of a log, for an error's context. */
export function lastLines(text: string, count = 10): string[] {
  return text.trimEnd().split('\n').slice(-count);
}
