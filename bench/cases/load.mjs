// The load alone, from files: against the floor, and through the coordinator against psql.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withSession } from '../../dist/demo/servers/index.js';
import { alternate } from '../lib/alternate.mjs';
import { run } from '../lib/command.mjs';
import { plannedTables } from '../lib/peers.mjs';
import { costTable, rate } from '../lib/report.mjs';

export const title = 'Load alone';

const ROWS = { memory_entries: 100_000, events: 1_000_000 };
const FLOOR = 'floor: psql, pre-split, binary, two streams';
const COORDINATOR = 'psql, binary, through the coordinator';

const SHARDS_OF = (table) => `
  SELECT s.shardid AS id, s.shardminvalue AS min, s.shardmaxvalue AS max, n.nodeport AS port
  FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid)
  WHERE s.logicalrelid = 'public.${table}'::regclass ORDER BY s.shardminvalue::int`;

/** Every table as one binary file, and as one for each shard's range of hashes. */
async function writeFiles(bench, tool, source, directory) {
  await bench.emptyTarget(tool);
  for (const { name, values } of plannedTables(tool)) {
    const out = (where, file) =>
      run([
        bench.psql,
        '-Xq',
        source,
        '-c',
        `\\copy (SELECT ${values} FROM ${name} ${where}) TO '${join(directory, file)}' (FORMAT binary)`,
      ]);
    await out('', name);
    const shards = await withSession(bench.target, (session) => session.query(SHARDS_OF(name)));
    for (const [index, { min, max }] of shards.entries())
      await out(`WHERE hashtext(namespace) BETWEEN ${min} AND ${max}`, `${name}.${index}`);
  }
}

/** The commands that copy each worker's files into its shards; shard numbers are new with every empty target. */
async function floorCommand(bench, tool, directory) {
  const perPort = new Map();
  for (const { name, list } of plannedTables(tool)) {
    const shards = await withSession(bench.target, (session) => session.query(SHARDS_OF(name)));
    for (const [index, { id, port }] of shards.entries()) {
      const file = join(directory, `${name}.${index}`);
      const line = `-c "\\copy public.${name}_${id} (${list.replaceAll('"', '')}) FROM '${file}' (FORMAT binary)"`;
      perPort.set(port, [...(perPort.get(port) ?? []), line]);
    }
  }
  const database = new URL(bench.target).pathname.slice(1);
  const streams = bench.cluster.workers.map((worker) => {
    const lines = perPort.get(worker.port).join(' ');
    return `'${bench.psql}' -Xq '${worker.url(database)}' ${lines}`;
  });
  return `${streams.map((stream) => `${stream} & `).join('')} wait`;
}

export async function measure(bench) {
  bench.say('Load alone');
  const source = await bench.sourceWith(ROWS);
  const tool = await bench.migrate(source);
  const directory = mkdtempSync(join(tmpdir(), 'citus-migrate-bench-'));
  try {
    await writeFiles(bench, tool, source, directory);
    tool.forgetDump();
    await tool.run('export', '--out', tool.dump, '--compress', 'none');
    let floor = '';
    const importing = (name, options, workers) => ({
      name,
      before: () => bench.emptyTarget(tool, { workers }),
      run: () => tool.run('import', '--from', tool.dump, '--phase', 'data', ...options),
    });
    const candidates = [
      {
        name: FLOOR,
        before: async () => {
          await bench.emptyTarget(tool);
          floor = await floorCommand(bench, tool, directory);
        },
        run: () => run(floor),
      },
      {
        name: COORDINATOR,
        before: () => bench.emptyTarget(tool),
        run: () =>
          run(
            plannedTables(tool)
              .map(
                ({ name, list }) =>
                  `'${bench.psql}' -Xq '${bench.target}' -c "\\copy public.${name} (${list.replaceAll('"', '')}) FROM '${join(directory, name)}' (FORMAT binary)"`,
              )
              .join(' && '),
          ),
      },
      importing('migrate import, direct, --jobs 1 (one thread)', ['--via', 'direct', '--jobs', '1']),
      importing('migrate import, direct, --jobs 2 (two threads)', ['--via', 'direct', '--jobs', '2']),
      importing('migrate import, direct, --jobs 2, one worker', ['--via', 'direct', '--jobs', '2'], 1),
      importing('migrate import, coordinator, --jobs 1', ['--via', 'coordinator', '--jobs', '1']),
      importing('migrate import, coordinator, --jobs 2', ['--via', 'coordinator', '--jobs', '2']),
    ].map((candidate) => ({ ...candidate, check: () => bench.expectRows(ROWS) }));
    const results = await alternate(candidates, bench);
    const of = (name) => results.find((result) => result.name === name);
    const ratios = (result) => [
      rate(result.wall / of(FLOOR).wall),
      rate(result.wall / of(COORDINATOR).wall),
      rate((result.client + result.server) / (of(FLOOR).client + of(FLOOR).server)),
    ];
    return [
      'The same rows from files: 100,000 with 384-d vectors, 1,000,000 narrow ones, into empty tables of 32 shards',
      'without keys. The floor is what `psql` needs for binary files that were split by shard beforehand, one stream',
      'for each worker. `migrate import --phase data` reads an uncompressed dump, checks its digests, routes the rows',
      'and keeps its ledger; its times include the start of the program. Smaller is better. The bounds are 1.30 of the',
      'floor, and through the coordinator 1.15 of `psql`.\n',
      costTable(results, ['time : floor', 'time : psql, coordinator', 'CPU : floor'], ratios),
    ].join('\n');
  } finally {
    rmSync(directory, { recursive: true, force: true });
    tool.forgetDump();
  }
}
