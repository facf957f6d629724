#!/usr/bin/env node
// Moves what is largest, and prints the peak memory of the program while it does:
//
//   npm run soak:large -- [--what values|shards|both] [--bytes 500000000] [--rows 1000000] [--shards 32,1024] [--jobs 1,2,8] [--chunk-bytes 8MB]
//
// values: one value of 500 MB as text, as bytea, and as bytea in a table that has to travel as text (where it doubles),
//   through export, import and copy; its MD5 on both sides is compared.
// shards: a narrow table into 32 and into 1,024 shards, on servers with PostgreSQL's own limits (100 connections, 64
//   locks per transaction); counts and sums of both sides are compared.
// Exits with 1 when something differs.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import {
  closeServers,
  createDatabase,
  findPostgres,
  startCluster,
  startServer,
} from '../dist/demo/servers/index.js';

const { values } = parseArgs({
  options: {
    what: { type: 'string', default: 'both' },
    bytes: { type: 'string', default: '500000000' },
    rows: { type: 'string', default: '1000000' },
    shards: { type: 'string', default: '32,1024' },
    jobs: { type: 'string', default: '1,2,8' },
    'chunk-bytes': { type: 'string', default: '8MB' },
  },
});
const numbers = (list) => list.split(',').map(Number);
const BIN = fileURLToPath(new URL('../bin/migrate.js', import.meta.url));
const MIB = 1024 * 1024;

const cwd = mkdtempSync(join(tmpdir(), 'citus-migrate-large-'));
const install = await findPostgres();
const settings = { max_connections: 100, max_locks_per_transaction: 64, max_wal_size: '4GB' };
const single = await startServer({ install, settings, name: 'source' });
const cluster = await startCluster({ install, settings });

async function connectTo(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

/** Runs the program; its result, the seconds that it took, and the largest resident set that Linux saw of it. */
function migrate(args) {
  return new Promise((resolve, reject) => {
    const started = Date.now();
    const child = spawn(process.execPath, [BIN, ...args, '--json', '--no-progress'], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    let peak = 0;
    const look = () => {
      try {
        peak = Number(
          /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? peak,
        );
      } catch {
        // It has just ended.
      }
    };
    const timer = setInterval(look, 20);
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(timer);
      resolve({ code, stdout, stderr, seconds: (Date.now() - started) / 1000, mib: Math.round(peak / 1024) });
    });
  });
}

let failed = false;
const tell = (what, { code, seconds, mib, stdout }, same) => {
  const outcome = code !== 0 ? `FAILED: ${JSON.parse(stdout).error?.message}` : same ? 'equal' : 'DIFFERENT';
  failed ||= outcome !== 'equal';
  console.log(`| ${what} | ${seconds.toFixed(1)} | ${mib} | ${outcome} |`);
};

async function freshTarget(tables) {
  const client = await connectTo(cluster.url());
  await client.query(`DROP TABLE IF EXISTS ${tables} CASCADE; DROP SCHEMA IF EXISTS citus_migrate CASCADE`);
  for (const worker of cluster.workers) {
    const there = await connectTo(worker.url('app'));
    await there.query('SET citus.enable_ddl_propagation = off');
    await there.query('DROP SCHEMA IF EXISTS citus_migrate CASCADE');
    await there.end();
  }
  return client;
}

async function largeValues() {
  const bytes = Number(values.bytes);
  const text = `repeat('0123456789abcdef', ${Math.floor(bytes / 16)})`;
  const cases = [
    ['text', 'doc text', text],
    ['bytea', 'doc bytea', `convert_to(${text}, 'UTF8')`],
    // aclitem has no binary form.
    ['bytea, as text', 'doc bytea, acl aclitem', `convert_to(${text}, 'UTF8')`],
  ];
  console.log(
    `\n| value of ${(bytes / 1e6).toFixed(0)} MB | s | peak MiB | rows |\n| --- | ---: | ---: | --- |`,
  );
  for (const [index, [name, columns, value]] of cases.entries()) {
    const url = await createDatabase(single, `large_${index}`);
    const source = await connectTo(url);
    await source.query(`CREATE TABLE large (id int PRIMARY KEY, namespace text NOT NULL, ${columns})`);
    await source.query(
      `INSERT INTO large (id, namespace, doc) VALUES (1, 'ns1', 'before'), (2, 'ns2', ${value}), (3, 'ns3', 'after')`,
    );
    const sum = 'SELECT id, namespace, length(doc), md5(doc) FROM large ORDER BY id';
    const expected = JSON.stringify((await source.query(sum)).rows);
    await source.end();
    const sides = ['--source', url, '--target', cluster.url()];
    const plan = join(cwd, `large_${index}.json`);
    const common = ['--plan', plan, ...sides, '--jobs', '1'];
    await (await freshTarget('large')).end();
    const planned = await migrate(['plan', '--plan', plan, ...sides]);
    if (planned.code !== 0) throw new Error(planned.stdout + planned.stderr);
    const dump = join(cwd, `dump_${index}`);
    tell(`${name}: export`, await migrate(['export', '--out', dump, ...common]), true);
    for (const args of [['import', '--from', dump], ['copy'], ['copy', '--via', 'coordinator']]) {
      const target = await freshTarget('large');
      const done = await migrate([...args, ...common]);
      const same = done.code === 0 && JSON.stringify((await target.query(sum)).rows) === expected;
      tell(`${name}: ${args.filter((arg) => arg !== dump && arg !== '--from').join(' ')}`, done, same);
      await target.end();
    }
    rmSync(dump, { recursive: true, force: true });
  }
}

async function manyShards() {
  const rows = Number(values.rows);
  const url = await createDatabase(single, 'shards');
  const source = await connectTo(url);
  await source.query(`
    CREATE TABLE narrow (id bigint PRIMARY KEY, namespace text NOT NULL, note text);
    INSERT INTO narrow SELECT g, 'ns' || g % 50000, md5(g::text) FROM generate_series(1, ${rows}) g; ANALYZE;
  `);
  const sum = `SELECT count(*), sum(hashtextextended(id || namespace || note, 0)) FROM narrow`;
  const expected = JSON.stringify((await source.query(sum)).rows);
  await source.end();
  console.log(`\n| ${rows} narrow rows into | s | peak MiB | rows |\n| --- | ---: | ---: | --- |`);
  for (const shards of numbers(values.shards)) {
    const sides = ['--source', url, '--target', cluster.url()];
    const plan = join(cwd, `shards_${shards}.json`);
    await (await freshTarget('narrow')).end();
    const config = join(cwd, `shards_${shards}.yaml`);
    writeFileSync(config, `shardCount: ${shards}\n`);
    const planned = await migrate(['plan', '--config', config, '--plan', plan, ...sides]);
    if (planned.code !== 0) throw new Error(planned.stdout + planned.stderr);
    for (const jobs of numbers(values.jobs)) {
      const target = await freshTarget('narrow');
      const done = await migrate([
        'copy',
        '--plan',
        plan,
        ...sides,
        '--jobs',
        String(jobs),
        '--chunk-bytes',
        values['chunk-bytes'],
      ]);
      const same = done.code === 0 && JSON.stringify((await target.query(sum)).rows) === expected;
      tell(`${shards} shards, --jobs ${jobs}`, done, same);
      await target.end();
    }
  }
}

try {
  console.log(
    `program alone: ${(await migrate(['--version'])).mib} MiB; ${(process.memoryUsage().rss / MIB).toFixed(0)} MiB here`,
  );
  if (values.what !== 'shards') await largeValues();
  if (values.what !== 'values') await manyShards();
} finally {
  await closeServers();
  rmSync(cwd, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
