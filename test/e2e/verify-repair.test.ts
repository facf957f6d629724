import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findLocalPostgres } from '../../src/demo/servers/index.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, freshFolder, runJson } from '../support/migrate.js';
import { contentsOf, shapesOf } from '../support/same-rows.js';

const SCHEMA = `
  CREATE TYPE mood AS ENUM ('ok', 'bad');
  CREATE TABLE parent (id bigint PRIMARY KEY, namespace text NOT NULL, name text);
  CREATE TABLE child (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, namespace text NOT NULL, parent_id bigint, code text,
    amount numeric, ratio float8, span interval, doc jsonb, raw bytea, mood mood, moods mood[], at timestamptz,
    pad char(5), twice numeric GENERATED ALWAYS AS (amount * 2) STORED,
    UNIQUE (namespace, code)
  );
  CREATE TABLE loose (namespace text NOT NULL, what text);
  CREATE TABLE kind (id int PRIMARY KEY, label text);
  INSERT INTO parent SELECT g, 'ns' || g % 10, 'p' || g FROM generate_series(1, 100) g;
  INSERT INTO child (namespace, parent_id, code, amount, ratio, span, doc, raw, mood, moods, at, pad)
  SELECT 'ns' || g % 10, g % 100 + 1, 'code ' || g, g / 4.0, g / 3.0, make_interval(mins => g),
         jsonb_build_object('n', g, 't', E'it''s a \\\\ "quoted"\\nline -- :x'), decode(md5(g::text), 'hex'), 'ok',
         '{ok,bad}', timestamptz '2024-01-01 00:00:00+00' + make_interval(hours => g), 'c' || g % 100
  FROM generate_series(1, 500) g;
  INSERT INTO loose SELECT 'ns' || g % 5, 'w' || g % 40 FROM generate_series(1, 200) g;
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 20) g;
`;

/** Every kind of difference that goes through the coordinator. */
const DAMAGE = `
  DELETE FROM child WHERE id IN (11, 12);
  INSERT INTO child (id, namespace, code) OVERRIDING SYSTEM VALUE VALUES (9001, 'ns1', 'extra');
  UPDATE child SET amount = 1.00, doc = '{}', raw = '\\x00', pad = NULL WHERE id = 20;
  UPDATE child SET code = 'between' WHERE id = 30;
  UPDATE child SET code = 'code 30' WHERE id = 40;
  UPDATE child SET code = 'code 40' WHERE id = 30;
  DELETE FROM child WHERE id = 55;
  INSERT INTO child (id, namespace, code, amount) OVERRIDING SYSTEM VALUE VALUES (55, 'ns5', 'code 55', 3);
  DELETE FROM loose WHERE what = 'w3' AND namespace = 'ns3';
  INSERT INTO loose VALUES ('ns1', 'w1'), ('ns1', 'w1'), ('ns2', 'new');
  UPDATE kind SET label = 'other' WHERE id = 4;
  DELETE FROM kind WHERE id = 5;
`;

const run = promisify(execFile);

