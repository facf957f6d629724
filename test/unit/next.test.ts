import { describe, expect, test } from 'vitest';
import { afterPhase, nextCommand, shellWord } from '../../src/cli/support/next.js';
import { resolveConfig } from '../../src/config/resolve.js';

type Flags = Parameters<typeof nextCommand>[0]['flags'];

const invocation = (flags: Flags) => ({ flags, config: resolveConfig({ flags, env: {} }) });

describe('the next command', () => {
  test('is told what this one was told', () => {
    const flags: Flags = {
      config: 'my config.yaml',
      plan: 'p.json',
      tables: ['orders', 'audit.log'],
      exclude: 'x',
      reverse: true,
      source: 'postgresql://u:hunter2@h/d',
      jobs: '3',
      yes: true,
    };
    expect(nextCommand({ flags }, 'verify')).toBe(
      "migrate verify --config 'my config.yaml' --plan p.json --tables orders,audit.log --exclude x --reverse",
    );
  });

  test('is told nothing that was not typed', () => {
    expect(nextCommand({ flags: { reverse: false } }, 'verify')).toBe('migrate verify');
  });

  test.each([
    ['all', 'migrate verify --tables a'],
    ['after-data', 'migrate verify --tables a'],
    ['data', 'migrate copy --phase after-data --tables a'],
    ['before-data', 'migrate copy --phase data --tables a'],
  ])('after phase %s is: %s', (phase, line) => {
    expect(afterPhase(invocation({ phase, tables: 'a' }), 'copy')).toBe(line);
  });

  test('names the plan of a dump where no other was used', () => {
    expect(afterPhase(invocation({}), 'import --from dump', { plan: 'dump/plan.json' })).toBe(
      'migrate verify --plan dump/plan.json',
    );
  });
});

test.each([
  ['dump', 'dump'],
  ['/a/b-c.json', '/a/b-c.json'],
  ['two words', "'two words'"],
  ["it's", "'it'\\''s'"],
  ['$HOME', "'$HOME'"],
  ['', "''"],
])('%j is written for a shell as %s', (text, word) => {
  expect(shellWord(text)).toBe(word);
});
