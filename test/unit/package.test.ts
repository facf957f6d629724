import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(resolve(root, file), 'utf8');

interface Package {
  name?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  resolved?: string;
}
const manifest = JSON.parse(read('package.json')) as Package;
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Package> };

/** What the lock file's packages depend on, without what it has no entry for. */
function unlocked(packages: Record<string, Package>): string[] {
  const known = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  return Object.values(packages).flatMap(({ dependencies, optionalDependencies }) =>
    Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !known.has(name)),
  );
}

function importsIn(folder: string): Set<string> {
  const files = readdirSync(resolve(root, folder), { recursive: true, encoding: 'utf8' });
  const names = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [
      ...read(`${folder}/${file}`).matchAll(/(?:\bfrom |\bimport\()'([^'.\n][^'\n]*)'[;)]/g),
    ])
    .map((match) => match[1]!)
    .filter((name) => !name.startsWith('node:') && !builtinModules.includes(name))
    .map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)![0]);
  return new Set(names);
}

describe('the lock file', () => {
  it('has every package that a package of it names, also those for other platforms', () => {
    expect(unlocked(lock.packages)).toEqual([]);
  });

  it('is found incomplete without the package for one platform', () => {
    const { 'node_modules/@biomejs/cli-darwin-arm64': _, ...rest } = lock.packages;
    expect(unlocked(rest)).toEqual(['@biomejs/cli-darwin-arm64']);
  });

  it('names no address to download from', () => {
    expect(Object.values(lock.packages).filter((one) => one.resolved !== undefined)).toEqual([]);
  });
});

describe('the dependencies', () => {
  const declared = Object.keys(manifest.dependencies!);

  it('are all that src imports', () => {
    const used = importsIn('src');
    expect(used.size).toBeGreaterThan(5);
    // The documentation of the library imports the package itself.
    const own = (name: string): boolean => name === manifest.name;
    expect([...used].filter((name) => !own(name) && !declared.includes(name))).toEqual([]);
  });
});

describe('the library', () => {
  it('offers opening, planning, exporting, loading and verifying', () => {
    const { openDatabase, buildPlan, exportDump, importDump, copyData, verify } = library;
    for (const each of [openDatabase, buildPlan, exportDump, importDump, copyData, verify])
      expect(each).toBeTypeOf('function');
  });

  it('rejects a connection string that cannot be read with its own error', async () => {
    const options = { side: 'source', runId: 'test', readOnly: true } as const;
    const error: unknown = await library.openDatabase('not a url', options, {}).catch((reason) => reason);
    expect(error).toBeInstanceOf(library.MigrateError);
    expect(error).toMatchObject({ code: 'URL_INVALID' });
  });
});
