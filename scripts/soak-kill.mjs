#!/usr/bin/env node
// Kills `migrate copy` and `migrate import` with SIGKILL at random moments on a real Citus cluster, and proves after
// each kill that the same command finishes with every row on the target exactly once.
//
//   npm run soak:kill -- [--kills 50] [--seed 1] [--rows 20000] [--command copy|import|both]
//
// Every run: an empty target; the command is killed after a random share of the time that it takes undisturbed (one
// in three is killed a second time while it continues); the same command runs to its end; then the sorted COPY of
// every table is compared with the source's, and the ledger's counts with both. Exits with 1 at the first difference.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import {
  closeServers,
  createDatabase,
  findPostgres,
  startCluster,
  startServer,
} from '../dist/demo/servers/index.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    rows: { type: 'string', default: '20000' },
    command: { type: 'string', default: 'both' },
  },
});
const [kills, rows] = [Number(values.kills), Number(values.rows)];
const BIN = fileURLToPath(new URL('../bin/migrate.js', import.meta.url));
const TABLES = ['kind', 'item', 'part', 'loose'];

const SCHEMA = `
  CREATE TABLE kind (id int PRIMARY KEY, label text NOT NULL);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 50) g;
  CREATE TABLE item (
    id bigserial PRIMARY KEY, namespace varchar(50) NOT NULL, kind int NOT NULL REFERENCES kind, note text,
    UNIQUE (namespace, id));
  INSERT INTO item (namespace, kind, note)
  SELECT CASE WHEN g % 2 = 0 THEN 'large' ELSE 'ns' || g % 40 END, 1 + g % 50, repeat(md5(g::text), 5)
  FROM generate_series(1, ${rows}) g;
  CREATE TABLE part (
    id bigserial PRIMARY KEY, namespace varchar(50) NOT NULL, item_id bigint NOT NULL, note text,
    FOREIGN KEY (namespace, item_id) REFERENCES item (namespace, id));
  INSERT INTO part (namespace, item_id, note) SELECT namespace, id, repeat(md5(id::text), 3) FROM item WHERE id % 2 = 0;
  CREATE TABLE loose (namespace text NOT NULL, what text);
  INSERT INTO loose SELECT 'ns' || g % 40, repeat(md5((g % 100)::text), 3) FROM generate_series(1, ${rows} / 2) g;
  ANALYZE;
`;

