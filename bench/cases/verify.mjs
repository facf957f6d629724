// Comparing both sides: against the same digests in plain SQL, against md5 of text, against the copy itself.
import { withSession } from '../../dist/demo/servers/index.js';
import { alternate } from '../lib/alternate.mjs';
import { costTable, rate, table } from '../lib/report.mjs';

export const title = 'Verify';

const ROWS = Number(process.env.BENCH_VERIFY_ROWS ?? 1_000_000);
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

export async function measure(bench) {
  const source = await bench.sourceWith({ [TABLE]: ROWS });
  const tool = await bench.migrate(source);
  const verify = (...args) => ({
    run: async () => {
      const { document, ...cost } = await tool.run('verify', '--tables', TABLE, ...args);
      if (document.verdict !== 'match') throw new Error(`the copy is not the same: ${document.verdict}`);
      return cost;
    },
  });
  bench.say(`Copying ${ROWS} rows`);
  const copy = await alternate(
    [
      {
        name: 'migrate copy',
        before: () => bench.emptyTarget(tool),
        run: () => tool.run('copy', '--phase', 'data', '--tables', TABLE),
        check: () => bench.expectRows({ [TABLE]: ROWS }),
      },
    ],
    { postmasters: bench.postmasters, say: bench.say, rounds: 1 },
  );
  await tool.run('copy', '--phase', 'after-data');
  await withSession(bench.target, (session) => session.query(`VACUUM ANALYZE public.${TABLE}`));
  await bench.settle();

  bench.say('Verify, both sides the same');
  const clean = await alternate(
    [
      { name: 'SQL: hash_record_extended', run: bothSides(bench, source, DIGEST) },
      { name: 'SQL: md5 of the row as text', run: bothSides(bench, source, MD5) },
      { name: 'migrate verify --mode digest', ...verify() },
      { name: 'migrate verify --mode rows', ...verify('--mode', 'rows') },
      { name: 'migrate verify --mode counts', ...verify('--mode', 'counts') },
      { name: 'migrate verify --resume', ...verify('--resume') },
    ],
    bench,
  );
  const raw = of(clean, 'SQL: hash_record_extended');
  const md5 = of(clean, 'SQL: md5 of the row as text');
  const ratios = (result) => [
    rate(result.wall / raw.wall),
    rate(md5.wall / result.wall),
    `${((100 * result.wall) / copy[0].wall).toFixed(0)} %`,
    ...[Math.max(0, ...result.samples.map(({ detail }) => detail.peakMiB ?? 0))].map((mib) =>
      mib > 0 ? `${mib.toFixed(0)} MiB` : '',
    ),
  ];

  const digest = of(clean, 'migrate verify --mode digest');
  const found = [];
  for (const count of DAMAGED) {
    bench.say(`Verify, ${count} rows changed`);
    const step = Math.floor(ROWS / count);
    const where = `id % ${step} = 1 AND id <= ${step * count}`;
    await withSession(bench.target, (session) =>
      session.query(`UPDATE public.${TABLE} SET key = key || '!' WHERE ${where}`),
    );
    const [result] = await alternate(
      [
        {
          name: String(count),
          run: async () => {
            const { document, ...cost } = await tool.answer(
              [1],
              'verify',
              '--tables',
              TABLE,
              '--max-discrepancies',
              '2000',
            );
            const [{ discrepancyCount }] = document.tables;
            if (discrepancyCount !== count) throw new Error(`found ${discrepancyCount} of ${count} rows`);
            return cost;
          },
        },
      ],
      bench,
    );
    found.push([String(count), result.wall.toFixed(2), rate(result.wall / digest.wall)]);
    await withSession(bench.target, (session) =>
      session.query(`UPDATE public.${TABLE} SET key = left(key, -1) WHERE ${where}`),
    );
  }
  return [
    `\`${TABLE}\`, ${ROWS.toLocaleString('en')} rows with 384-d vectors, in a single node and in 32 shards on two workers.`,
    'The SQL reads both sides at once, one query on each node; `migrate verify` is the whole command, with the checks of',
    `references, sequences and schema. \`migrate copy\` of the same rows took ${copy[0].wall.toFixed(2)} s.\n`,
    costTable(clean, ['time : SQL digest', 'md5 : time', 'of copy', 'peak memory'], ratios),
    '\nRows of the target changed behind its back, found and named:\n',
    table(['changed rows', 'seconds', 'time : nothing changed'], found),
  ].join('\n');
}
