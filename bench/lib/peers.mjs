// How the others are asked to do the same work.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './command.mjs';

const PARALLEL = 2;

/** The planned tables: their names, and their columns as the target has them and as the source is asked for them. */
export function plannedTables(tool) {
  const { tables } = JSON.parse(readFileSync(tool.plan, 'utf8'));
  return tables.map(({ name, columns }) => ({
    name,
    list: columns.map((column) => `"${column.name}"`).join(', '),
    values: columns
      .map(
        (column) =>
          `"${column.name}"${column.sourceType === column.targetType ? '' : `::${column.targetType}`}`,
      )
      .join(', '),
  }));
}

/** One COPY after the other, table by table. In binary the columns are cast to what the target has. */
export function psqlPipe(bench, tool, source, format) {
  const lines = plannedTables(tool).map(({ name, list, values }) => {
    const out = `COPY (SELECT ${values} FROM ${name}) TO STDOUT (FORMAT ${format})`;
    const into = `COPY ${name} (${list}) FROM STDIN (FORMAT ${format})`;
    return `'${bench.psql}' -XqAt '${source}' -c '${out}' | '${bench.psql}' -XqAt '${bench.target}' -c '${into}'`;
  });
  return {
    run: async () => {
      await run(lines.join(' && '));
    },
  };
}

/** A directory for the files of one run, gone afterwards. */
async function inDirectory(work) {
  const directory = mkdtempSync(join(tmpdir(), 'citus-migrate-bench-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export const pgcopydb = {
  label: async () =>
    `pgcopydb ${/version (\S+)/.exec(await run('pgcopydb --version 2>/dev/null'))?.[1] ?? ''}`.trim(),
  candidate: (bench, source) => ({
    run: () =>
      inDirectory(async (directory) => {
        const options = [
          '--dir',
          join(directory, 'work'),
          '--table-jobs',
          String(PARALLEL),
          '--not-consistent',
        ];
        await run([
          'pgcopydb',
          'copy',
          'table-data',
          '--source',
          source,
          '--target',
          bench.target,
          ...options,
        ]);
      }),
  }),
};

/** Smaller batches than its default, with which it runs out of heap on rows with vectors. */
const PGLOADER_ROWS = 5000;

export const pgloader = {
  label: async () => `pgloader ${/"([^"]+)"/.exec(await run('pgloader --version'))?.[1] ?? ''}`.trim(),
  candidate: (bench, source, tables) => ({
    run: () =>
      inDirectory(async (directory) => {
        const file = join(directory, 'copy.load');
        const names = tables.map((table) => `'${table}'`).join(', ');
        writeFileSync(
          file,
          `LOAD DATABASE FROM ${source}?sslmode=disable INTO ${bench.target}?sslmode=disable
WITH data only, create no tables, no truncate, reset no sequences, workers = ${2 * PARALLEL}, concurrency = 1,
     prefetch rows = ${PGLOADER_ROWS}, batch rows = ${PGLOADER_ROWS}
INCLUDING ONLY TABLE NAMES MATCHING ${names} IN SCHEMA 'public';
`,
        );
        await run(['pgloader', '--root-dir', join(directory, 'work'), file]);
      }),
  }),
};
