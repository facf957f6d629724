import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/migrate.js', import.meta.url));

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

/** Runs the built program as a user does, without the PG* and MIGRATE_* variables of whoever runs the tests. */
export function runMigrate(args: readonly string[], options: RunOptions): Promise<Finished> {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(PG|MIGRATE_|NODE_OPTIONS|VITEST)/.test(name)),
  );
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: options.cwd,
      env: { ...inherited, ...options.env },
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

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** An empty folder that goes away with the test file. */
export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'citus-migrate-test-'));
  folders.push(folder);
  return folder;
}
