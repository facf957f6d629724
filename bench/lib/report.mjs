import { cpus, totalmem } from 'node:os';
import { withSession } from '../../dist/demo/servers/index.js';
import { SETTINGS, SHARDS, WORKERS } from './environment.mjs';

export const rate = (value) => value.toFixed(2);
const seconds = (value) => value.toFixed(2);

/** A Markdown table; the first column is text, the others are figures. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')}\n`;
}

/** Results of `alternate` with further columns: the median time, its range, CPU seconds, and what was asked for. */
export function costTable(results, columns, valuesOf) {
  return table(
    ['', 'seconds', 'fastest–slowest', 'CPU s, clients', 'CPU s, servers', 'others', ...columns],
    results.map((result) => [
      result.name,
      seconds(result.wall),
      `${seconds(result.fastest)}–${seconds(result.slowest)}`,
      seconds(result.client),
      seconds(result.server),
      `${(100 * result.others).toFixed(0)} %`,
      ...valuesOf(result),
    ]),
  );
}

/** What the figures depend on, in terms that name nobody's machine. */
export async function surroundings(bench) {
  const version = async (name) =>
    withSession(bench.target, async (session) => {
      const row = await session.one(
        `SELECT extversion AS version FROM pg_extension WHERE extname = '${name}'`,
      );
      return row.version;
    });
  const settings = Object.entries({ fsync: 'on', ...SETTINGS }).map(
    ([name, value]) => `\`${name}=${value}\``,
  );
  return [
    `- ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB of memory, ${process.platform}/${process.arch}`,
    `- PostgreSQL ${bench.install.version}, Citus ${await version('citus')}, pgvector ${await version('vector')}, Node.js ${process.version}`,
    `- a single node, a coordinator and ${WORKERS} workers on the loopback interface of that machine, ${SHARDS} shards; ${settings.join(', ')}`,
    `- ${bench.rounds} rounds, candidates in turn, each round starting with another; medians, with the range beside`,
    '- warm: the source was read once before, and every server has written a checkpoint',
    '- others: the largest share of the machine’s CPU that anything else took during a measurement',
    '- CPU seconds: clients are the measured programs with all their processes; servers are all four PostgreSQL servers',
    '  with every backend. Both are the operating system’s account of processes; the kernel’s own threads are in neither',
  ].join('\n');
}