/** mulberry32: small, and the same on every machine. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function connectTo(url) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Runs the program; with `killAfter` (milliseconds) it is killed then, unless it has ended. */
function migrate(args, cwd, killAfter) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args, '--json', '--no-progress'], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** SHA-256 of the sorted COPY of every table: the oracle, which shares no code with the program. */
async function contents(client) {
  const found = {};
  await client.query(`SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC'; SET extra_float_digits = 3`);
  for (const table of TABLES) {
    const { rows: columns } = await client.query(
      `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) AS list FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
      [table],
    );
    const { list } = columns[0];
    const copy = copyTo(
      `COPY (SELECT ${list} FROM ${table} ORDER BY (ROW(${list}))::text COLLATE "C") TO STDOUT`,
    );
    const stream = client.query(copy);
    const hash = createHash('sha256');
    for await (const piece of stream) hash.update(piece);
    await client.query('SELECT');
    found[table] = { rows: stream.rowCount, sha256: hash.digest('hex') };
  }
  return found;
}

const cwd = mkdtempSync(join(tmpdir(), 'citus-migrate-soak-'));
const install = await findPostgres();
const single = await startServer({ install, name: 'source' });
const cluster = await startCluster({ install, shardCount: 8 });
const sourceUrl = await createDatabase(single, 'soak');
const source = await connectTo(sourceUrl);
const target = await connectTo(cluster.url());
const workers = await Promise.all(cluster.workers.map((worker) => connectTo(worker.url('app'))));

async function empty() {
  await target.query(
    `DROP TABLE IF EXISTS ${TABLES.join(', ')} CASCADE; DROP SCHEMA IF EXISTS citus_migrate CASCADE`,
  );
  for (const worker of workers) {
    await worker.query('SET citus.enable_ddl_propagation = off');
    await worker.query('DROP SCHEMA IF EXISTS citus_migrate CASCADE');
  }
}

/** How far a killed run had come. */
async function phaseNow(chunks) {
  const { rows: made } = await target.query(
    `SELECT to_regclass('citus_migrate.chunk') IS NOT NULL AS ledger, to_regclass('loose') IS NOT NULL AS tables,
            (SELECT count(*)::int FROM pg_constraint WHERE contype = 'f' AND conrelid = to_regclass('part')) AS keys`,
  );
  if (!made[0].ledger || !made[0].tables) return { phase: 'before the rows', complete: 0 };
  const { rows: count } = await target.query('SELECT count(*)::int AS n FROM citus_migrate.chunk');
  const complete = count[0].n;
  if (complete === 0) return { phase: 'before the rows', complete };
  if (complete < chunks) return { phase: 'rows', complete };
  return { phase: 'after the rows', complete };
}

async function told() {
  const { rows: ledger } = await target.query(
    'SELECT table_name, sum(rows)::int AS rows FROM citus_migrate.chunk GROUP BY 1',
  );
  return Object.fromEntries(ledger.map((row) => [row.table_name, row.rows]));
}

let failed = false;
try {
  await source.query(SCHEMA);
  const expected = await contents(source);
  const sides = ['--source', sourceUrl, '--target', cluster.url()];
  const must = async (args) => {
    const done = await migrate(args, cwd);
    if (done.code !== 0)
      throw new Error(`migrate ${args.join(' ')} ended with ${done.code}: ${done.stdout}${done.stderr}`);
    return JSON.parse(done.stdout);
  };
  await must(['plan', ...sides]);
  await must(['export', '--out', 'dump', '--chunk-bytes', '64kB', ...sides]);
  const commands = {
    copy: ['copy', '--chunk-bytes', '64kB', ...sides, '--jobs', '2'],
    import: ['import', '--from', 'dump', ...sides, '--jobs', '2'],
  };
  const wanted = values.command === 'both' ? ['copy', 'import'] : [values.command];
  for (const name of wanted) {
    const next = random(Number(values.seed));
    const args = commands[name];
    await empty();
    const started = Date.now();
    const undisturbed = await must(args);
    const took = Date.now() - started;
    const chunks = undisturbed.tables.reduce((sum, table) => sum + table.chunks, 0);
    const total = { runs: 0, kills: 0, resumed: 0, lost: 0, doubled: 0 };
    const phases = { 'before the rows': 0, rows: 0, 'after the rows': 0, 'ended before': 0 };
    console.log(`${name}: ${chunks} chunks, ${took} ms undisturbed, seed ${values.seed}`);
    while (total.kills < kills) {
      await empty();
      total.runs += 1;
      const log = [];
      for (let again = true; again && total.kills < kills; again = next() < 1 / 3) {
        const after = Math.round(next() * took);
        const { signal, code, stdout, stderr } = await migrate(args, cwd, after);
        if (signal !== 'SIGKILL') {
          if (code !== 0) throw new Error(`run ${total.runs} ended with ${code}: ${stdout}${stderr}`);
          phases['ended before'] += 1;
          break;
        }
        const { phase, complete } = await phaseNow(chunks);
        total.kills += 1;
        phases[phase] += 1;
        log.push(`${after} ms (${phase}, ${complete} of ${chunks})`);
      }
      const done = await must(args);
      total.resumed += done.tables.reduce((sum, table) => sum + table.skippedChunks, 0);
      const [found, ledger] = [await contents(target), await told()];
      for (const table of TABLES) {
        const difference = found[table].rows - expected[table].rows;
        total.lost += Math.max(0, -difference);
        total.doubled += Math.max(0, difference);
        if (found[table].sha256 !== expected[table].sha256 || ledger[table] !== expected[table].rows) {
          failed = true;
          console.log(
            `${name} run ${total.runs}, ${table}: ${expected[table].rows} rows expected, ${found[table].rows} found, ` +
              `${ledger[table]} in the ledger, contents ${found[table].sha256 === expected[table].sha256 ? 'equal' : 'DIFFERENT'}`,
          );
        }
      }
      console.log(
        `${name} run ${total.runs}: killed at ${log.join(', ') || 'no moment'}: ${failed ? 'DIFFERENT' : 'equal'}`,
      );
      if (failed) break;
      await pause(0);
    }
    console.log(JSON.stringify({ command: name, ...total, phases }));
    if (failed) break;
  }
} finally {
  await Promise.allSettled([source, target, ...workers].map((client) => client.end()));
  await closeServers();
  rmSync(cwd, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
