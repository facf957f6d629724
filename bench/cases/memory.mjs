// Peak memory of the process at three sizes.
import { rate, table } from '../lib/report.mjs';

export const title = 'Peak memory';

const SIZES = [10_000, 100_000, 1_000_000];

export async function measure(bench) {
  const peaks = new Map();
  for (const rows of SIZES) {
    bench.say(`Peak memory at ${rows} rows`);
    const source = { memory_entries: rows };
    const tool = await bench.migrate(await bench.sourceWith(source));
    const dumpWith = (...options) => ({
      before: async () => tool.forgetDump(),
      run: () => tool.run('export', '--out', tool.dump, '--tables', 'memory_entries', ...options),
    });
    const intoEmpty = (...args) => ({
      before: () => bench.emptyTarget(tool),
      run: () => tool.run(...args, '--phase', 'data', '--tables', 'memory_entries'),
      check: () => bench.expectRows({ memory_entries: rows }),
    });
    // In this order: an import reads the last export's dump.
    const candidates = [
      { name: 'export', ...dumpWith() },
      { name: 'export --compress none', ...dumpWith('--compress', 'none') },
      { name: 'import', ...intoEmpty('import', '--from', tool.dump) },
      { name: 'copy', ...intoEmpty('copy') },
      { name: 'export --compress none --jobs 1', ...dumpWith('--compress', 'none', '--jobs', '1') },
      { name: 'import --jobs 1', ...intoEmpty('import', '--from', tool.dump, '--jobs', '1') },
      { name: 'copy --jobs 1', ...intoEmpty('copy', '--jobs', '1') },
    ];
    for (const { name, before, run, check } of candidates) {
      await before();
      const { peakMiB } = await run();
      await check?.();
      bench.say(`  ${name}: ${peakMiB.toFixed(0)} MiB`);
      peaks.set(name, [...(peaks.get(name) ?? []), peakMiB]);
    }
    tool.forgetDump();
  }
  const rows = [...peaks].map(([name, values]) => [
    `\`migrate ${name}\``,
    ...values.map((mib) => `${mib.toFixed(0)} MiB`),
    rate(values.at(-1) / values[0]),
    rate(values.at(-1) / values[1]),
  ]);
  const size = (count) => `${count.toLocaleString('en')} rows`;
  return [
    'Largest resident set of the process while it moves `memory_entries` with default options, as the operating',
    'system accounts it at the end. About 65 MiB of it is Node.js with the program loaded. By default as many threads',
    'start as there are chunks to work on, up to the number of cores: the smallest table is one chunk. A thread takes',
    'about 25 MiB, of which 9 are the engine, 5 the program, and the rest buffers.\n',
    table(['command', ...SIZES.map(size), 'last : first', 'last : middle'], rows),
  ].join('\n');
}
