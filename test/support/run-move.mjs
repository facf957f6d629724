// One move of writes in a process of its own, for test/fault/cutover.test.ts: it kills itself when it passes a
// failpoint, as a power cut would, and leaves a marker that says so. Without a point it runs to its end.
import { writeFileSync } from 'node:fs';
import { Database } from '../../dist/citus/database.js';
import { movedTables } from '../../dist/cli/support/plan.js';
import { runMove } from '../../dist/cutover/run-move.js';
import { readUnits } from '../../dist/cutover/units.js';
import { noopContext } from '../../dist/observe/noop.js';
import { readPlan } from '../../dist/plan/plan-file.js';
import { resolveConninfo } from '../../dist/postgres/conninfo.js';

const { runId, marker, point, direction, share, maxPauseMs, planFile, ...urls } = JSON.parse(process.argv[2]);
const fail = (passed) => {
  if (passed !== point) return;
  writeFileSync(marker, point);
  process.kill(process.pid, 'SIGKILL');
};
const open = (side) =>
  Database.open(resolveConninfo(urls[side], {}), { side, runId, readOnly: false, nodeAddresses: {} });
const [source, target] = [await open('source'), await open('target')];
const plan = await readPlan(planFile);
const aim = { direction, share, namespaces: [] };
const units = await readUnits(aim, source, target);
const request = { source, target, plan, tables: movedTables(plan), ...aim, units, maxPauseMs };
const result = await runMove({ ...request, limitBytes: 2 ** 30, policy: 'warn' }, noopContext({ fail }));
process.stdout.write(JSON.stringify({ units: units.length, ...result }));
await Promise.all([source.close(), target.close()]);