function suite(freshTarget: () => Promise<FreshDatabase>, citus: boolean): void {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const cwd = freshFolder();
  const sides = (): string[] => ['--source', source.url, '--target', target.url];
  const verify = (...args: string[]): Promise<Document> =>
    runJson(['verify', ...sides(), '--max-discrepancies', '1000', ...args], { cwd });
  /** The oracle: what psql would print of both sides, not what verify says of itself. */
  const expectSame = async (): Promise<void> => {
    const shapes = (await shapesOf(source.client)).map((shape) => ({
      ...shape,
      columns: shape.columns.replace(', twice', ''),
    }));
    expect(await contentsOf(target.url, shapes)).toEqual(await contentsOf(source.url, shapes));
  };

  beforeAll(async () => {
    source = await freshSource();
    target = await freshTarget();
    await source.client.query(SCHEMA);
  });
  beforeEach(async () => {
    expect(await runJson(['copy', ...sides(), '--truncate', '--yes'], { cwd })).toMatchObject({ exit: 0 });
  });

  test.each(['digest', 'rows'])('every kind of difference found in %s mode is repaired', async (mode) => {
    await target.client.query(DAMAGE);
    const before = await verify('--mode', mode);
    expect(before.tables.map((table: Document) => [table.table, table.verdict])).toEqual([
      ['child', 'mismatch'],
      ['kind', 'mismatch'],
      ['loose', 'mismatch'],
      ['parent', 'match'],
    ]);
    const result = await verify('--mode', mode, '--repair', 'apply', '--yes');
    expect(result.error).toBeUndefined();
    expect(result).toMatchObject({ exit: 0, verdict: 'match', repair: { refused: [] } });
    await expectSame();
    expect(await verify('--mode', mode)).toMatchObject({ exit: 0, verdict: 'match' });
  });

  test('the planned statements do the same in psql, and planning changes nothing', async () => {
    await target.client.query(DAMAGE);
    const planned = await verify('--repair', 'plan', '--repair-file', 'mend.sql');
    expect(planned).toMatchObject({
      exit: 1,
      verdict: 'mismatch',
      repair: { action: 'plan', file: 'mend.sql' },
    });
    expect(await verify()).toMatchObject({ verdict: 'mismatch' });
    const { stdout } = await psql(target.url, join(cwd, 'mend.sql'));
    expect(stdout).not.toMatch(/Refused/);
    await expectSame();
    // Run again, it finds other rows than it was made for, and touches none of them.
    const again = await psql(target.url, join(cwd, 'mend.sql'));
    expect(again.stdout).toMatch(/Refused/);
    await expectSame();
  });

  test('a row that changed after it was compared is left alone', async () => {
    await target.client.query(DAMAGE);
    await verify('--repair', 'plan');
    await target.client.query(`
      UPDATE child SET mood = 'bad' WHERE id = 20;
      UPDATE child SET mood = 'bad' WHERE id = 9001;
      INSERT INTO child (id, namespace, code) OVERRIDING SYSTEM VALUE VALUES (11, 'ns1', 'came back');
      INSERT INTO loose VALUES ('ns1', 'w1');
    `);
    const { stdout } = await psql(target.url, join(cwd, 'migrate.repair.sql'));
    expect(stdout.match(/Refused/g)).toHaveLength(4);
    const { rows } = await target.client.query(
      'SELECT id::int, mood::text, code FROM child WHERE id IN (11, 12, 20, 9001) ORDER BY id',
    );
    expect(rows).toMatchObject([
      { id: 11, code: 'came back' },
      { id: 12, code: 'code 12' },
      { id: 20, mood: 'bad' },
      { id: 9001, mood: 'bad' },
    ]);
  });

  test('a row that changes between comparing and repairing is refused, and the others are repaired', async () => {
    await target.client.query(`UPDATE child SET amount = 7 WHERE id IN (20, 21)`);
    // The row is held until the repair waits for it, so that it changes after it was read.
    const other = await connectTo(target.url);
    await other.query('BEGIN');
    await other.query(`SELECT FROM child WHERE id = 20 AND namespace = 'ns0' FOR UPDATE`);
    const repairing = verify('--repair', 'apply', '--yes');
    let ended = false;
    const end = repairing.finally(() => {
      ended = true;
    });
    await waitsForRow();
    await other.query(`UPDATE child SET amount = 8 WHERE id = 20 AND namespace = 'ns0'`);
    await other.query('COMMIT');
    const result = await end;
    expect(result.error).toBeUndefined();
    expect(result.repair).toMatchObject({ applied: 1 });
    expect(result.repair.refused).toMatchObject([
      { table: 'child', key: { id: '20' }, reason: expect.stringMatching(/changed/) },
    ]);
    expect(result).toMatchObject({ exit: 1, verdict: 'mismatch' });
    const { rows } = await target.client.query(
      'SELECT id::int, amount::text FROM child WHERE id IN (20, 21) ORDER BY id',
    );
    expect(rows).toMatchObject([{ id: 20, amount: '8' }, { id: 21 }]);
    expect(rows[1].amount).not.toBe('7');

    async function waitsForRow(): Promise<void> {
      const urls = citus ? (target as FreshCluster).workerUrls : [target.url];
      const clients = await Promise.all(urls.map(connectTo));
      while (!ended) {
        for (const client of clients) {
          const waiting = await client.query(
            `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
               AND query ILIKE '%UPDATE%amount%'`,
          );
          if (waiting.rowCount) return;
        }
      }
    }
  });

  test('without --yes and a terminal nothing is changed', async () => {
    await target.client.query(`UPDATE kind SET label = 'other' WHERE id = 4`);
    expect(await verify('--repair', 'apply')).toMatchObject({
      exit: 2,
      error: { code: 'CONFIRMATION_NEEDED' },
    });
    expect((await target.client.query('SELECT label FROM kind WHERE id = 4')).rows).toEqual([
      { label: 'other' },
    ]);
  });

  test('it cannot be asked for where nothing is known of rows, or for the way back', async () => {
    for (const more of ['--mode=counts', '--reverse']) {
      expect(await verify('--repair', 'plan', more)).toMatchObject({ exit: 2, error: { code: 'USAGE' } });
    }
  });

  test('the repair file is readable by its owner alone and holds no statement when all is well', async () => {
    const result = await verify('--repair', 'plan', '--repair-file', 'none.sql');
    expect(result).toMatchObject({ exit: 0, verdict: 'match', repair: { rows: 0 } });
    expect(readFileSync(join(cwd, 'none.sql'), 'utf8')).not.toMatch(/^(INSERT|UPDATE|DELETE)/m);
  });

  if (!citus) return;

  test.each(['apply', 'plan'])(
    'a misplaced row is moved, and one that lies twice is deleted (%s)',
    async (how) => {
      const cluster = target as FreshCluster;
      for (const [id, twice] of [
        [7, false],
        [8, true],
      ] as const) {
        const { rows: shards } = await target.client.query(
          `SELECT s.shardid::text, n.nodeport::int, s.shardid = get_shard_id_for_distribution_column('child', $1::text) AS home
         FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid)
         WHERE logicalrelid = 'child'::regclass ORDER BY shardid`,
          [`ns${id}`],
        );
        const at = async (shard: { nodeport: number }) =>
          connectTo(cluster.workerUrls.find((url) => Number(new URL(url).port) === shard.nodeport)!);
        const home = shards.find((shard) => shard.home);
        const wrong = shards.find((shard) => !shard.home);
        const row = await (await at(home)).query(
          `SELECT (to_jsonb(t) - 'twice')::text AS row FROM child_${home.shardid} t WHERE id = $1`,
          [id],
        );
        const columns = Object.keys(JSON.parse(row.rows[0].row)).join(', ');
        await (await at(wrong)).query(
          `INSERT INTO child_${wrong.shardid} (${columns}) OVERRIDING SYSTEM VALUE
         SELECT ${columns} FROM jsonb_populate_record(NULL::child_${wrong.shardid}, $1)`,
          [row.rows[0].row],
        );
        if (!twice) await (await at(home)).query(`DELETE FROM child_${home.shardid} WHERE id = $1`, [id]);
      }
      const before = await verify('--mode', how === 'plan' ? 'digest' : 'rows');
      expect(before.tables.flatMap((table: Document) => table.discrepancies)).toMatchObject([
        { kind: 'misplaced', key: { id: expect.stringMatching(/^[78]$/) } },
        { kind: 'misplaced', key: { id: expect.stringMatching(/^[78]$/) } },
      ]);
      if (how === 'apply') {
        const result = await verify('--repair', 'apply', '--yes');
        expect(result).toMatchObject({ exit: 0, verdict: 'match', repair: { refused: [] } });
      } else {
        await verify('--repair', 'plan');
        expect(readFileSync(join(cwd, 'migrate.repair.sql'), 'utf8')).toMatch(
          /^-- On node 127\.0\.0\.1:\d+/m,
        );
        const { stdout } = await psql(target.url, join(cwd, 'migrate.repair.sql'));
        expect(stdout).not.toMatch(/Refused/);
      }
      expect(await verify()).toMatchObject({ exit: 0, verdict: 'match' });
      await expectSame();
    },
  );
}

function psql(url: string, file: string) {
  const { binDir } = findLocalPostgres()!;
  return run(join(binDir, 'psql'), ['-X', '-q', url, '-f', file]);
}

describeCitus('repair on Citus', () => suite(() => freshCluster({ shardCount: 8 }), true));
describe.skipIf(findLocalPostgres() === undefined)('repair on a plain PostgreSQL', () =>
  suite(freshSource, false),
);
