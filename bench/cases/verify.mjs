// Comparing both sides: against the same digests in plain SQL, against md5 of text, against the copy itself.
import { withSession } from '../../dist/demo/servers/index.js';
import { alternate } from '../lib/alternate.mjs';
import { costTable, rate, table } from '../lib/report.mjs';

export const title = 'Verify';

const SIZES = (process.env.BENCH_VERIFY_ROWS ?? '10000,100000,1000000').split(',').map(Number);
/** Smaller tables take no longer than the program takes to start. */
const TIMED_FROM = 100_000;
const TABLE = 'memory_entries';
const DAMAGED = [1, 10, 1000];

/** What a person would type who knows which types PostgreSQL hashes exactly: the others by their send function. */
const DIGEST = `sum(hash_record_extended(row(id, namespace, key, value, public.vector_send(embedding),
  jsonb_send(metadata), array_send(tags), created_at, updated_at, expires_at), 0))`;
const MD5 = `sum(('x' || substr(md5((e.*)::text), 1, 16))::bit(64)::bigint)`;

/** One query on the source and one over all shards, at the same time. */
const bothSides = (bench, source, sum) => async () => {
  const query = (from) => `SELECT count(*)::text || ' ' || (${sum})::text FROM ${from} e`;
  await Promise.all([
    withSession(source, (session) => session.query(query(`public.${TABLE}`))),
    withSession(bench.target, (session) =>
      session.query(`SELECT * FROM run_command_on_shards('public.${TABLE}', $$${query('%s')}$$)`),
    ),
  ]);
};

const of = (results, name) => results.find((result) => result.name === name);
const count = (rows) => rows.toLocaleString('en');

export async function measure(bench) {
  const sections = [];
  const modes = [];
  for (const rows of SIZES) {
    const { tool, source, copy } = await copied(bench, rows);
    const peaks = await perMode(tool);
    modes.push(...peaks.map(({ mode, ...cost }) => ({ rows, mode, ...cost })));
    if (rows >= TIMED_FROM) sections.push(await timed(bench, tool, source, copy, rows));
  }
  return [...sections, flatness(modes)].join('\n\n');
}

/** The table in a single node and in the cluster, and what copying it took. */
async function copied(bench, rows) {
  const source = await bench.sourceWith({ [TABLE]: rows });
  const tool = await bench.migrate(source);
  bench.say(`Copying ${rows} rows`);
  const [copy] = await alternate(
    [
      {
        name: 'migrate copy',
        before: () => bench.emptyTarget(tool),
        run: () => tool.run('copy', '--phase', 'data', '--tables', TABLE),
        check: () => bench.expectRows({ [TABLE]: rows }),
      },
    ],
    { postmasters: bench.postmasters, say: bench.say, rounds: 1 },
  );
  await tool.run('copy', '--phase', 'after-data');
  await withSession(bench.target, (session) => session.query(`VACUUM ANALYZE public.${TABLE}`));
  await bench.settle();
  return { tool, source, copy };
}

const same = (tool, ...args) => ({
  run: async () => {
    const { document, ...cost } = await tool.run('verify', '--tables', ...args);
    if (document.verdict !== 'match') throw new Error(`the copy is not the same: ${document.verdict}`);
    return cost;
  },
});

async function perMode(tool) {
  const costs = [];
  for (const mode of ['counts', 'digest', 'rows'])
    costs.push({ mode, ...(await same(tool, TABLE, '--mode', mode).run()) });
  return costs;
}

