import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { parseCommandLine } from '../../src/cli/frame/parse.js';
import { parseConfigFile } from '../../src/config/file.js';
import { knownKeys } from '../../src/config/file-schema.js';
import { EVERYWHERE, OPTIONS } from '../../src/config/options.js';
import { ERROR_CODES } from '../../src/core/error-codes.js';
import { FINDINGS } from '../../src/plan/finding-codes.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(resolve(root, file), 'utf8');

interface Sources {
  errors: unknown;
  findings: unknown;
  commands: unknown;
  options: unknown;
  everywhere: unknown;
  fileKeys: readonly string[];
}
const { pages } = (await import(pathToFileURL(resolve(root, 'scripts/docs.mjs')).href)) as {
  pages: (sources: Sources) => Record<string, string>;
};
const sources: Sources = {
  errors: ERROR_CODES,
  findings: FINDINGS,
  commands: COMMANDS,
  options: OPTIONS,
  everywhere: EVERYWHERE,
  fileKeys: knownKeys([]),
};
const made = pages(sources);
const written = [
  'README.md',
  ...readdirSync(resolve(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

describe('pages made from the code', () => {
  it.each(Object.keys(made))('%s is what `npm run docs` writes', (file) => {
    expect(read(file)).toBe(made[file]);
  });

  it('a changed advice makes its page differ', () => {
    const usage = { ...ERROR_CODES.USAGE, advice: 'Guess.' };
    const other = pages({ ...sources, errors: { ...ERROR_CODES, USAGE: usage } });
    expect(other['docs/errors.md']).not.toBe(read('docs/errors.md'));
  });

  it('every error and every finding has a heading of its own', () => {
    const headings = (file: string): string[] =>
      [...read(file).matchAll(/^### (\w+)$/gm)].map((match) => match[1]!).sort();
    expect(headings('docs/errors.md')).toEqual(Object.keys(ERROR_CODES).sort());
    expect(headings('docs/findings.md')).toEqual(Object.keys(FINDINGS).sort());
  });

  it.each(COMMANDS.map(({ name }) => name))(
    'lists the options that `migrate help %s` shows',
    async (name) => {
      const help = await parseCommandLine(['help', name], COMMANDS, { version: '0.0.0', columns: 100 });
      if (help.kind !== 'text') throw new Error('help printed nothing');
      const shown = [...help.text.matchAll(/^ +(?:-\w, )? *--([\w-]+)/gm)].map((match) => match[1]!);
      const section = (title: string): string =>
        made['docs/reference.md']!.split(`## ${title}\n`)[1]!.split('\n## ')[0]!;
      const text = section(`migrate ${name}`) + section('Options of every command');
      const listed = [...text.matchAll(/^\| (?:`-\w`, )?`--([\w-]+)/gm)].map((match) => match[1]!);
      expect([...listed, 'help', 'version'].sort()).toEqual(shown.sort());
    },
  );
});

describe('pages written by hand', () => {
  const example = /```yaml\n# migrate\.config\.yaml\n([\s\S]*?)```/.exec(read('README.md'))![1]!;

  it('the configuration example of the README is valid', () => {
    expect(parseConfigFile({ path: 'README.md', text: example }).problems).toEqual([]);
  });

  it('the configuration example has every key of the file, and of its parts', () => {
    const content = parseConfigFile({ path: 'README.md', text: example }).content as Record<string, object>;
    expect(Object.keys(content).sort()).toEqual(knownKeys([]).sort());
    for (const key of [
      'reference',
      'export',
      'verify',
      'gates',
      'checklist',
      'queries',
      'shim',
      'cutover',
      'log',
      'throttle',
    ])
      expect(Object.keys(content[key]!).sort()).toEqual(knownKeys([key]).sort());
    const overrides = Object.values(content.tables as Record<string, object>).flatMap(Object.keys);
    expect([...new Set(overrides)].sort()).toEqual(knownKeys(['tables', 'any']).sort());
  });

  it.each(written)('every link of %s leads to a file of this repository', (file) => {
    const links = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(
      (match) => match[1]!,
    );
    const broken = links.filter((link) => !existsSync(resolve(root, dirname(file), link)));
    expect(broken).toEqual([]);
  });

  it.each(written)('every command line of %s names a command and options that exist', (file) => {
    const lines = [...read(file).matchAll(/^(?:\$ )?(?:npx )?migrate ([a-z-]+)((?: [^\n#|>]+)?)/gm)];
    for (const [line, name, rest] of lines) {
      const command = COMMANDS.find((one) => one.name === name);
      const known = command ? [...command.options, ...EVERYWHERE].map((option) => OPTIONS[option].flag) : [];
      const flags = [...rest!.matchAll(/ --(?:no-)?([\w-]+)/g)].map((match) => match[1]!);
      if (!['help', 'completion'].includes(name!)) expect([line, command?.name]).toEqual([line, name]);
      expect(flags.filter((flag) => !(known as string[]).includes(flag))).toEqual([]);
    }
  });

  it('finds links and command lines where there are some', () => {
    expect(read('README.md').match(/\]\(docs\/[\w-]+\.md/g)!.length).toBeGreaterThan(5);
    expect(read('README.md').match(/^migrate [a-z]+/gm)!.length).toBeGreaterThan(8);
  });

  it('every error code, and every finding, that is mentioned exists', () => {
    const known = new Set<string>([...Object.keys(ERROR_CODES), ...Object.keys(FINDINGS)]);
    for (const file of written.filter((one) => !(one in made))) {
      const codes = [...read(file).matchAll(/`([A-Z]{3,}(?:_[A-Z]+)+)`/g)].map((match) => match[1]!);
      const variables = /^(?:MIGRATE|PG)_|^(?:CREATE|NO)_/;
      expect([file, codes.filter((code) => !known.has(code) && !variables.test(code))]).toEqual([file, []]);
    }
  });
});
