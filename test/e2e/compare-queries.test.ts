import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeCitus, freshCluster } from '../support/databases.js';
import { type Document, runJson, runMigrate } from '../support/migrate.js';
import { type Moved, moved } from '../support/moved.js';

const SCHEMA = `
  CREATE TABLE kind (id int PRIMARY KEY, label text NOT NULL);
  CREATE TABLE item (
    id bigserial PRIMARY KEY, namespace text NOT NULL, kind int NOT NULL REFERENCES kind, note text, weight numeric);
  CREATE TABLE part (id bigint PRIMARY KEY, item_id bigint NOT NULL REFERENCES item (id), note text);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(0, 4) g;
  INSERT INTO item (namespace, kind, note, weight) SELECT 'ns' || g % 20, g % 5, 'note ' || g, g / 10.0
  FROM generate_series(1, 400) g;
  INSERT INTO part SELECT g, g, 'part ' || g FROM generate_series(1, 400) g;
  ANALYZE;
`;

const QUERIES = `
-- name: by tenant
-- params: ["ns1"]
-- params: ["ns2"]
SELECT id, note, weight FROM item WHERE namespace = $1 ORDER BY id;
-- name: everywhere
SELECT i.id, k.label FROM item i JOIN kind k ON k.id = i.kind;
-- name: reference
SELECT * FROM kind;
-- name: added column
SELECT * FROM part WHERE id < 10;
-- name: cut
SELECT id FROM item LIMIT 400 OFFSET 0;
-- name: clock
SELECT clock_timestamp();
-- name: lock
SELECT * FROM item WHERE id = 5 FOR UPDATE;
-- name: upsert
INSERT INTO item (id, namespace, kind) VALUES (1, 'a', 1) ON CONFLICT (id) DO NOTHING;
-- name: update
UPDATE item SET note = 'written' WHERE namespace = 'ns1';
-- name: hidden write
WITH gone AS (DELETE FROM kind RETURNING *) SELECT * FROM gone;
-- name: broken
SELECT * FROM nowhere;
-- name: open
SELECT * FROM item WHERE namespace = $1;
`;

describeCitus('compare-queries', () => {
  let at: Moved;
  const run = (...args: string[]) => runJson(['compare-queries', ...at.sides, ...args], at);
  const named = ({ queries }: Document): Record<string, Document> =>
    Object.fromEntries(queries.map((query: Document) => [query.name, query]));
  const file = (text: string): string => {
    writeFileSync(join(at.cwd, 'queries.sql'), text);
    return 'queries.sql';
  };
  const counts = () => at.target.client.query(`SELECT count(*), sum(length(note)) FROM item`);

  beforeAll(async () => {
    at = await moved(
      () => freshCluster({ shardCount: 8 }),
      ({ client }) => client.query(SCHEMA),
    );
  });

  test('says of every statement what became of it, and writes nothing', async () => {
    const before = (await counts()).rows;
    const result = await run('--file', file(QUERIES), '--runs', '3');
    const found = named(result);
    expect(result).toMatchObject({ exit: 1, verdict: 'mismatch', runs: 3 });
    const verdicts = Object.fromEntries(Object.entries(found).map(([name, { verdict }]) => [name, verdict]));
    expect(verdicts).toEqual({
      'by tenant #1': 'match',
      'by tenant #2': 'match',
      everywhere: 'match',
      reference: 'match',
      'added column': 'mismatch',
      cut: 'match',
      clock: 'inconclusive',
      lock: 'refused',
      upsert: 'refused',
      update: 'not-run',
      'hidden write': 'not-run',
      broken: 'inconclusive',
      open: 'inconclusive',
    });
    expect(found['added column'].reason).toContain('namespace on the target alone');
    expect(found['by tenant #1']).toMatchObject({
      source: { rows: '20', runs: 3 },
      target: { rows: '20', runs: 3 },
    });
    expect((await counts()).rows).toEqual(before);
    expect(found['by tenant #1'].route).toEqual({ kind: 'single-shard', shards: 1 });
    expect(found['by tenant #1'].limitMs).toBe(10);
    expect(found.everywhere.route).toEqual({ kind: 'fan-out', shards: 8 });
    expect(found.everywhere.limitMs).toBe(25);
    expect(found.lock.sqlstate).toBe('0A000');
    expect(found.upsert).toMatchObject({ sqlstate: '42P10', reason: expect.stringContaining('ON CONFLICT') });
  });

  test('ends with 0 where all results are the same, and with 1 once one byte differs', async () => {
    const queries = file(
      'SELECT id, note FROM item;\n-- params: [7]\nSELECT weight FROM item WHERE id = $1;',
    );
    const args = ['compare-queries', ...at.sides, '--file', queries, '--runs', '2', '--no-progress'];
    const good = await runMigrate(args, at);
    expect(good).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 of 2 statements gave the same'),
    });
    await at.target.client.query(`UPDATE item SET weight = 0.70 WHERE id = 7`);
    const result = await run('--file', queries, '--runs', '2');
    expect(result).toMatchObject({ exit: 1, queries: [{ verdict: 'match' }, { verdict: 'mismatch' }] });
    expect(JSON.stringify(result)).not.toContain('0.70');
    await at.target.client.query(`UPDATE item SET weight = 7 / 10.0 WHERE id = 7`);
  });

  test('says what is missing where there are no statements', async () => {
    expect(await run()).toMatchObject({ exit: 2, error: { code: 'STATEMENTS_MISSING' } });
    expect(await run('--file', 'nowhere.sql')).toMatchObject({ exit: 3, error: { code: 'LOCAL_IO' } });
    expect(await run('--top', '3')).toMatchObject({ exit: 2, error: { code: 'STATEMENTS_MISSING' } });
  });
});