/** Memory and bytes from the servers at each size. */
function flatness(modes) {
  const row = (mode, what, unit) => [
    `\`--mode ${mode}\`, ${unit}`,
    ...SIZES.map((rows) => what(modes.find((one) => one.rows === rows && one.mode === mode))),
  ];
  const lines = ['counts', 'digest', 'rows'].flatMap((mode) => [
    row(mode, ({ peakMiB }) => `${peakMiB.toFixed(0)} MiB`, 'largest resident set'),
    row(mode, ({ receivedMiB }) => `${receivedMiB.toFixed(2)} MiB`, 'received from all servers'),
  ]);
  return [
    '### Memory and bytes\n',
    'Of the process with all it loads. `rows` streams every row from both sides.\n',
    table(['', ...SIZES.map((rows) => `${count(rows)} rows`)], lines),
  ].join('\n');
}

async function timed(bench, tool, source, copy, rows) {
  bench.say(`Verify, ${rows} rows, both sides the same`);
  const clean = await alternate(
    [
      { name: 'SQL: hash_record_extended', run: bothSides(bench, source, DIGEST) },
      { name: 'SQL: md5 of the row as text', run: bothSides(bench, source, MD5) },
      { name: 'migrate verify --mode digest', ...same(tool, TABLE) },
      { name: 'migrate verify --mode rows', ...same(tool, TABLE, '--mode', 'rows') },
      { name: 'migrate verify --mode counts', ...same(tool, TABLE, '--mode', 'counts') },
      { name: 'migrate verify --resume', ...same(tool, TABLE, '--resume') },
      { name: 'migrate verify, empty table', ...same(tool, 'events') },
    ],
    bench,
  );
  const raw = of(clean, 'SQL: hash_record_extended');
  const md5 = of(clean, 'SQL: md5 of the row as text');
  const start = of(clean, 'migrate verify, empty table');
  const cpu = ({ client, server }) => client + server;
  const ratios = (result) => [
    rate(result.wall / raw.wall),
    result === start || result === raw || result === md5 ? '' : rate((result.wall - start.wall) / raw.wall),
    rate(cpu(result) / cpu(raw)),
    rate(md5.wall / result.wall),
    `${((100 * result.wall) / copy.wall).toFixed(0)} %`,
  ];
  const digest = of(clean, 'migrate verify --mode digest');
  const found = [];
  for (const damaged of DAMAGED) {
    const { wall } = await withDamage(bench, tool, rows, damaged);
    found.push([count(damaged), wall.toFixed(2), rate(wall / digest.wall)]);
  }
  return [
    `### \`${TABLE}\`, ${count(rows)} rows with 384-d vectors\n`,
    'In a single node and in 32 shards on two workers. The SQL reads both sides at once, one query on each node;',
    '`migrate verify` is the whole command, with the checks of references, sequences and schema; *without start* leaves',
    'out what the same command takes for an empty table, the schema of all shards included. `migrate copy` of the same',
    `rows took ${copy.wall.toFixed(2)} s.\n`,
    costTable(
      clean,
      ['time : SQL digest', 'without start', 'CPU : SQL digest', 'md5 : time', 'of copy'],
      ratios,
    ),
    '\nRows of the target changed behind its back, found and named:\n',
    table(['changed rows', 'seconds', 'time : nothing changed'], found),
  ].join('\n');
}

async function withDamage(bench, tool, rows, changed) {
  bench.say(`Verify, ${changed} rows changed`);
  const step = Math.floor(rows / changed);
  const where = `id % ${step} = 1 AND id <= ${step * changed}`;
  await withSession(bench.target, (session) =>
    session.query(`UPDATE public.${TABLE} SET key = key || '!' WHERE ${where}`),
  );
  const find = async () => {
    const options = ['--tables', TABLE, '--max-discrepancies', '2000'];
    const { document, ...cost } = await tool.answer([1], 'verify', ...options);
    const [{ discrepancyCount }] = document.tables;
    if (discrepancyCount !== changed) throw new Error(`found ${discrepancyCount} of ${changed} rows`);
    return cost;
  };
  const [result] = await alternate([{ name: String(changed), run: find }], bench);
  await withSession(bench.target, (session) =>
    session.query(`UPDATE public.${TABLE} SET key = left(key, -1) WHERE ${where}`),
  );
  return result;
}
