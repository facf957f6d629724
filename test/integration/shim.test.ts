import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { findPostgres } from '../../src/demo/servers/index.js';
import { removeShim } from '../../src/dualwrite/remove.js';
import { shimStatus } from '../../src/dualwrite/status.js';
import { noopContext, noopLog } from '../../src/observe/noop.js';
import { connectTo, type FreshDatabase, freshSource } from '../support/databases.js';
import { drain, follow, install, Oracle, openSides } from '../support/follow.js';
import { FOLLOW_EXPECTED, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { type Journey, load, prepare } from '../support/load.js';

const FILL = `
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 3) g;
  INSERT INTO account SELECT g, 'ns' || g % 5, 'account ' || g FROM generate_series(1, 50) g;
  INSERT INTO item SELECT g, 1 + g % 50, 1 + g % 3, 'item ' || g FROM generate_series(1, 200) g;
`;

/** What PostgreSQL itself prints of everything that a user can make, sorted. */
const OBJECTS = `
  SELECT concat_ws(' ', 'schema', nspname, nspowner, nspacl) AS object FROM pg_namespace
  WHERE nspname !~ '^pg_(toast_)?temp'
  UNION ALL SELECT concat_ws(' ', 'relation', oid::regclass, relkind, relowner, relreplident, relacl, reloptions)
    FROM pg_class WHERE oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'column', c.oid::regclass, attname, format_type(atttypid, atttypmod), attnotnull)
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE c.oid >= 16384 AND attnum > 0 AND NOT attisdropped AND c.relnamespace <> 'pg_toast'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'constraint', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE oid >= 16384
  UNION ALL SELECT concat_ws(' ', 'trigger', tgenabled, pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT concat_ws(' ', 'function', pg_get_functiondef(oid), proacl) FROM pg_proc
    WHERE oid >= 16384 AND prokind IN ('f', 'p')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_proc.oid AND d.deptype = 'e')
  UNION ALL SELECT concat_ws(' ', 'event trigger', evtname, evtevent, evtenabled) FROM pg_event_trigger
  UNION ALL SELECT concat_ws(' ', 'policy', polname) FROM pg_policy
  ORDER BY 1`;

/** The catalog, and what pg_dump writes of it where the machine has pg_dump. */
async function catalogOf(url: string): Promise<string> {
  const client = await connectTo(url);
  const { rows } = await client.query<{ object: string }>(OBJECTS);
  const objects = rows.map(({ object }) => object).join('\n');
  const dump = join((await findPostgres()).binDir, 'pg_dump');
  if (!existsSync(dump)) return objects;
  const text = execFileSync(dump, ['--schema-only', url], { encoding: 'utf8' });
  // Newer versions of pg_dump put a random word around its output.
  return `${objects}\n${text.replace(/^\\(un)?restrict .*$/gm, '')}`;
}

describe('the shim', () => {
  let source: FreshDatabase;
  let journey: Journey;
  beforeEach(async () => {
    source = await freshSource();
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FILL);
    journey = await prepare(source, await freshSource());
  });

  async function withSource<T>(work: (side: Awaited<ReturnType<typeof openSides>>['source']) => Promise<T>) {
    const sides = await openSides(journey);
    try {
      return await work(sides.source);
    } finally {
      await sides.close();
    }
  }
  const status = () => withSource(shimStatus);
  const remove = () => withSource((side) => removeShim(side, noopContext()));

  test('captures nothing of a transaction that brings rows from the other side', async () => {
    await install(journey);
    const { client } = source;
    await client.query(
      `BEGIN; SET LOCAL citus_migrate.applying = 'on'; DELETE FROM item; TRUNCATE part; UPDATE kind SET label = 'k'; COMMIT`,
    );
    expect((await status())?.log).toMatchObject({ changes: 0 });
    await client.query(`UPDATE kind SET label = 'other' WHERE id = 1`);
    expect((await status())?.log).toMatchObject({ changes: 2 });
  });

  test('leaves nothing behind when it is removed', async () => {
    const before = await catalogOf(source.url);
    await install(journey);
    expect(await catalogOf(source.url)).not.toBe(before);
    await source.client.query(`UPDATE account SET name = name || '!'`);
    expect(await remove()).toBe(true);
    expect(await catalogOf(source.url)).toBe(before);
    expect(await remove()).toBe(false);
  });

  test('keeps what else is in its schema', async () => {
    await install(journey);
    await source.client.query('CREATE TABLE citus_migrate.chunk (a int)');
    await remove();
    const { rows } = await source.client.query(
      `SELECT relname FROM pg_class WHERE relnamespace = 'citus_migrate'::regnamespace ORDER BY 1`,
    );
    expect(rows).toEqual([{ relname: 'chunk' }]);
  });

  test('is installed once, however often it is asked for', async () => {
    const first = await install(journey);
    expect(first).toEqual({ installed: ['account', 'event', 'item', 'kind', 'part'], already: [] });
    const before = await catalogOf(source.url);
    expect(await install(journey)).toEqual({ installed: [], already: first.installed });
    expect(await catalogOf(source.url)).toBe(before);
  });

  test('is on all tables or on none', async () => {
    const before = (await catalogOf(source.url)).match(/CREATE TRIGGER/g);
    let tables = 0;
    const fail = (point: string): void => {
      if (point !== 'shim: after one table') return;
      tables += 1;
      if (tables === 3) throw new Error('the server room burns');
    };
    await expect(install(journey, { context: { fail } })).rejects.toThrow('burns');
    expect(tables).toBe(3);
    expect((await catalogOf(source.url)).match(/CREATE TRIGGER/g)).toEqual(before);
    expect((await status())!.tables).toEqual([]);
    expect((await install(journey)).installed).toHaveLength(5);
  });

  test('waits for a busy table in short attempts, and others write meanwhile', async () => {
    const blocker = await connectTo(source.url);
    await blocker.query('BEGIN; UPDATE item SET note = note WHERE id = 1');
    let tries = 0;
    const log = {
      ...noopLog,
      info: (message: string) => {
        if (!/^item is busy/.test(message)) return;
        tries += 1;
        // Nobody queues behind an attempt any more.
        void source.client
          .query(`UPDATE item SET note = 'written' WHERE id = 2`)
          .then(() => blocker.query('COMMIT'));
      },
    };
    await install(journey, { context: { log } });
    expect(tries).toBeGreaterThan(0);
    expect((await status())!.problems).toEqual([]);
  });

  test('changes neither what statements return nor who may write', async () => {
    const { client } = source;
    await client.query(
      `CREATE ROLE shim_writer_${process.pid}; GRANT INSERT, UPDATE, DELETE, SELECT ON account TO shim_writer_${process.pid}`,
    );
    const run = async (): Promise<unknown[]> => {
      const results: unknown[] = [];
      await client.query(`BEGIN; SET LOCAL ROLE shim_writer_${process.pid}; SELECT setseed(0.5)`);
      for (const text of [
        `INSERT INTO account VALUES (900, 'ns', 'a'), (901, 'ns', 'b') RETURNING id, name`,
        `INSERT INTO account VALUES (900, 'ns', 'c') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING *`,
        `INSERT INTO account VALUES (901, 'ns', 'd') ON CONFLICT DO NOTHING`,
        'UPDATE account SET name = name || 1 WHERE id >= 900 RETURNING name',
        `WITH gone AS (DELETE FROM account WHERE id = 901 RETURNING id) SELECT * FROM gone`,
        'SELECT random()',
        'DELETE FROM account WHERE id > 800',
      ]) {
        const { rows, rowCount, command } = await client.query(text);
        results.push({ rows, rowCount, command });
      }
      await client.query('ROLLBACK');
      return results;
    };
    const without = await run();
    await install(journey);
    expect(await run()).toEqual(without);
    await remove();
    await client.query(`DROP OWNED BY shim_writer_${process.pid}; DROP ROLE shim_writer_${process.pid}`);
  });

  test('refuses tables whose changes it could not see, and names them', async () => {
    await source.client.query('CREATE TABLE loose (namespace text NOT NULL, what text)');
    journey = await prepare(source, await freshSource());
    const before = await catalogOf(source.url);
    await expect(install(journey)).rejects.toMatchObject({
      code: 'SHIM_UNCAPTURABLE',
      message: expect.stringContaining('loose: it has no key'),
    });
    expect(await catalogOf(source.url)).toBe(before);
  });

  test('drops capture at the limit of its log when that is its policy, and says so', async () => {
    await install(journey, { limitBytes: 64 * 1024, policy: 'drop' });
    await source.client.query(`INSERT INTO event SELECT g, 1, 'ns', 'x' FROM generate_series(1000, 20000) g`);
    // More writes go on, and nothing of them is logged.
    const { log } = (await status())!;
    await source.client.query(`UPDATE event SET what = 'y'`);
    const after = (await status())!;
    expect(after.log.bytes).toBe(log.bytes);
    expect(after.problems).toEqual([expect.stringContaining('reached its limit')]);
    await load(journey);
    await expect(follow(journey)).rejects.toMatchObject({ code: 'CAPTURE_LOST' });
  });

  test.each([100, 101, 19_000, 210_000])('logs a statement of %i rows, over the limit too', async (rows) => {
    await install(journey, { limitBytes: 64 * 1024, policy: 'warn' });
    await source.client.query(
      `INSERT INTO event SELECT 1000 + g, 1, 'ns', 'x' FROM generate_series(1, ${rows}) g`,
    );
    expect(await status()).toMatchObject({ problems: [], log: { changes: rows, policy: 'warn' } });
  });

  test('turns to its other segment and empties the first', async () => {
    await install(journey);
    await load(journey);
    const { follower, close } = await follow(journey);
    const oracle = await Oracle.open(journey, FOLLOW_EXPECTED);
    const segment = async (): Promise<unknown> =>
      (await source.client.query('SELECT last_value::int AS segment FROM citus_migrate.segment')).rows[0];
    try {
      await source.client.query(
        `INSERT INTO event SELECT g, 1, repeat('n', 100) || g % 9, 'x' FROM generate_series(1000, 90000) g`,
      );
      expect((await status())!.log.bytes).toBeGreaterThan(8 * 1024 * 1024);
      await drain(follower);
      expect(await segment()).toEqual({ segment: 2 });
      expect((await status())!.log.bytes).toBe(0);
      await source.client.query(`UPDATE event SET what = 'again' WHERE id < 5000`);
      await drain(follower);
      await oracle.expectEqual();
    } finally {
      await close();
    }
  });

  test('does not send writers back to a log whose capture was dropped while the segments turned', async () => {
    await install(journey);
    await load(journey);
    const drop = `SELECT setval('citus_migrate.dropped', 2), setval('citus_migrate.segment', 3)`;
    const { follower, close } = await follow(journey, {
      fail: async (point) => {
        if (point === 'sync: before the log is emptied') await source.client.query(drop);
      },
    });
    try {
      await source.client.query(
        `INSERT INTO event SELECT g, 1, repeat('n', 100) || g % 9, 'x' FROM generate_series(1000, 90000) g`,
      );
      await follower.pass();
      expect((await status())!.log.bytes).toBe(0);
      await source.client.query(`UPDATE event SET what = 'unseen'`);
      expect(await status()).toMatchObject({
        log: { bytes: 0 },
        problems: [expect.stringContaining('dropped')],
      });
    } finally {
      await close();
    }
  });

  test('does not empty a segment that an open transaction has written to', async () => {
    await install(journey);
    await load(journey);
    const { follower, close } = await follow(journey);
    const oracle = await Oracle.open(journey, FOLLOW_EXPECTED);
    const late = await connectTo(source.url);
    try {
      await late.query(
        `BEGIN; UPDATE event SET what = 'late'; INSERT INTO event VALUES (1, 1, 'late', 'late')`,
      );
      await source.client.query(
        `INSERT INTO event SELECT g, 2, repeat('n', 100) || g % 9, 'x' FROM generate_series(1000, 90000) g`,
      );
      await drain(follower);
      await late.query('COMMIT');
      await drain(follower);
      await oracle.expectEqual();
      expect((await status())!.log.changes).toBe(0);
    } finally {
      await close();
    }
  });

  test('a copy from before the install is not built upon', async () => {
    await load(journey);
    await install(journey);
    await expect(follow(journey)).rejects.toMatchObject({
      code: 'COPIED_TOO_EARLY',
      message: expect.stringContaining('account'),
    });
  });

  test('a copy that was not finished is not built upon, and nothing of the pass is kept', async () => {
    await install(journey);
    await load(journey);
    const { client } = journey.target;
    // As if the last chunk had never come.
    await client.query('DELETE FROM item WHERE id = 3');
    await source.client.query(`UPDATE account SET name = 'changed' WHERE id = 4`);
    const { follower, close } = await follow(journey);
    try {
      await expect(follower.pass()).rejects.toMatchObject({
        code: 'COPIED_TOO_EARLY',
        message: expect.stringMatching(/item was not copied whole: the source has 200 rows.* 199/),
      });
      const { rows } = await client.query(`SELECT name FROM account WHERE id = 4`);
      expect(rows).toEqual([{ name: 'account 4' }]);
      await client.query(
        `INSERT INTO item (namespace, id, account_id, kind_id, note) VALUES ('ns4', 3, 4, 1, 'item 3')`,
      );
      await drain(follower);
    } finally {
      await close();
    }
    await (await Oracle.open(journey, FOLLOW_EXPECTED)).expectEqual();
  });

  test.each<[string, string, RegExp]>([
    ['a new column', 'ALTER TABLE account ADD COLUMN more int', /column account.more is new/],
    ['a column of another type', 'ALTER TABLE item ALTER note TYPE varchar(90)', /item.note was text/],
    ['a dropped key', 'ALTER TABLE part DROP CONSTRAINT part_pkey', /key part.part_pkey is gone/],
    ['a table that is gone', 'DROP TABLE part', /table part is gone/],
    [
      'a new partition',
      'CREATE TABLE event_3 PARTITION OF event FOR VALUES IN (3)',
      /partition event_3 is new/,
    ],
  ])('sync stops at %s and names it', async (_, ddl, message) => {
    await install(journey);
    await load(journey);
    const { follower, close } = await follow(journey);
    try {
      await source.client.query(ddl);
      await expect(follower.pass()).rejects.toMatchObject({
        code: 'SCHEMA_DRIFT',
        message: expect.stringMatching(message),
      });
    } finally {
      await close();
    }
  });

  test('a key column that is renamed does not make a statement fail', async () => {
    await install(journey);
    const { client } = source;
    await client.query('ALTER TABLE account RENAME COLUMN id TO number');
    const { rowCount } = await client.query(`UPDATE account SET name = 'still' || number`);
    expect(rowCount).toBe(50);
    expect((await status())!.problems).toContainEqual(expect.stringContaining('column account.id is gone'));
  });
});
