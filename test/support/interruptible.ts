import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { expect, inject } from 'vitest';
import { Database } from '../../src/citus/database.js';
import { chooseTables } from '../../src/cli/support/plan.js';
import { readPlan } from '../../src/plan/plan-file.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import { type FreshDatabase, freshCluster, freshSource } from './databases.js';
import { freshFolder, runJson } from './migrate.js';
import { contentsOf, shapesOf } from './same-rows.js';

/** A table of every kind, a foreign key between two of them, a table without a key; about fifty chunks of 64 kB. */
const SCHEMA = `
  CREATE TABLE country (code char(2) PRIMARY KEY, name text NOT NULL);
  INSERT INTO country VALUES ('CH', 'Schweiz'), ('DK', 'Danmark'), ('IS', 'Ísland');
  CREATE TABLE account (
    id bigserial PRIMARY KEY, namespace varchar(30) NOT NULL, country char(2) NOT NULL REFERENCES country (code),
    note text, UNIQUE (namespace, id));
  INSERT INTO account (namespace, country, note)
  SELECT 'ns' || g % 11, (ARRAY['CH', 'DK', 'IS'])[1 + g % 3], repeat(md5(g::text), 6) FROM generate_series(1, 4000) g;
  CREATE TABLE item (
    id bigserial PRIMARY KEY, namespace varchar(30) NOT NULL, account_id bigint NOT NULL, note text,
    FOREIGN KEY (namespace, account_id) REFERENCES account (namespace, id));
  INSERT INTO item (namespace, account_id, note)
  SELECT a.namespace, a.id, repeat(md5(a.id::text), 6) FROM account a;
  CREATE TABLE loose (namespace varchar(30) NOT NULL, what text);
  INSERT INTO loose SELECT 'ns' || g % 11, repeat(md5((g % 500)::text), 6) FROM generate_series(1, 4000) g;
  ANALYZE;
`;

/** A source, an empty target (a real cluster where there is one) and a plan, ready to be moved and interrupted. */
export interface Move {
  readonly source: FreshDatabase;
  readonly target: FreshDatabase;
  readonly cwd: string;
  /** `export --out dump`, `import --from dump` or `copy`, with everything that makes many small chunks of it. */
  line(command: string): string[];
  /** Runs it to its end; the result document. */
  finish(command: string): ReturnType<typeof runJson>;
  /** Both sides in this process, for what is stopped at a named point. */
  open(): Promise<{ source: Database; target: Database; close(): Promise<void> }>;
  plan(): Promise<{ plan: Awaited<ReturnType<typeof readPlan>>; tables: ReturnType<typeof chooseTables> }>;
  /** Every row is there once, and the ledger speaks of exactly those. */
  expectSame(): Promise<void>;
  /** The dump's manifest names every file below data/, and no other is there. */
  expectTidyDump(): void;
}

/**
 * From a new source unless one is given. To a cluster where there is one, unless a plain target will do: for what
 * goes wrong on the way out of the source.
 */
export async function freshMove(options: { source?: FreshDatabase; plain?: boolean } = {}): Promise<Move> {
  const source = options.source ?? (await freshSource());
  if (options.source === undefined) await source.client.query(SCHEMA);
  const plain = options.plain ?? !inject('citus');
  const target = plain ? await freshSource() : await freshCluster({ shardCount: 4 });
  const cwd = freshFolder();
  const sides = ['--source', source.url, '--target', target.url];
  const line = (command: string): string[] => [
    ...command.split(' '),
    ...(/^(export|copy)/.test(command) ? ['--chunk-bytes', '64kB'] : []),
    ...sides,
    '--jobs',
    '2',
  ];
  expect(await runJson(['plan', ...sides], { cwd })).toMatchObject({ exit: 0 });
  return {
    source,
    target,
    cwd,
    line,
    finish: (command) => runJson(line(command), { cwd }),
    open: async () => {
      const side = (url: string, which: 'source' | 'target') =>
        Database.open(resolveConninfo(url, {}), {
          side: which,
          runId: 'intest',
          readOnly: which === 'source',
        });
      const opened = {
        source: await side(source.url, 'source'),
        target: await side(target.url, 'target'),
      };
      const close = async (): Promise<void> => {
        await Promise.all([opened.source.close(), opened.target.close()]);
      };
      return { ...opened, close };
    },
    plan: async () => {
      const plan = await readPlan(join(cwd, 'migrate.plan.json'));
      return { plan, tables: chooseTables(plan, { include: [], exclude: [] }) };
    },
    expectSame: async () => {
      const shapes = await shapesOf(source.client);
      const expected = await contentsOf(source.url, shapes);
      expect(await contentsOf(target.url, shapes)).toEqual(expected);
      const ledger = await ledgerRows(target.client);
      expect(ledger).toEqual(
        Object.fromEntries(shapes.map(({ table }) => [table.split('.')[1], expected[table]!.rows])),
      );
    },
    expectTidyDump: () => {
      const dump = join(cwd, 'dump');
      const files = readdirSync(dump, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /\d{6}/.test(name),
      );
      expect(files.sort()).toEqual(chunkFiles(dump));
      expect(readdirSync(dump).sort()).toEqual(['data', 'manifest.json', 'plan.json']);
    },
  };
}

/** Table → rows that the ledger says were committed. */
async function ledgerRows(client: pg.Client): Promise<Record<string, number>> {
  const { rows } = await client.query<{ table_name: string; rows: number }>(
    'SELECT table_name, sum(rows)::int AS rows FROM citus_migrate.chunk GROUP BY 1 ORDER BY 1',
  );
  return Object.fromEntries(rows.map((row) => [row.table_name, row.rows]));
}

/** The chunk files that a dump's manifest names, sorted. */
export function chunkFiles(dump: string): string[] {
  const manifest = JSON.parse(readFileSync(join(dump, 'manifest.json'), 'utf8'));
  const tables: { chunks: { file: string }[] }[] = manifest.tables;
  return tables.flatMap((table) => table.chunks.map((chunk) => chunk.file)).sort();
}

/** How many chunks are done: committed on the target, or written below a dump directory. */
export async function chunksDone(move: Pick<Move, 'target' | 'cwd'>, command: string): Promise<number> {
  if (command.startsWith('export')) {
    const data = join(move.cwd, 'dump/data');
    if (!existsSync(data)) return 0;
    return readdirSync(data, { recursive: true, encoding: 'utf8' }).filter(
      (name) => /copy(\.\w+)?$/.test(name) && !name.endsWith('.part'),
    ).length;
  }
  const { client } = move.target;
  const { rows } = await client.query(`SELECT to_regclass('citus_migrate.chunk') IS NOT NULL AS made`);
  if (!rows[0].made) return 0;
  return (await client.query('SELECT count(*)::int AS n FROM citus_migrate.chunk')).rows[0].n;
}
