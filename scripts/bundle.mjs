/**
 * Puts the compiled command line and its dependencies into a few files (dist/program): Node.js resolves and opens
 * some 600 modules otherwise, which took two thirds of the time that a command needs before it connects.
 * All files lie at the depth of the compiled rooms, so that paths relative to them stay right.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../', import.meta.url));
const out = join(root, 'dist/program');

/** The folder of the package that a bundled module comes from; undefined: our own. */
const packageOf = (module) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module)?.[0];

/** Name, version and license text of a package, as its license asks for. */
function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)(\.|$)/i.test(each));
  const text = file === undefined ? '' : `\n\n${readFileSync(join(folder, file), 'utf8').trim()}`;
  return `${name} ${version} (${license})${text}\n`;
}

rmSync(out, { recursive: true, force: true });
const bundle = await rolldown({
  input: { main: join(root, 'dist/cli/main.js'), thread: join(root, 'dist/workers/thread.js') },
  platform: 'node',
  external: [/^node:/, 'pg-native'],
});
const { output } = await bundle.write({
  dir: out,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
});
await bundle.close();
const folders = new Set(output.flatMap((chunk) => (chunk.moduleIds ?? []).map(packageOf)));
folders.delete(undefined);
writeFileSync(
  join(out, 'THIRD-PARTY.txt'),
  [...folders]
    .sort()
    .map(notice)
    .join(`\n${'-'.repeat(80)}\n\n`),
);
