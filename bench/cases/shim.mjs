// What capturing changes costs those who write, and how fast they are brought over.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { withSession } from '../../dist/demo/servers/index.js';
import { installGuards, removeGuards } from '../../dist/dualwrite/guards.js';
import { noopContext, openDatabase, readPlan } from '../../dist/index.js';
import { alternate, median } from '../lib/alternate.mjs';
import { run } from '../lib/command.mjs';
import { costTable, rate, table } from '../lib/report.mjs';

export const title = 'Capture and sync';

const ROWS = { events: 300_000 };
const CLIENTS = 4;
const SECONDS = 8;
const STEADY_SECONDS = 40;
const BULK = 100_000;
const LAUNCHER = fileURLToPath(new URL('../../bin/migrate.js', import.meta.url));

const SCRIPTS = {
  update: `\\set id random(1, ${ROWS.events})\nUPDATE events SET n = n + 1 WHERE id = :id;\n`,
  mixed: [
    `\\set id random(1, ${ROWS.events})`,
    '\\set fresh random(1000000, 2000000000)',
    '\\set tenant random(1, 200)',
    'UPDATE events SET n = n + 1 WHERE id = :id;',
    "INSERT INTO events VALUES (:fresh, 'team-' || :tenant, 'created', 1, now()) ON CONFLICT (id) DO UPDATE SET namespace = excluded.namespace;",
    'DELETE FROM events WHERE id = :id - 1 AND :id % 10 = 0;\n',
  ].join('\n'),
};

/** Single-row transactions of some clients; returns {tps}. */
async function pgbench(bench, source, folder, script, seconds) {
  const file = join(folder, `${script}.sql`);
  writeFileSync(file, SCRIPTS[script]);
  const program = join(bench.install.binDir, 'pgbench');
  const output = await run(
    [program, '-n', '-c', CLIENTS, '-j', 2, '-T', seconds, '-f', file, source].map(String),
  );
  return { tps: Number(/tps = ([\d.]+)/.exec(output)[1]) };
}

