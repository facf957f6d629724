import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { expect } from 'vitest';
import { type Document, type RunOptions, runMigrate } from './migrate.js';
import { contentsOf, shapesOf } from './same-rows.js';

/** Stands in URLs, variables and files of these tests, and may never be seen again. */
export const PASSWORD = 'hunter2-never-printed';

/** The same URL with that password: servers that trust everybody do not look at it. */
export function withPassword(
  url: string,
  { user, password = PASSWORD }: { user?: string; password?: string } = {},
) {
  const given = new URL(url);
  given.password = password;
  if (user !== undefined) given.username = user;
  return given.href;
}

export interface Refusal {
  readonly code: string;
  readonly exit: number;
  /** What happened and what to do: each has to be in message, hint or context. */
  readonly says: readonly (string | RegExp)[];
}

/** What must be the same afterwards: a database, or a folder. */
export type Witness = { client: pg.Client; url: string } | string;

export interface RefusalOptions extends RunOptions {
  readonly unchanged?: readonly Witness[];
  /** For what fails only after it took the lock. */
  readonly oneByOne?: boolean;
}

/**
 * Runs a command line that has to fail, for a person and for a program, and judges both answers: code, exit
 * code, what they say, that there is no stack trace and no password, and that no witness has changed.
 */
export async function expectRefusal(
  args: readonly string[],
  options: RefusalOptions,
  expected: Refusal,
): Promise<Document> {
  const witnesses = options.unchanged ?? [];
  const before = await Promise.all(witnesses.map(stateOf));
  const asText = () => runMigrate([...args, '--log-level', 'debug'], options);
  const asJson = () =>
    runMigrate([...args, '--json', '--log-format', 'json', '--log-level', 'debug'], options);
  const [text, json] = options.oneByOne
    ? [await asText(), await asJson()]
    : await Promise.all([asText(), asJson()]);
  if (process.env.SHOW_REFUSALS) {
    const shown = text.stderr.replace(/^.*DEBUG: Starting.*\n/m, '');
    console.log(`$ migrate ${args.join(' ')}\n${shown}[${text.code}]`);
  }
  expect(text).toMatchObject({ code: expected.exit, stdout: '' });
  expect(json.code).toBe(expected.exit);
  const document = JSON.parse(json.stdout) as Document;
  expect(document).toMatchObject({ exit: expected.exit, error: { code: expected.code } });
  const said = JSON.stringify(document.error);
  for (const part of expected.says) {
    const pattern = typeof part === 'string' ? new RegExp(part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : part;
    expect(said).toMatch(pattern);
  }
  expect(text.stderr).toContain(`(${expected.code}`);
  expect(text.stderr).toContain('What to do: ');
  for (const output of [text.stderr, json.stderr, json.stdout]) {
    expect(output).not.toContain(PASSWORD);
    expect(output).not.toMatch(/^\s+at .*:\d+:\d+|node:internal|\bundefined\b|\[object /m);
  }
  expect(await Promise.all(witnesses.map(stateOf))).toEqual(before);
  return document;
}

/** Everything that is there, as one comparable value. */
async function stateOf(witness: Witness): Promise<unknown> {
  return typeof witness === 'string' ? folderState(witness) : databaseState(witness);
}

async function databaseState({ client, url }: Exclude<Witness, string>): Promise<unknown> {
  const { rows } = await client.query(`
    SELECT n.nspname, c.relname, c.relkind FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2`);
  return { objects: rows, contents: await contentsOf(url, await shapesOf(client)) };
}

/** Path and digest of every file below a folder. */
export function folderState(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) return `${name}/`;
      return `${name} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
    });
}
