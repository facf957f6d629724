// One load in a process of its own, for test/support/load.ts: it kills itself when it passes a failpoint for the n-th
// time, as a power cut would, and leaves a marker that says so.
import { existsSync, writeFileSync } from 'node:fs';
import { Database } from '../../dist/citus/database.js';
import { readManifest } from '../../dist/export/manifest.js';
import { copyData } from '../../dist/load/copy.js';
import { importDump } from '../../dist/load/import.js';
import { noopContext } from '../../dist/observe/noop.js';
import { readPlan } from '../../dist/plan/plan-file.js';
import { resolveConninfo } from '../../dist/postgres/conninfo.js';

const task = JSON.parse(process.argv[2]);
const { runId, marker, point, hit, via, jobs, truncate, from, chunkBytes, nodeAddresses, phase, quarantine } =
  task;

let hits = 0;
const fail = (passed) => {
  if (passed !== point) return;
  hits += 1;
  if (hits !== hit || existsSync(marker)) return;
  writeFileSync(marker, `${point} ${hit}`);
  process.kill(process.pid, 'SIGKILL');
};

const open = (side, readOnly) =>
  Database.open(resolveConninfo(task[side], {}), { side, runId, readOnly, nodeAddresses });
const plan = await readPlan(task.planFile);
const writer = await open('target', false);
const request = { writer, plan, tables: plan.tables, phase, truncate, jobs, via, quarantine };
const context = noopContext({ fail });
if (from === undefined) {
  const reader = await open('source', true);
  await copyData({ ...request, reader, direction: 'forward', chunkBytes }, context);
} else {
  await importDump({ ...request, directory: from, manifest: await readManifest(from) }, context);
}
process.stderr.write(`the load ended without passing ${point} ${hit} times\n`);
process.exit(1);