/** Puts the guards on both sides, or takes them off. */
async function guard(tool, on) {
  const open = (side, url) => openDatabase(url, { side, runId: 'bench', readOnly: false });
  const source = await open('source', tool.env.MIGRATE_SOURCE_URL);
  const target = await open('target', tool.env.MIGRATE_TARGET_URL);
  try {
    if (on) await installGuards({ source, target, plan: await readPlan(tool.plan) }, noopContext());
    else for (const side of [source, target]) await removeGuards(side, noopContext());
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

/** What a writer of the source can meet. */
const SURROUNDINGS = [
  { name: 'without the shim', shim: 'remove', guards: false },
  { name: 'with the shim', shim: 'install', guards: false },
  { name: 'with the shim and the guards', shim: 'install', guards: true },
];

async function surround(tool, { shim, guards }) {
  await tool.run('shim', shim);
  await guard(tool, guards);
}

function throughput(bench, tool, source, folder) {
  return alternate(
    SURROUNDINGS.map((around) => ({
      name: around.name,
      before: () => surround(tool, around),
      run: () => pgbench(bench, source, folder, 'update', SECONDS),
    })),
    bench,
  );
}

async function bulk(bench, tool, source) {
  const clean = async () => {
    await withSession(source, async (session) => {
      await session.query('DELETE FROM public.events WHERE id > 10000000');
      await session.query('VACUUM public.events');
    });
    await bench.settle();
  };
  const insert = `INSERT INTO events SELECT 10000000 + g, 'team-' || g % 200, 'created', g, now() FROM generate_series(1, ${BULK}) g`;
  const results = await alternate(
    SURROUNDINGS.map((around) => ({
      name: around.name,
      before: async () => {
        await surround(tool, SURROUNDINGS[0]);
        await clean();
        await surround(tool, around);
      },
      run: () => run([bench.psql, '-X', '-q', source, '-c', insert]),
    })),
    { ...bench, rounds: bench.rounds + 2, postmasters: bench.postmasters, say: bench.say },
  );
  await surround(tool, SURROUNDINGS[0]);
  await clean();
  return results;
}

async function drainRate(bench, tool, source) {
  const results = await alternate(
    [
      {
        name: `migrate copy of ${ROWS.events} rows`,
        before: () => bench.emptyTarget(tool),
        run: () => tool.run('copy', '--phase', 'data'),
      },
      {
        name: `migrate sync of ${ROWS.events} changed rows`,
        before: async () => {
          await tool.run('shim', 'remove');
          await bench.emptyTarget(tool);
          await tool.run('shim', 'install');
          await tool.run('copy');
          await withSession(source, (session) => session.query('UPDATE public.events SET n = n + 1'));
          await bench.settle();
        },
        run: () => tool.run('sync', '--until-drained'),
      },
    ],
    bench,
  );
  await tool.run('shim', 'remove');
  return results;
}

/** Writers through the whole of copy and sync; how old the oldest change gets that was not applied. */
async function steady(bench, tool, source, folder) {
  await tool.run('shim', 'remove');
  await bench.emptyTarget(tool);
  await tool.run('shim', 'install');
  const writing = pgbench(bench, source, folder, 'mixed', STEADY_SECONDS);
  await tool.run('copy');
  const args = [LAUNCHER, 'sync', '--config', tool.config, '--plan', tool.plan, '--no-progress', '--json'];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...tool.env }, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let running = true;
  const seconds = [];
  const done = writing.finally(() => {
    running = false;
  });
  // The first pass brings what was written during the copy.
  await pause(5000);
  while (running) {
    const { document } = await tool.answer([0], 'shim', 'status');
    seconds.push(document.log.seconds);
    await pause(500);
  }
  const { tps } = await done;
  child.kill('SIGINT');
  await ended;
  await tool.run('sync', '--until-drained');
  const { document } = await tool.answer([0, 1], 'verify');
  await tool.run('shim', 'remove');
  return { tps, seconds, verdict: document.verdict };
}

export async function measure(bench) {
  const folder = mkdtempSync(join(tmpdir(), 'citus-migrate-bench-shim-'));
  try {
    const source = await bench.sourceWith(ROWS);
    const tool = await bench.migrate(source);
    await bench.emptyTarget(tool);
    await tool.run('plan');
    bench.say('Transactions with and without the shim and the guards');
    const writes = await throughput(bench, tool, source, folder);
    for (const { name, samples } of writes)
      bench.say(
        `  ${name}: ${samples.map(({ detail }) => detail.tps.toFixed(0)).join(', ')} transactions per second`,
      );
    await surround(tool, SURROUNDINGS[0]);
    bench.say('Bulk inserts with and without the shim and the guards');
    const inserts = await bulk(bench, tool, source);
    bench.say('Copy and sync of the same rows');
    const drained = await drainRate(bench, tool, source);
    bench.say('Writers through copy and sync');
    const lag = await steady(bench, tool, source, folder);
    const tps = writes.map(({ samples }) => median(samples.map(({ detail }) => detail.tps)));
    const cpu = writes.map(({ samples }) =>
      median(samples.map((one) => (1e6 * one.server) / (one.detail.tps * SECONDS))),
    );
    const [copy, sync] = drained;
    return [
      `A table of ${ROWS.events} narrow rows. Transactions: \`pgbench\`, ${CLIENTS} clients, one UPDATE by key each, ${SECONDS} s.\n`,
      table(
        ['', 'transactions per second', 'ratio', 'server CPU µs per transaction'],
        writes.map(({ name }, index) => [
          name,
          tps[index].toFixed(0),
          rate(tps[index] / tps[0]),
          cpu[index].toFixed(0),
        ]),
      ),
      `One INSERT of ${BULK} rows into that table, which has a primary key alone:\n`,
      costTable(inserts, ['time : without'], (result) => [rate(result.wall / inserts[0].wall)]),
      'The same rows by `copy` into empty tables without keys, and by `sync` over tables with keys:\n',
      costTable(drained, ['rows per second', 'rate : copy'], (result) => [
        (ROWS.events / result.wall).toFixed(0),
        rate(copy.wall / result.wall),
      ]),
      `Of which the whole command is measured, its start included. Sync: ${(ROWS.events / sync.wall).toFixed(0)} changed rows per second.\n`,
      `${CLIENTS} clients wrote ${lag.tps.toFixed(0)} transactions of three statements per second through the whole of \`copy\` and \`sync\` on the same machine.`,
      `The oldest change that waited was ${median(lag.seconds).toFixed(2)} s old in the median and ${Math.max(...lag.seconds).toFixed(2)} s at most (${lag.seconds.length} looks, from 5 s after the start of \`sync\`).`,
      `After the last write and \`sync --until-drained\`, \`migrate verify\` said: ${lag.verdict}.`,
    ].join('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
