/**
 * Puts the compiled command line and its dependencies into files that are loaded together (dist/program): Node.js
 * resolves and opens some 600 modules otherwise, which took two thirds of the time that a command needs before it
 * connects. A command reads what it shares with others and what is its own; merging the small files gains nothing.
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

/**
 * What packages do while they are loaded and hardly any command needs: in which module, which text, and what stands
 * there instead. Without these a command starts about 35 ms later, and a thread 20 ms.
 */
const LATER = [
  // Whether this is Cloudflare's runtime is told by a Response, with which Node.js 20 loads its whole HTTP client.
  {
    module: /\/pg\/lib\/stream\.js$/,
    text: "typeof Response === 'function'",
    change: (code, text) => code.replace(text, 'false'),
  },
  // Three copies, each with Unicode's tables from the start, to lay out help that is ASCII.
  {
    module: /\/string-width\/index\.js$/,
    text: 'const segmenter = new Intl.Segmenter();',
    change: () => `export { displayWidth as default } from '${join(root, 'dist/core/text-width.js')}';`,
  },
];
const applied = new Set();
const later = {
  name: 'later',
  transform(code, id) {
    let changed = code;
    for (const each of LATER.filter(({ module }) => module.test(id))) {
      if (!changed.includes(each.text)) continue;
      changed = each.change(changed, each.text);
      applied.add(each);
    }
    return changed === code ? null : { code: changed, map: null };
  },
};

rmSync(out, { recursive: true, force: true });
const bundle = await rolldown({
  input: { main: join(root, 'dist/cli/main.js'), thread: join(root, 'dist/workers/thread.js') },
  platform: 'node',
  external: [/^node:/, 'pg-native'],
  plugins: [later],
});
const { output } = await bundle.write({
  dir: out,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
});
await bundle.close();
for (const each of LATER) {
  if (!applied.has(each)) throw new Error(`No module ${each.module} has: ${each.text}`);
}
const folders = new Set(output.flatMap((chunk) => (chunk.moduleIds ?? []).map(packageOf)));
folders.delete(undefined);
writeFileSync(
  join(out, 'THIRD-PARTY.txt'),
  [...folders]
    .sort()
    .map(notice)
    .join(`\n${'-'.repeat(80)}\n\n`),
);
