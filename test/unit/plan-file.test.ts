import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/core/catalog-types.js';
import type { Plan } from '../../src/core/plan-types.js';
import { finding } from '../../src/plan/findings.js';
import { comparePlan, readPlan, refusePlanLoss, writePlan } from '../../src/plan/plan-file.js';
import { planHash } from '../../src/plan/plan-hash.js';
import { renderPlan } from '../../src/plan/render.js';
import { catalog, child, column, decided, spaced } from '../support/catalogs.js';

function planOf(source: Catalog): Plan {
  const { tables, foreignKeys } = decided(source);
  const decisions = { catalog: source, tables, foreignKeys: foreignKeys.plans };
  return { formatVersion: 1, planHash: planHash(decisions), ...decisions, findings: [] };
}

const plan = planOf(catalog([spaced('b'), child('a', 'b')]));
let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'plan-'));
  file = join(directory, 'p.json');
});

const refusal = async (): Promise<string> =>
  readPlan(file).then(
    () => 'read',
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );

describe('the plan file', () => {
  it('reads back as it was written, leaves nothing else behind, and is the same text each time', async () => {
    await writePlan(file, plan);
    const text = readFileSync(file, 'utf8');
    expect(await readPlan(file)).toEqual(plan);
    await writePlan(file, await readPlan(file));
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(readdirSync(directory)).toEqual(['p.json']);
  });

  it('is refused when it is missing, cut off, something else, newer, or edited', async () => {
    expect(await refusal()).toMatch(/^PLAN_UNREADABLE: There is no plan file/);
    await writePlan(file, plan);
    const text = readFileSync(file, 'utf8');
    for (const [damaged, why] of [
      [text.slice(0, -20), /not JSON/],
      ['[]', /not a plan file/],
      ['null', /not a plan file/],
      ['{"formatVersion":1}', /not complete/],
      [text.replace('"formatVersion": 1', '"formatVersion": 2'), /format version 2/],
      [text.replaceAll('"shardCount": 32', '"shardCount": 64'), /changed after it was written/],
    ] as const) {
      writeFileSync(file, damaged);
      expect(await refusal()).toMatch(why);
    }
  });

  it('cannot be written where there is no directory', async () => {
    await expect(writePlan(join(directory, 'none', 'p.json'), plan)).rejects.toMatchObject({
      code: 'LOCAL_IO',
    });
  });
});

describe('comparing a plan with the source', () => {
  const now = (change: (tables: Catalog['tables']) => Catalog['tables']): string[] =>
    comparePlan(plan, catalog(change(plan.catalog.tables)));

  it('finds nothing in the same catalog', () => {
    expect(now((tables) => tables)).toEqual([]);
  });

  it('names tables, columns, types and keys that changed', () => {
    expect(now((tables) => tables.slice(1))).toEqual(['table b is gone']);
    expect(now((tables) => [...tables, spaced('c')])).toEqual(['table c is new']);
    const edit = (part: Partial<Catalog['tables'][number]>) => (tables: Catalog['tables']) => [
      { ...tables[0]!, ...part },
      tables[1]!,
    ];
    expect(
      now(
        edit({
          columns: [column('id', 'bigint!'), column('namespace', 'varchar(255)!'), column('x', 'text')],
        }),
      ),
    ).toEqual(['column b.id was integer and is bigint', 'column b.x is new']);
    expect(now(edit({ constraints: [] }))).toEqual(['constraint b.b_pkey is gone']);
  });

  it('does not mind tables that were left out on purpose', () => {
    const scoped = { ...plan, scope: { exclude: ['c'] } };
    expect(comparePlan(scoped, catalog([...plan.catalog.tables, spaced('c')]))).toEqual([]);
  });
});

describe('the plan for people', () => {
  const tables = plan.tables.map((one) => ({
    table: one.table,
    rows: 1234,
    exact: false,
    bytes: 2048,
    shards: 32,
  }));

  it('aligns tables, shows the path of a key and ends with the next command', () => {
    const [head, first] = renderPlan(plan, { tables, findings: [] }).split('\n');
    expect(first!.indexOf('distributed')).toBe(head!.indexOf('placement'));
    expect(first).toContain('namespace (via b)');
    expect(renderPlan(plan, { tables, findings: [] })).toMatch(/migrate copy`\.\n$/);
  });

  it('puts a remedy that several findings share once, and says that a plan is blocked', () => {
    const of = (name: string) => finding('NO_KEY', { table: { schema: 'public', name } });
    const blocked = finding(
      'KEY_COLLATION',
      { table: { schema: 'public', name: 'a' } },
      { column: 'namespace' },
    );
    const text = renderPlan(plan, { tables, findings: [of('a'), of('b'), blocked] });
    expect(text.split('Add a primary key')).toHaveLength(2);
    expect(text).toMatch(/Blockers \(1\)[\s\S]*Warnings \(2\)[\s\S]*The plan is blocked/);
  });
});

describe('a plan over an older one', () => {
  const whole = planOf(catalog([spaced('b'), child('a', 'b')]));
  const part = planOf(catalog([spaced('b')]));

  it('is refused when it would lose tables, which are named', async () => {
    await writePlan(file, whole);
    await expect(refusePlanLoss(file, part)).rejects.toMatchObject({
      code: 'PLAN_EXISTS',
      exit: 2,
      message: expect.stringContaining('covers 1 table that this one would not: a'),
      hint: expect.stringContaining('--plan'),
    });
    expect(await readPlan(file)).toEqual(whole);
  });

  it('is fine where it covers as much or more, and where nothing is there', async () => {
    await expect(refusePlanLoss(file, part)).resolves.toBeUndefined();
    await writePlan(file, part);
    await expect(refusePlanLoss(file, part)).resolves.toBeUndefined();
    await expect(refusePlanLoss(file, whole)).resolves.toBeUndefined();
  });

  it('is refused where something else is there', async () => {
    writeFileSync(file, '{"name": "something"}');
    await expect(refusePlanLoss(file, whole)).rejects.toMatchObject({ code: 'PLAN_EXISTS', exit: 2 });
  });

  it('is never written in its place when it has to be a new file', async () => {
    await writePlan(file, whole);
    await expect(writePlan(file, part, { fresh: true })).rejects.toMatchObject({ code: 'LOCAL_IO' });
    expect(await readPlan(file)).toEqual(whole);
    expect(readdirSync(directory)).toEqual(['p.json']);
    await writePlan(join(directory, 'q.json'), part, { fresh: true });
    expect(await readPlan(join(directory, 'q.json'))).toEqual(part);
    expect(readdirSync(directory)).toEqual(['p.json', 'q.json']);
  });
});
