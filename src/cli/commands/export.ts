import { formatBytes, formatCount, plural } from '../../core/format.js';
import type { PauseTotals } from '../../core/pause-tally.js';
import { DEFAULT_COMPRESSION } from '../../export/compression.js';
import { exportDump } from '../../export/export.js';
import type { Manifest } from '../../export/manifest.js';
import type { Command, Invocation, Outcome } from '../frame/command.js';
import { renderTable } from '../frame/table.js';
import { withDatabases } from '../support/databases.js';
import { nextCommand, shellWord } from '../support/next.js';
import { budgetOptions, PACING, pausesText, withPace } from '../support/pace.js';
import { chooseTables, loadPlan, loadPlanForReturn } from '../support/plan.js';

function outcome(out: string, manifest: Manifest, pauses: PauseTotals, invocation: Invocation): Outcome {
  const tables = manifest.tables.map(({ table, rows, bytes, chunks, format }) => ({
    table,
    rows,
    bytes,
    chunks: chunks.length,
    format,
  }));
  const lines = renderTable(
    [
      { header: 'table', flexible: true },
      { header: 'rows', align: 'right' },
      { header: 'size', align: 'right' },
      { header: 'chunks', align: 'right' },
      { header: 'format' },
    ],
    tables.map((table) => [
      table.table,
      formatCount(table.rows),
      formatBytes(table.bytes),
      formatCount(table.chunks),
      table.format,
    ]),
    invocation.style,
  );
  const said = pausesText(pauses);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0);
  return {
    exit: 0,
    document: { out, snapshot: manifest.snapshot, tables, throttle: pauses },
    text: `${lines}\n\n${plural(rows, 'row')} of ${plural(tables.length, 'table')}, ${formatBytes(bytes)}, ${rows === 1 ? 'is' : 'are'} in ${out}.${said === '' ? '' : ` ${said}`}\nNext: ${nextCommand(invocation, `import --from ${shellWord(out)}`)}`,
  };
}

export const exportCommand: Command = {
  name: 'export',
  summary: 'Write one consistent snapshot of the source into a dump directory',
  options: ['out', 'compress', 'chunkBytes', ...PACING, 'reverse'],
  required: ['out'],
  examples: [
    ['migrate export --out dump', 'Every planned table; run it again to continue an interrupted export'],
    ['migrate export --out dump --jobs 8 --chunk-bytes 256MB', 'Fewer, larger chunks, eight at a time'],
    ['migrate export --out dump --tables orders,audit.log --compress none', 'Two tables, uncompressed'],
  ],
  async run(invocation) {
    const { config } = invocation;
    const out = config.out!;
    const work = async (
      reader: Parameters<typeof exportDump>[0]['reader'],
      plan: Parameters<typeof exportDump>[0]['plan'],
    ): Promise<Outcome> => {
      const request = {
        reader,
        plan,
        tables: chooseTables(plan, config),
        direction: config.reverse ? ('reverse' as const) : ('forward' as const),
        out,
        compression: config.export.compress ?? DEFAULT_COMPRESSION,
        chunkBytes: config.export.chunkBytes,
        ...budgetOptions(config),
      };
      return withPace(invocation, { reader }, async (paced, pauses) => {
        const manifest = await exportDump(request, paced);
        return outcome(out, manifest, pauses(), invocation);
      });
    };
    if (config.reverse) {
      return withDatabases(invocation, { target: 'read' }, async ({ target }) =>
        work(target, await loadPlanForReturn(invocation)),
      );
    }
    return withDatabases(invocation, { source: 'read' }, async ({ source }) =>
      work(source, await loadPlan(invocation, { source })),
    );
  },
};
