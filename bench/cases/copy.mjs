// The whole copy of the data into Citus, against what else does it.
import { alternate } from '../lib/alternate.mjs';
import { which } from '../lib/command.mjs';
import { pgcopydb, pgloader, psqlPipe } from '../lib/peers.mjs';
import { costTable, rate } from '../lib/report.mjs';

export const title = 'Copy into Citus';

const ROWS = { memory_entries: 100_000, events: 1_000_000 };
const REFERENCE = 'psql pipe, text';

export async function measure(bench) {
  const source = await bench.sourceWith(ROWS);
  const tool = await bench.migrate(source);
  const skipped = [];
  const peers = [
    { name: REFERENCE, ...psqlPipe(bench, tool, source, 'text') },
    { name: 'psql pipe, binary', ...psqlPipe(bench, tool, source, 'binary') },
  ];
  for (const [name, peer] of [
    ['pgcopydb', pgcopydb],
    ['pgloader', pgloader],
  ]) {
    if (await which(name))
      peers.push({
        name: await peer.label(),
        optional: true,
        ...peer.candidate(bench, source, Object.keys(ROWS)),
      });
    else skipped.push(name);
  }
  bench.say(`Copy into Citus${skipped.length > 0 ? `, without ${skipped.join(', ')}` : ''}`);
  const candidates = [
    ...peers,
    { name: 'migrate copy, --jobs 1', run: () => tool.run('copy', '--phase', 'data', '--jobs', '1') },
    { name: 'migrate copy, default jobs', run: () => tool.run('copy', '--phase', 'data') },
  ].map((candidate) => ({
    ...candidate,
    before: () => bench.emptyTarget(tool),
    check: () => bench.expectRows(ROWS),
  }));
  const results = await alternate(candidates, bench);
  const failed = peers
    .map(({ name }) => name)
    .filter((name) => !results.some((result) => result.name === name));
  const of = (name) => results.find((result) => result.name === name);
  const reference = of(REFERENCE);
  const other = results.find(({ name }) => name.startsWith('pgcopydb'));
  const columns = ['time : psql text', 'time : pgcopydb', 'CPU : psql text', "migrate's own CPU"];
  const ratios = (result) => {
    const cpu = result.client + result.server;
    const own = result.samples.map(({ detail }) => detail.cpu).filter((each) => each !== undefined);
    return [
      rate(result.wall / reference.wall),
      other ? rate(result.wall / other.wall) : '',
      rate(cpu / (reference.client + reference.server)),
      own.length > 0 ? `${((100 * result.client) / cpu).toFixed(0)} %` : '',
    ];
  };
  return [
    `Both tables (100,000 rows with 384-d vectors, 1,000,000 narrow rows) into a coordinator with two workers, all`,
    'on this machine. The target tables are made anew for every measurement by',
    '`migrate schema --phase before-data`: distributed in 32 shards, empty, without keys and indexes.',
    '`psql` is one `COPY … TO STDOUT | COPY … FROM STDIN` after the other, through the coordinator. Row counts are',
    'checked after each. Times are of the whole command; smaller is better.\n',
    ...skipped.map((name) => `${name} is not installed here and was skipped.\n`),
    ...failed.map((name) => `${name} did not finish here and was left out.\n`),
    costTable(results, columns, ratios),
  ].join('\n');
}
