// Export without compression against psql's COPY of the same table to /dev/null.
import { alternate } from '../lib/alternate.mjs';
import { run } from '../lib/command.mjs';
import { costTable, rate } from '../lib/report.mjs';

export const title = 'Export against `psql`';

const EMPTY = 'migrate, empty table';
const BOTH = { memory_entries: 100_000, events: 1_000_000 };
const TABLES = [
  { table: 'memory_entries', source: BOTH, rows: 100_000, formats: ['binary', 'text'] },
  { table: 'events', source: BOTH, rows: 1_000_000, formats: ['binary', 'text'] },
  // Long enough that the start of a program does not matter.
  { table: 'memory_entries', source: { memory_entries: 1_000_000 }, rows: 1_000_000, formats: ['binary'] },
];

const INTRODUCTION = `One table at a time from a warm cache. \`psql\` writes to \`/dev/null\`;
\`migrate export --compress none\` writes files, synced, with a digest of each. *Rate* is rows per second against
\`psql\` in binary: the bound is 0.90. *Whole command* counts everything from the start of the program; *without start*
leaves out what the same command takes for an empty table: starting Node.js, connecting, checking the plan, writing
the manifest.
`;

export async function measure(bench) {
  const empty = await bench.migrate(await bench.sourceWith({}));
  const parts = [INTRODUCTION];
  for (const { table, source, rows, formats } of TABLES) {
    bench.say(`Export of ${table}, ${rows} rows`);
    const url = await bench.sourceWith(source);
    const tool = await bench.migrate(url);
    const psql = (format) => ({
      name: `psql, ${format}`,
      run: async () => {
        await run(
          `'${bench.psql}' -XqAt '${url}' -c 'COPY ${table} TO STDOUT (FORMAT ${format})' > /dev/null`,
        );
      },
    });
    const exporting = (name, from, ...options) => ({
      name,
      before: async () => from.forgetDump(),
      run: () => from.run('export', '--out', from.dump, '--compress', 'none', '--tables', table, ...options),
    });
    const candidates = [
      ...formats.map(psql),
      exporting('migrate, --jobs 1', tool, '--jobs', '1'),
      exporting('migrate, default jobs', tool),
      exporting(EMPTY, empty),
    ];
    await psql('binary').run();
    const results = await alternate(candidates, bench);
    tool.forgetDump();
    empty.forgetDump();
    const wallOf = (name) => results.find((result) => result.name === name).wall;
    const reference = wallOf('psql, binary');
    const start = wallOf(EMPTY);
    const ratios = ({ name, wall }) => {
      if (name === EMPTY) return ['', ''];
      return [rate(reference / wall), name.startsWith('migrate') ? rate(reference / (wall - start)) : ''];
    };
    parts.push(
      `### \`${table}\`, ${rows.toLocaleString('en')} rows\n`,
      costTable(results, ['rate, whole command', 'rate, without start'], ratios),
    );
  }
  return parts.join('\n');
}
