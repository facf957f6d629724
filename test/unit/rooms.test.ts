import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

/** Top down: a room imports from those above it alone. */
const ROOMS = [
  'core',
  'files',
  'config',
  'observe',
  'postgres',
  'citus',
  'ledger',
  'plan',
  'export',
  'load',
  'verify',
  'queries',
  'dualwrite',
  'cutover',
  'router',
  'demo',
  'workers',
  'cli',
];

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const roomOf = (path: string): string => path.split('/')[0]!;

function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, path]) => ({
    file,
    from: roomOf(file),
    to: roomOf(relative(src, join(src, dirname(file), path!))),
  }));
}

const upward = ({ from, to }: Import): boolean => ROOMS.indexOf(to) > ROOMS.indexOf(from);

const imports = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && file !== 'index.ts')
  .flatMap((file) => importsOf(file, readFileSync(join(src, file), 'utf8')));

describe('the rooms of the house', () => {
  it('are all in the list', () => {
    const folders = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).sort()).toEqual([...ROOMS].sort());
  });

  it('import only from rooms above them', () => {
    expect(imports.length).toBeGreaterThan(500);
    expect(imports.filter(upward)).toEqual([]);
  });

  it('are told apart: an import from below is found', () => {
    const [found] = importsOf('core/names.ts', `import { x } from '../cli/main.js';`);
    expect(found).toMatchObject({ from: 'core', to: 'cli' });
    expect(upward(found!)).toBe(true);
  });
});

describe('PostgreSQL', () => {
  it('is spoken to by one room: no other imports its client', () => {
    const users = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
      (file) =>
        file.endsWith('.ts') &&
        /^import (?!type).*from 'pg(-[a-z-]+)?'/m.test(readFileSync(join(src, file), 'utf8')),
    );
    expect(users.length).toBeGreaterThan(0);
    expect(users.filter((file) => roomOf(file) !== 'postgres')).toEqual([]);
  });
});
