import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { commandsFor, LOADERS } from '../../src/cli/commands/load.js';

const namesFor = async (...argv: string[]): Promise<string[]> =>
  (await commandsFor(argv)).map(({ name }) => name);

const ALL = COMMANDS.map(({ name }) => name);

describe('the commands that a command line can mean', () => {
  it('are in the loaders, each under its own name, and no other', async () => {
    expect([...LOADERS.keys()]).toEqual(ALL);
    for (const [name, load] of LOADERS) expect((await load()).name).toBe(name);
    expect(await Promise.all([...LOADERS.values()].map((load) => load()))).toEqual(COMMANDS);
  });

  it.each([
    [['export', '--out', 'dump']],
    [['--json', 'export']],
    [['--tables', 'copy', 'export']],
    [['export', 'copy']],
    [['export', '--help']],
  ])('%j: the one that it names', async (argv) => {
    expect(await namesFor(...argv)).toEqual(['export']);
  });

  it.each([
    [[]],
    [['--help']],
    [['help', 'export']],
    [['exprot']],
    [['--', 'export']],
    [['completion']],
    [['--get-yargs-completions', 'migrate', 'export']],
  ])('%j: all', async (argv) => {
    expect(await namesFor(...argv)).toEqual(ALL);
  });
});
