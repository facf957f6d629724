import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { MigrateError } from '../../core/errors.js';

/** Who servers run as: PostgreSQL refuses to run as root. */
export interface ServerUser {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Waits for the end of its standard input, that is, of the process that started it, however that ended (also by
 * SIGKILL), then stops the servers under its directory and removes it. On Linux it makes sure that a process is
 * still the server it was, for a killed one leaves its postmaster.pid behind.
 */
const GUARDIAN = `
trap '' INT TERM HUP
while read -r _; do :; done
running() {
  for file in "$1"/*/data/postmaster.pid; do
    [ -f "$file" ] || continue
    pid=$(head -n 1 "$file")
    kill -0 "$pid" 2>/dev/null || continue
    if [ -d /proc/self ] && [ "$(readlink "/proc/$pid/cwd")" != "$(dirname "$file")" ]; then continue; fi
    echo "$pid"
  done
}
tries=0
while [ $tries -lt 100 ]; do
  pids=$(running "$1")
  [ -z "$pids" ] && break
  kill -QUIT $pids 2>/dev/null
  tries=$((tries + 1))
  sleep 0.1
done
rm -rf "$1"
`;

/**
 * The temporary directory of this process's throw-away servers, and the user they run as. Nothing outlives the
 * process: a guardian in a session of its own (so that Ctrl-C does not reach it, nor the servers) cleans up when
 * the process is gone.
 */
export class ServerHome {
  readonly user: ServerUser;
  readonly path: string;
  readonly #guardian: ChildProcess;
  #next = 0;

  constructor() {
    this.user = serverUser();
    // The real path: the guardian compares it with where a server says that it works.
    this.path = realpathSync(mkdtempSync(join(reachableTemporary(this.user), 'citus-migrate-')));
    // Others need to pass through; the directories inside are closed to them.
    chmodSync(this.path, 0o711);
    this.#guardian = spawn('/bin/sh', ['-c', GUARDIAN, 'sh', this.path], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#guardian.unref();
    (this.#guardian.stdin as unknown as { unref(): void }).unref();
  }

  /** A new directory that belongs to the servers' user. */
  directory(name: string): string {
    this.#next += 1;
    const path = join(this.path, `${name}-${this.#next}`);
    mkdirSync(path, { mode: 0o700 });
    if (this.user.uid !== undefined) chownSync(path, this.user.uid, this.user.gid!);
    return path;
  }

  /** What programs of PostgreSQL need of the environment, and nothing that would steer them elsewhere. */
  environment(directory: string): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: directory, TMPDIR: directory, LC_ALL: 'C', TZ: 'UTC' };
  }

  /** Has the guardian stop what still runs and remove everything; resolves when it is gone. */
  async close(): Promise<void> {
    this.#guardian.ref();
    if (this.#guardian.exitCode === null) {
      const exited = new Promise((resolve) => this.#guardian.once('exit', resolve));
      this.#guardian.stdin!.end();
      await exited;
    }
    rmSync(this.path, { recursive: true, force: true });
  }
}

function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) =>
        Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // This user does not exist here: the next one.
    }
  }
  throw new MigrateError('NO_SERVER', {
    message:
      'PostgreSQL does not run as root, and this machine has neither a user postgres nor a user nobody.',
    hint: `Run it as another user than ${userInfo().username}, or add a user named postgres.`,
  });
}

/** The first temporary directory whose every parent lets the servers' user pass. */
function reachableTemporary(user: ServerUser): string {
  const passable = (path: string): boolean => {
    if (user.uid !== undefined && (statSync(path).mode & 0o001) === 0) return false;
    return path === dirname(path) || passable(dirname(path));
  };
  const found = [tmpdir(), '/tmp', '/var/tmp'].find((path) => {
    try {
      accessSync(path, constants.W_OK);
      return passable(path);
    } catch {
      return false;
    }
  });
  if (found) return found;
  throw new MigrateError('LOCAL_IO', {
    message: 'No temporary directory can be written to and reached by the user that servers run as.',
    hint: 'Set TMPDIR to a directory that every user may pass through.',
  });
}

let current: ServerHome | undefined;

/** The home of this process, made at the first call. */
export function serverHome(): ServerHome {
  current ??= new ServerHome();
  return current;
}

/** Stops every throw-away server of this process and removes all their files. */
export async function closeServers(): Promise<void> {
  const home = current;
  current = undefined;
  for (const forget of forgotten) forget();
  await home?.close();
}

const forgotten = new Set<() => void>();

/** Registers what a cache under the home has to forget when the home goes. */
export function whenClosed(forget: () => void): void {
  forgotten.add(forget);
}
