import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { chooseTables, keepPlan } from '../../src/cli/support/plan.js';
import type { Plan } from '../../src/core/plan-types.js';
import { noopContext } from '../../src/observe/noop.js';
import { readPlan, writePlan } from '../../src/plan/plan-file.js';
import { planHash } from '../../src/plan/plan-hash.js';
import { catalog, child, decided, spaced } from '../support/catalogs.js';

function planOf(...names: string[]): Plan {
  const source = catalog([spaced('b'), child('a', 'b')].filter(({ name }) => names.includes(name)));
  const { tables, foreignKeys } = decided(source);
  const decisions = { catalog: source, tables, foreignKeys: foreignKeys.plans };
  return { formatVersion: 1, planHash: planHash(decisions), ...decisions, findings: [] };
}

const plan = planOf('a', 'b');
let file: string;
let told: string[];
beforeEach(() => {
  file = join(mkdtempSync(join(tmpdir(), 'kept-')), 'p.json');
  told = [];
});

function keep(): Promise<void> {
  const tell = (text: string): void => void told.push(text);
  const log = { debug: tell, info: tell, warn: tell, error: tell };
  const invocation = { config: { plan: file }, context: { ...noopContext(), log } };
  return keepPlan(invocation as unknown as Parameters<typeof keepPlan>[0], plan);
}

describe('the plan of a load', () => {
  it('is kept where there was none, and the log says where', async () => {
    await keep();
    expect(await readPlan(file)).toEqual(plan);
    expect(told).toEqual([expect.stringContaining(file)]);
  });

  it('replaces nothing', async () => {
    const other = planOf('b');
    await writePlan(file, other);
    await keep();
    expect(await readPlan(file)).toEqual(other);
    expect(told).toEqual([]);
  });

  it('that cannot be kept is a warning: the rows have arrived', async () => {
    writeFileSync(file, 'not a folder');
    file = join(file, 'p.json');
    await keep();
    expect(told).toEqual([expect.stringContaining('the way back needs it')]);
  });
});

describe('a selection', () => {
  it('that leaves no table is refused with exit code 2', () => {
    const choose = (include: string[], exclude: string[]) => () => chooseTables(plan, { include, exclude });
    expect(choose(['a'], ['a'])).toThrow(
      expect.objectContaining({ code: 'USAGE', exit: 2, message: '--tables and --exclude leave no table' }),
    );
    expect(choose([], ['a', 'b'])).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(choose(['a', 'b'], ['a'])().map(({ table }) => table)).toEqual(['b']);
    expect(choose([], [])().map(({ table }) => table)).toEqual(['a', 'b']);
  });
});
