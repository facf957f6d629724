import { readFileSync } from 'node:fs';
import { systemClock } from '../observe/clock.js';
import { commandsFor } from './commands/load.js';
import { type FrameOptions, type FrameProcess, runFrame } from './frame/run.js';

/** How long something that was left open may hold the process after the result is written. */
const LINGER_MS = 2000;

/**
 * Runs the command line of this process; returns its exit code. With another `process` given it may be one of many in
 * this process: then nothing ends it.
 */
export async function main(given: Partial<FrameOptions> = {}): Promise<number> {
  const about = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const argv = given.argv ?? process.argv.slice(2);
  const code = await runFrame({
    argv,
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    process: process as FrameProcess,
    clock: systemClock,
    commands: given.commands ?? (await commandsFor(argv)),
    version: about.version,
    ...given,
  });
  if (given.process === undefined) setTimeout(() => process.exit(code), LINGER_MS).unref();
  return code;
}
