import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { abortReason, MigrateError } from '../../core/errors.js';
import { makeDataDirectory, readLog, SUPERUSER } from './data-directory.js';
import { serverHome } from './home.js';
import type { PostgresInstall } from './install.js';
import { freePort, portTaken } from './ports.js';
import { answersFrom } from './readiness.js';
import { lastLines } from './run.js';
import { defaultSettings, type Settings } from './settings.js';

/** `fast` ends sessions and writes a checkpoint; `immediate` is a crash that the next start recovers from. */
export type StopMode = 'fast' | 'immediate';

export interface StartOptions {
  install: PostgresInstall;
  /** postgresql.conf, beside the defaults of settings.ts. */
  settings?: Settings;
  /** Part of the directory's name. */
  name?: string;
  /** Data directory of a stopped server to start from, instead of an empty one. */
  dataTemplate?: string;
  /** fsync and full_page_writes on: for measuring. */
  durable?: boolean;
  /** Loads the Citus library, as a node of a cluster needs it. */
  citus?: boolean;
  signal?: AbortSignal;
}

/** A throw-away PostgreSQL server of this process. It is stopped and removed when the process ends, however it ends. */
export interface Server {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: string;
  readonly dataDir: string;
  readonly logFile: string;
  /** Process id of the postmaster; undefined while it does not run. */
  readonly pid: number | undefined;
  /** Connection URL of a database (default `postgres`). */
  url(database?: string): string;
  /** Stops it and removes its files. */
  stop(options?: { mode?: StopMode }): Promise<void>;
  /** Stops it and keeps its files: `resume` starts it again on the same port. */
  halt(mode?: StopMode): Promise<void>;
  /** SIGKILL to the postmaster, whose children then end by themselves; `resume` starts it again. */
  kill9(): Promise<void>;
  resume(): Promise<void>;
  restart(mode?: StopMode): Promise<void>;
}

const READY_WITHIN_MS = 60_000;

/** Starts a server on a free port of 127.0.0.1 and returns when it answers. Throws SERVER_NOT_STARTED. */
export async function startServer(options: StartOptions): Promise<Server> {
  const directory = serverHome().directory(options.name ?? 'server');
  const { install, dataTemplate, signal } = options;
  const settings = { ...defaultSettings(options), ...options.settings };
  try {
    const dataDir = await makeDataDirectory({ install, dataTemplate, settings, directory, signal });
    return await ThrowAwayServer.start(install, directory, dataDir, signal);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

class ThrowAwayServer implements Server {
  readonly host = '127.0.0.1';
  readonly user = SUPERUSER;
  readonly logFile: string;
  port = 0;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  private constructor(
    readonly install: PostgresInstall,
    readonly directory: string,
    readonly dataDir: string,
  ) {
    this.logFile = join(directory, 'server.log');
  }

  /** Another process may take the free port before the server does: then with another. */
  static async start(
    install: PostgresInstall,
    directory: string,
    dataDir: string,
    signal?: AbortSignal,
  ): Promise<Server> {
    const server = new ThrowAwayServer(install, directory, dataDir);
    for (let attempt = 1; ; attempt += 1) {
      server.port = await freePort();
      try {
        await server.#run(signal);
        return server;
      } catch (error) {
        if (signal?.aborted || attempt === 5 || !(await portTaken(server.port))) throw error;
      }
    }
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  url(database = 'postgres'): string {
    return `postgresql://${this.user}@${this.host}:${this.port}/${encodeURIComponent(database)}`;
  }

  async stop({ mode = 'fast' }: { mode?: StopMode } = {}): Promise<void> {
    await this.halt(mode);
    await rm(this.directory, { recursive: true, force: true });
  }

  async halt(mode: StopMode = 'fast'): Promise<void> {
    await this.#signal(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  }

  async kill9(): Promise<void> {
    await this.#signal('SIGKILL');
  }

  /** The backends of a killed postmaster keep the shared memory and the port for a moment: until they are gone. */
  async resume(): Promise<void> {
    if (this.#child) return;
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      try {
        return await this.#run();
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await pause(50);
      }
    }
  }

  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.halt(mode);
    await this.resume();
  }

  async #signal(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child) return;
    child.ref();
    child.kill(signal);
    await this.#exited;
  }

  async #run(signal?: AbortSignal): Promise<void> {
    const home = serverHome();
    const log = openSync(this.logFile, 'a', 0o600);
    const child = spawn(
      join(this.install.binDir, 'postgres'),
      ['-D', this.dataDir, '-p', String(this.port)],
      {
        ...home.user,
        cwd: this.directory,
        env: home.environment(this.directory),
        // A session of its own: a Ctrl-C for this process does not end the server under its running queries.
        detached: true,
        stdio: ['ignore', log, log],
      },
    );
    closeSync(log);
    let failure: Error | undefined;
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      const gone = () => {
        this.#child = undefined;
        resolve();
      };
      child.once('exit', gone);
      child.once('error', (error) => {
        failure = error;
        gone();
      });
    });
    await this.#untilReady(child, signal, () => failure);
    child.unref();
  }

  async #untilReady(
    child: ChildProcess,
    signal: AbortSignal | undefined,
    failure: () => Error | undefined,
  ): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (this.#child === child) {
      if (await answersFrom(this.url(), this.dataDir)) return;
      if (signal?.aborted || Date.now() > deadline) {
        await this.#signal('SIGQUIT');
        if (signal?.aborted) throw abortReason(signal);
      }
      await Promise.race([this.#exited, pause(20)]);
    }
    throw new MigrateError('SERVER_NOT_STARTED', {
      message: `A PostgreSQL ${this.install.version} server did not start on port ${this.port}.`,
      context: { log: lastLines(await readLog(this.logFile)) },
      cause: failure(),
    });
  }
}
