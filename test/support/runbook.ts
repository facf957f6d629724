import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { freshFolder } from './migrate.js';

const PAGES = fileURLToPath(new URL('../../docs/runbooks/', import.meta.url));
const BIN = fileURLToPath(new URL('../../bin/migrate.js', import.meta.url));

/** A fenced block of commands, or what happens on the servers at that place (`<!-- test: … -->`). */
export type Part =
  | {
      readonly kind: 'commands';
      readonly place: string;
      readonly text: string;
      /** Exit codes of its last command; all before it end with 0. */
      readonly exits: readonly number[];
      /** It goes on until the page's end. */
      readonly background: boolean;
    }
  | { readonly kind: 'event'; readonly place: string; readonly name: string };

const PART = /<!-- test: (.+?) -->|^```sh([^\n]*)\n([\s\S]*?)^```$/gm;

/** The parts of a page, in order; of a page from one heading to the next of the same level where one is named. */
export function partsOf(page: string, text: string): Part[] {
  return [...text.matchAll(PART)].map((match): Part => {
    const place = `${page}:${text.slice(0, match.index).split('\n').length}`;
    const [, name, info = '', commands] = match;
    if (name !== undefined) return { kind: 'event', place, name };
    const exits = /exit=([\d|]+)/.exec(info)?.[1]?.split('|').map(Number) ?? [0];
    return { kind: 'commands', place, text: commands!, exits, background: /\bbackground\b/.test(info) };
  });
}

export const readPage = (page: string): string => readFileSync(join(PAGES, page), 'utf8');

/** From the heading that begins so to the next of its level. */
export function section(text: string, heading: string): string {
  const at = text.indexOf(`\n## ${heading}`);
  if (at < 0) throw new Error(`there is no section ${heading}`);
  const end = text.indexOf('\n## ', at + 1);
  return text.slice(at, end < 0 ? undefined : end);
}

export interface Said {
  readonly code: number | null;
  readonly said: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Said>;
  spoke(): boolean;
}

/** A shell in a folder of its own, with `migrate` on its path: what the operator has. */
export class Operator {
  readonly cwd = freshFolder();
  readonly #tools = freshFolder();
  readonly #running: Started[] = [];

  constructor(
    private readonly env: Readonly<Record<string, string>>,
    binDir: string,
  ) {
    const migrate = join(this.#tools, 'migrate');
    writeFileSync(migrate, `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
    chmodSync(migrate, 0o755);
    const inherited = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(PG|MIGRATE_|NODE_OPTIONS|VITEST)/.test(name)),
    ) as Record<string, string>;
    this.env = { ...inherited, PATH: `${this.#tools}:${binDir}:${process.env.PATH}`, ...env };
  }

  #spawn(text: string): Started {
    const child = spawn('bash', ['-eo', 'pipefail', '-c', text], {
      cwd: this.cwd,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
    const ended = once(child, 'close').then(([code]) => ({ code, said }));
    return { child, ended, spoke: () => said !== '' };
  }

  run(text: string): Promise<Said> {
    return this.#spawn(text).ended;
  }

  start(text: string): void {
    // A word in front of the shell's own would make it wait instead of becoming the command that gets the signal.
    this.#running.push(this.#spawn(`exec ${text.trim()}`));
  }

  /** Ctrl-C in every session that goes on, once it has said something; what they ended with. */
  async stop(): Promise<Said[]> {
    const ended = this.#running.splice(0).map(async ({ child, ended: end, spoke }) => {
      // Before that it may not have come so far as to listen.
      await expect.poll(() => spoke() || child.exitCode !== null, { timeout: 30_000 }).toBe(true);
      if (child.exitCode === null) process.kill(child.pid!, 'SIGINT');
      return end;
    });
    return Promise.all(ended);
  }
}
