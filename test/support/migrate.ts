import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { atFileEnd } from './clean-up.js';

const BIN = fileURLToPath(new URL('../../bin/migrate.js', import.meta.url));
const PROGRAM = new URL('../../dist/program/main.js', import.meta.url).href;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

// biome-ignore lint/suspicious/noExplicitAny: a result document, read by tests that know its shape
export type Document = any;

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the running process, e.g. to kill it. */
  readonly started?: (child: ChildProcess) => void;
}

/** Without the PG* and MIGRATE_* variables of whoever runs the tests. */
const environment = (options: RunOptions): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(PG|MIGRATE_|NODE_OPTIONS|VITEST)/.test(name)),
  ),
  ...options.env,
});

/**
 * Runs the built program as a user does. In this process (a process of its own takes 0.4 s of a CPU until it begins)
 * unless it is to be signalled, or another run with another working directory is under way.
 */
export async function runMigrate(args: readonly string[], options: RunOptions): Promise<Finished> {
  const here = process.cwd();
  if (options.started !== undefined || (running > 0 && realpathSync(options.cwd) !== here))
    return ownProcess(args, options);
  running += 1;
  if (running === 1) {
    home = here;
    process.chdir(options.cwd);
  }
  try {
    return await sameProcess(args, options);
  } finally {
    running -= 1;
    if (running === 0) process.chdir(home);
  }
}

/** Runs in this process, which all have the working directory of the first; this one was there before. */
let running = 0;
let home: string;

type Main = typeof import('../../src/cli/main.js').main;

async function sameProcess(args: readonly string[], options: RunOptions): Promise<Finished> {
  const { main } = (await import(PROGRAM)) as { main: Main };
  const said = { stdout: '', stderr: '' };
  const into = (name: keyof typeof said) =>
    new Writable({
      write: (data, _, done) => {
        said[name] += data;
        done();
      },
    });
  const code = await main({
    argv: args,
    env: environment(options),
    cwd: options.cwd,
    stdin: Readable.from([]),
    stdout: into('stdout'),
    stderr: into('stderr'),
    process: Object.assign(new EventEmitter(), {
      exit: (status: number) => {
        throw new Error(`migrate ${args.join(' ')} left at once with ${status}: ${said.stderr}`);
      },
    }),
  });
  return { code, ...said };
}

function ownProcess(args: readonly string[], options: RunOptions): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: options.cwd,
      env: environment(options),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    options.started?.(child);
  });
}

/** The result document of a run with --json. */
export async function runJson(args: readonly string[], options: RunOptions): Promise<Document> {
  const { stdout, stderr, code } = await runMigrate([...args, '--json', '--no-progress'], options);
  try {
    const document = JSON.parse(stdout);
    if (document.exit !== code)
      throw new Error(`the document says exit ${document.exit}, the process ${code}`);
    return document;
  } catch (error) {
    throw new Error(`migrate ${args.join(' ')} gave no good document (exit ${code}): ${stdout}\n${stderr}`, {
      cause: error,
    });
  }
}

/** An empty folder that goes away with the test file. */
export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'citus-migrate-test-'));
  atFileEnd('remove', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
