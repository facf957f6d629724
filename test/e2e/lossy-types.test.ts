import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeCitus, type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import { type Document, freshFolder, runJson } from '../support/migrate.js';

/** Row 1 survives whole, row 2 is NULL, and every further row loses one value of one column. */
const SCHEMA = `
  CREATE TABLE people (
    id bigint PRIMARY KEY, namespace varchar(50) NOT NULL,
    word varchar, fixed text, cost numeric, price numeric(12,2), ratio float8, big bigint, "at" timestamp, doc json,
    span varchar(3), small integer
  );
  INSERT INTO people VALUES
    (1, 'n1', 'abcd', 'ab', 1.25, 1.50, 0.5, 4611686018427387904, '2024-01-02', '{"a": 1}', 'abc', 7),
    (2, 'n2', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, 'n1', 'abcdefgh', 'ab', 1.25, 1.50, 0.5, 1, '2024-01-02', '{"a": 1}', 'abc', 7),
    (4, 'n2', 'abcd', 'ab ', 1.25, 1.50, 0.5, 1, '2024-01-02', '{"a": 1}', 'abc', 7),
    (5, 'n1', 'abcd', 'ab', 1.239, 1.50, 0.5, 1, '2024-01-02', '{"a": 1}', 'abc', 7),
    (6, 'n2', 'abcd', 'ab', 1.25, 1.25, 0.5, 1, '2024-01-02', '{"a": 1}', 'abc', 7),
    (7, 'n1', 'abcd', 'ab', 1.25, 1.50, 0.1, 1, '2024-01-02', '{"a": 1}', 'abc', 7),
    (8, 'n2', 'abcd', 'ab', 1.25, 1.50, 0.5, 9223372036854775807, '2024-01-02', '{"a": 1}', 'abc', 7),
    (9, 'n1', 'abcd', 'ab', 1.25, 1.50, 0.5, 1, '2024-01-02 03:04:05', '{"a": 1}', 'abc', 7),
    (10, 'n2', 'abcd', 'ab', 1.25, 1.50, 0.5, 1, '2024-01-02', '{"a":1, "a":2}', 'abc', 7),
    (11, 'n1', 'abcd', 'ab', 1.25, 1.50, 0.5, 9007199254740993, '2024-01-02', '{"a": 1}', 'abc', 7);
  CREATE TABLE numbers (id bigint PRIMARY KEY, namespace varchar(50) NOT NULL, doc jsonb);
  INSERT INTO numbers VALUES (1, 'n1', '1'), (2, 'n2', '2.5');
`;

const TYPES = `
tables:
  people:
    types:
      word: varchar(4)
      fixed: char(4)
      cost: numeric(10,2)
      price: numeric(12,1)
      ratio: real
      big: double precision
      at: date
      doc: jsonb
      span: text
      small: bigint
  numbers:
    types: { doc: integer }
`;

const LOST: readonly (readonly [id: string, column: string])[] = [
  ['3', 'word'],
  ['4', 'fixed'],
  ['5', 'cost'],
  ['6', 'price'],
  ['7', 'ratio'],
  ['8', 'big'],
  ['9', 'at'],
  ['10', 'doc'],
  ['11', 'big'],
];

function suite(freshTarget: () => Promise<FreshDatabase>): void {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const cwd = freshFolder();
  const run = (...args: string[]): Promise<Document> =>
    runJson([...args, '--source', source.url, '--target', target.url], { cwd });
  const tableOf = (result: Document, name: string): Document =>
    result.tables.find((table: Document) => table.table === name);

  beforeAll(async () => {
    source = await freshSource();
    target = await freshTarget();
    await source.client.query(SCHEMA);
  });

  test('a rule for a whole type that loses values blocks; naming the columns asks for it', async () => {
    writeFileSync(join(cwd, 'migrate.config.yaml'), 'types: { json: jsonb }\n');
    const refused = await run('plan');
    expect(refused.exit).toBe(1);
    expect(refused.findings.filter((one: Document) => one.severity === 'blocker')).toMatchObject([
      { code: 'TYPE_RULE_LOSSY', table: 'people' },
    ]);
    writeFileSync(join(cwd, 'migrate.config.yaml'), TYPES);
    const plan = await run('plan');
    expect(plan.exit).toBe(0);
    const lossy = plan.findings.filter((one: Document) => one.code === 'TYPE_LOSSY');
    expect(lossy.map((one: Document) => [one.table, one.severity])).toEqual([
      ['numbers', 'warning'],
      ['people', 'warning'],
    ]);
    expect(lossy[1].message).toContain(
      'word (character varying to character varying(4): what is longer is cut',
    );
    expect(lossy[1].message).not.toMatch(/span|small/);
    expect(await run('copy')).toMatchObject({ exit: 0 });
  });

  test.each(['digest', 'rows'])(
    'every value that did not survive is mismatched by --mode %s',
    async (mode) => {
      const result = await run('verify', '--mode', mode, '--tables', 'people');
      expect(result).toMatchObject({ exit: 1, verdict: 'mismatch' });
      const found = tableOf(result, 'people')
        .discrepancies.map(({ kind, key, columns }: Document) => [kind, key.id, columns])
        .sort((one: [string, string], other: [string, string]) => Number(one[1]) - Number(other[1]));
      expect(found).toEqual(LOST.map(([id, column]) => ['mismatched', id, [column]]));
    },
  );

  test('with those rows gone on both sides, the same mapping is a match, and damage to it still shows', async () => {
    const gone = `DELETE FROM people WHERE id NOT IN (1, 2)`;
    await source.client.query(gone);
    await target.client.query(gone);
    expect(await run('verify', '--tables', 'people')).toMatchObject({ exit: 0, verdict: 'match' });
    await target.client.query(`UPDATE people SET word = 'abc', ratio = NULL WHERE id = 1`);
    expect(tableOf(await run('verify', '--tables', 'people'), 'people').discrepancies).toMatchObject([
      { kind: 'mismatched', key: { id: '1' }, columns: ['word', 'ratio'] },
    ]);
  });

  test('what cannot be cast back is inconclusive, and never more than counted', async () => {
    const result = await run('verify', '--tables', 'numbers');
    expect(result).toMatchObject({ exit: 4, verdict: 'inconclusive' });
    const table = tableOf(result, 'numbers');
    expect(table).toMatchObject({ verdict: 'inconclusive', source: { rows: '2' }, target: { rows: '2' } });
    expect(table.detail).toMatch(/^doc cannot be compared: there is no cast from integer back to jsonb/);
    await target.client.query('DELETE FROM numbers WHERE id = 1');
    expect(await run('verify', '--tables', 'numbers')).toMatchObject({ exit: 1, verdict: 'mismatch' });
  });
}

describe('Types that lose values, to a plain PostgreSQL', () => suite(freshSource));
describeCitus('Types that lose values, to Citus', () => suite(freshCluster));
