// `migrate cutover` or `rollback` in a process of its own, with its real frame, for test/support/moves.ts. At one
// failpoint it kills itself, as a power cut would, and leaves a marker that says so; or it says that it is there and
// waits until it is told to go on. `argv` is the command line; `after`: passages before that point do not count.
import { writeFileSync } from 'node:fs';
import { runFrame } from '../../dist/cli/frame/run.js';
import { systemClock } from '../../dist/observe/clock.js';

const { argv, after, point, kill, marker } = JSON.parse(process.argv[2]);
const { [argv[0]]: command } = await import(`../../dist/cli/commands/${argv[0]}.js`);
let armed = after === undefined;
let hit = false;
const fail = (passed) => {
  armed ||= passed === after;
  if (hit || !armed || passed !== point) return undefined;
  hit = true;
  if (kill) {
    writeFileSync(marker, point);
    process.kill(process.pid, 'SIGKILL');
  }
  return new Promise((resolve) => {
    process.once('message', resolve);
    process.send({ at: point });
  });
};
const planted = {
  ...command,
  run: (invocation) => command.run({ ...invocation, context: { ...invocation.context, fail } }),
};
process.exitCode = await runFrame({
  argv,
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  process,
  clock: systemClock,
  commands: [planted],
  version: 'test',
});
process.send({ ended: true });
process.disconnect();
