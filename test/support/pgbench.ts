import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findLocalPostgres } from '../../src/demo/servers/install.js';
import { connectTo } from './databases.js';

/** The program of this machine's PostgreSQL; undefined: there is none (embedded servers come without). */
export function findPgbench(): string | undefined {
  const install = findLocalPostgres();
  const program = install && join(install.binDir, 'pgbench');
  return program !== undefined && existsSync(program) ? program : undefined;
}

/** Clients that write until they are told to stop. */
export class Pgbench {
  #errors = '';
  readonly #ended: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly url: string,
  ) {
    child.stderr?.on('data', (data) => (this.#errors += data));
    this.#ended = new Promise((resolve) => child.once('close', resolve));
  }

  static start(program: string, url: string, script: string, folder: string): Pgbench {
    const file = join(folder, 'pgbench.sql');
    writeFileSync(file, script);
    const args = ['-n', '-c', '4', '-j', '2', '-T', '3600', '-f', file, url];
    return new Pgbench(spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] }), url);
  }

  /** Ends all clients, and waits until the server has ended what they had begun. Throws if one had given up before. */
  async stop(): Promise<void> {
    const gone = this.child.exitCode !== null || /aborted/.test(this.#errors);
    this.child.kill('SIGTERM');
    await this.#ended;
    const client = await connectTo(this.url);
    for (;;) {
      const { rows } = await client.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pgbench'`,
      );
      if (rows.length === 0) break;
    }
    if (gone) throw new Error(`pgbench had ended before it was stopped: ${this.#errors}`);
  }
}
