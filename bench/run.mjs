// Measures the command line against psql, pgcopydb and pgloader; prints ratios, asserts nothing.
//   npm run build && node bench/run.mjs [--only export,memory,copy,load,verify,shim] [--rounds 3] [--write]
// --write puts the report into bench/RESULTS.md, followed by bench/reading.md.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as copy from './cases/copy.mjs';
import * as exporting from './cases/export.mjs';
import * as load from './cases/load.mjs';
import * as memory from './cases/memory.mjs';
import * as shim from './cases/shim.mjs';
import * as verify from './cases/verify.mjs';
import { Environment } from './lib/environment.mjs';
import { surroundings } from './lib/report.mjs';

/** A case has a `title` and `measure(bench)`, which returns Markdown. */
const CASES = { export: exporting, memory, copy, load, verify, shim };

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(CASES).join(',') },
    rounds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
  },
});
const names = values.only.split(',');
const unknown = names.filter((name) => !(name in CASES));
if (unknown.length > 0) {
  console.error(`There is no measurement ${unknown.join(', ')}; there are ${Object.keys(CASES).join(', ')}.`);
  process.exit(2);
}

const say = (line) => console.error(line);
const bench = await Environment.start(say, { rounds: Number(values.rounds) });
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => bench.stop().finally(() => process.exit(130)));
}
try {
  const sections = [];
  for (const name of names) sections.push(`## ${CASES[name].title}\n\n${await CASES[name].measure(bench)}`);
  const command = ['npm run build && node bench/run.mjs', ...process.argv.slice(2)].join(' ');
  const reading = new URL('./reading.md', import.meta.url);
  const report = [
    '# Measured',
    `Written by \`${command}\` on ${new Date().toISOString().slice(0, 10)}. Ratios are from this one run and hold better than seconds.`,
    await surroundings(bench),
    ...sections.map((section) => section.trimEnd()),
    ...(existsSync(reading) ? [readFileSync(reading, 'utf8').trimEnd()] : []),
  ].join('\n\n');
  if (values.write) writeFileSync(new URL('./RESULTS.md', import.meta.url), `${report}\n`);
  else console.log(report);
} finally {
  await bench.stop();
}
