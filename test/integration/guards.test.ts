import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import copyStreams from 'pg-copy-streams';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bucketOf, bucketUnit, namedUnit } from '../../src/core/ownership.js';
import { guardStatus } from '../../src/dualwrite/guard-status.js';
import { installGuards, removeGuards } from '../../src/dualwrite/guards.js';
import { noopContext } from '../../src/observe/noop.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { drain, follow, install, Oracle, openSides } from '../support/follow.js';
import { FOLLOW_EXPECTED, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { type GuardedSides, guardedSides, stateOf } from '../support/guards.js';
import { type Journey, load, prepare } from '../support/load.js';

/** `here` stays with the source in most tests, `gone` goes to the target. */
const FILL = `
  INSERT INTO kind VALUES (1, 'one'), (2, 'two');
  INSERT INTO account VALUES (1, 'here', 'a'), (2, 'gone', 'b'), (3, 'here', 'c'), (4, 'gone', 'd');
  INSERT INTO item SELECT g, 1 + g % 4, 1, 'item' FROM generate_series(1, 40) g;
  INSERT INTO part SELECT gen_random_uuid(), g, 'part' FROM generate_series(1, 40) g;
  INSERT INTO event VALUES (1, 1, 'here', 'e'), (2, 1, 'gone', 'e'), (3, 2, 'here', 'e'), (4, 2, 'gone', 'e');
`;
const GONE = bucketUnit(bucketOf('gone'));

/** Everything that a user can make, and what Citus keeps of it. */
const LEFT = `
  SELECT concat_ws(' ', 'relation', oid::regclass) AS object FROM pg_class WHERE oid >= 16384 AND relkind <> 'i'
  UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid::regclass, tgname) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT concat_ws(' ', 'function', oid::regprocedure) FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT concat_ws(' ', 'schema', nspname) FROM pg_namespace
  ORDER BY 1`;

describeCitus('guards', () => {
  let cluster: FreshCluster;
  let journey: Journey;
  let sides: GuardedSides;
  let source: pg.Client;
  let target: pg.Client;
  let worker: pg.Client;

  beforeAll(async () => {
    const single = await freshSource();
    cluster = await freshCluster({ shardCount: 4 });
    await single.client.query(FOLLOW_SCHEMA);
    await single.client.query(FILL);
    journey = await prepare(single, cluster);
    await install(journey);
    await load(journey);
    sides = await guardedSides(journey);
    source = await connectTo(single.url);
    target = await connectTo(cluster.url);
    worker = await connectTo(cluster.workerUrls[0]!);
  });
  afterAll(() => sides?.close());

  /**
   * SQLSTATE of a statement whose effect is not kept. Citus passes another node's refusal of what it brings there by
   * COPY on without its SQLSTATE, but with its words.
   */
  async function tried(client: pg.Client, statement: string): Promise<string> {
    await client.query('BEGIN');
    try {
      await client.query(statement);
      return 'done';
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string };
      return code === 'XX000' && message.includes('does not take these writes') ? 'CM001' : code;
    } finally {
      await client.query('ROLLBACK');
    }
  }

  /** Writes to namespace `ns` on a side, in every way. */
  const writes = (ns: 'here' | 'gone', side: 'source' | 'target'): string[] => {
    const [one, other] = ns === 'here' ? [1, 3] : [2, 4];
    const added = side === 'target' ? [', namespace', `, '${ns}'`] : ['', ''];
    const and = side === 'target' ? ` AND namespace = '${ns}'` : '';
    return [
      `INSERT INTO account VALUES (${90 + one}, '${ns}', 'new')`,
      `INSERT INTO account SELECT g, '${ns}', 'new ' || g FROM generate_series(100, 120) g`,
      `UPDATE account SET name = 'x' WHERE id = ${one}${and}`,
      `DELETE FROM account WHERE id = ${one}${and}`,
      `INSERT INTO account (id, namespace, name) VALUES (${one}, '${ns}', 'y') ON CONFLICT (${side === 'target' ? 'namespace, ' : ''}id) DO UPDATE SET name = excluded.name`,
      `INSERT INTO item (id, account_id, kind_id${added[0]}) VALUES (900, ${one}, 1${added[1]})`,
      `UPDATE item SET note = 'x' WHERE account_id = ${one}${and}`,
      `UPDATE item SET account_id = ${other} WHERE account_id = ${one}${and}`,
      `DELETE FROM item WHERE account_id = ${one}${and}`,
      `INSERT INTO part (id, item_id${added[0]}) SELECT gen_random_uuid(), id${added[0]} FROM item WHERE account_id = ${one}${and}`,
      `UPDATE part SET note = 'x' WHERE item_id IN (SELECT id FROM item WHERE account_id = ${one}${and})${and}`,
      `INSERT INTO event VALUES (9, 1, '${ns}', 'new')`.replace('event', 'event (id, day, namespace, what)'),
      `INSERT INTO event_2 (id, day, namespace, what) VALUES (9, 2, '${ns}', 'new')`,
      `UPDATE event SET what = 'x' WHERE namespace = '${ns}'`,
      ...(side === 'source'
        ? [
            `UPDATE account SET id = 77 WHERE id = ${one}`,
            `UPDATE event SET day = 2 WHERE id = ${one} AND day = 1`,
          ]
        : []),
    ];
  };
  const each = async (client: pg.Client, statements: readonly string[]): Promise<string[]> => {
    const answers: string[] = [];
    for (const statement of statements) answers.push(`${await tried(client, statement)} ${statement}`);
    return answers;
  };
  const all = (state: string, statements: readonly string[]): string[] =>
    statements.map((one) => `${state} ${one}`);
  const common = ["INSERT INTO kind VALUES (9, 'nine')", "UPDATE kind SET label = 'x'", 'TRUNCATE part'];

  test('let the source take everything and the target nothing, until something moves', async () => {
    for (const ns of ['here', 'gone'] as const) {
      expect(await each(source, writes(ns, 'source'))).toEqual(all('done', writes(ns, 'source')));
      expect(await each(target, writes(ns, 'target'))).toEqual(all('CM001', writes(ns, 'target')));
      expect(await each(worker, writes(ns, 'target'))).toEqual(all('CM001', writes(ns, 'target')));
    }
    expect(await each(source, common)).toEqual(all('done', common));
    expect(await each(target, common)).toEqual(all('CM001', common));
    expect(await tried(source, "UPDATE kind SET label = 'x' WHERE false")).toBe('done');
    expect(await tried(target, "UPDATE kind SET label = 'x' WHERE false")).toBe('done');
  });

  test('hold each side to what it owns', async () => {
    await sides.move([GONE], 'target');
    expect(await each(source, writes('here', 'source'))).toEqual(all('done', writes('here', 'source')));
    expect(await each(source, writes('gone', 'source'))).toEqual(all('CM001', writes('gone', 'source')));
    expect(await each(target, writes('gone', 'target'))).toEqual(all('done', writes('gone', 'target')));
    expect(await each(worker, writes('gone', 'target'))).toEqual(all('done', writes('gone', 'target')));
    expect(await each(target, writes('here', 'target'))).toEqual(all('CM001', writes('here', 'target')));
    // Of nobody's namespace, or of everybody's: only who owns all may.
    const wide = ["UPDATE account SET namespace = 'gone' WHERE id = 3", 'DELETE FROM item', 'TRUNCATE event'];
    expect(await each(source, wide)).toEqual(all('CM001', wide));
    expect(await each(target, ['DELETE FROM item', 'TRUNCATE event'])).toEqual(
      all('CM001', ['DELETE FROM item', 'TRUNCATE event']),
    );
    expect(await each(source, common.slice(0, 2))).toEqual(all('done', common.slice(0, 2)));
    await sides.move([GONE], 'source');
    expect(await each(source, writes('gone', 'source'))).toEqual(all('done', writes('gone', 'source')));
  });

  test('refuse what COPY brings, and let pass what this program applies', async () => {
    const copy = async (client: pg.Client): Promise<string | undefined> => {
      await client.query('BEGIN');
      const stream = client.query(copyStreams.from('COPY account (id, namespace, name) FROM STDIN'));
      const state = await stateOf(pipeline(Readable.from(['500\tgone\tcopied\n']), stream));
      await client.query('ROLLBACK');
      return state;
    };
    expect(await copy(source)).toBeUndefined();
    expect(await copy(target)).toBe('XX000');
    await target.query('BEGIN');
    await target.query("SET LOCAL citus.propagate_set_commands = 'local'");
    await target.query("SET LOCAL citus_migrate.applying = 'on'");
    expect(await stateOf(target.query(writes('gone', 'target')[0]!))).toBeUndefined();
    await target.query('ROLLBACK');
    await target.query('BEGIN; SET LOCAL session_replication_role = replica');
    expect(await stateOf(target.query(common[0]!))).toBe('CM001');
    await target.query('ROLLBACK');
  });

  test('let a pass bring what the source has taken', async () => {
    await source.query(
      "UPDATE account SET name = name || '!'; UPDATE kind SET label = 'new'; DELETE FROM item WHERE id = 40",
    );
    const { follower, close } = await follow(journey);
    try {
      await drain(follower);
    } finally {
      await close();
    }
    await (await Oracle.open(journey, FOLLOW_EXPECTED)).expectEqual();
  });

  test('need no rights of the roles that write', async () => {
    const role = `writer_${process.pid}`;
    await source.query(
      `CREATE ROLE ${role}; GRANT SELECT, INSERT, UPDATE, DELETE ON account, item TO ${role}`,
    );
    try {
      await source.query(`BEGIN; SET LOCAL ROLE ${role}`);
      await source.query(writes('here', 'source')[5]!);
      expect(
        (await source.query('SELECT count(*)::int AS units FROM citus_migrate.ownership')).rows[0].units,
      ).toBeGreaterThan(100);
      expect(await stateOf(source.query("UPDATE citus_migrate.ownership SET owner = 'target'"))).toBe(
        '42501',
      );
    } finally {
      await source.query('ROLLBACK');
      await source.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  test('end a block by themselves when it has run out, and who has blocked can decide no more', async () => {
    const { owners } = sides;
    await owners.source.block([GONE], 700);
    expect(await tried(source, writes('gone', 'source')[0]!)).toBe('CM002');
    expect(await tried(source, writes('here', 'source')[0]!)).toBe('done');
    expect(await tried(source, 'TRUNCATE event')).toBe('CM002');
    await expect.poll(() => tried(source, writes('gone', 'source')[0]!), { interval: 50 }).toBe('done');
    await expect(owners.source.give([GONE], 'target')).rejects.toMatchObject({ code: 'BLOCK_EXPIRED' });
    expect(await tried(source, writes('gone', 'source')[0]!)).toBe('done');
    // A block that another has replaced cannot be decided by who had it first.
    await owners.source.block([GONE], 10_000);
    await source.query(`UPDATE citus_migrate.ownership SET blocked_by = 'another' WHERE unit = '${GONE}'`);
    await expect(owners.source.give([GONE], 'target')).rejects.toMatchObject({ code: 'BLOCK_EXPIRED' });
    await source.query(`UPDATE citus_migrate.ownership SET blocked_until = NULL, blocked_by = NULL`);
  });

  describe('a late writer', () => {
    const late = "INSERT INTO account VALUES (700, 'gone', 'late')";
    /** Rows that the source has of the writer. */
    const rows = async (): Promise<number> =>
      (await source.query('SELECT count(*)::int AS n FROM account WHERE id = 700')).rows[0].n;

    test('is waited for, keeps writing until then, and cancels the move when it takes too long', async () => {
      const { owners } = sides;
      const writer = await connectTo(journey.source.url);
      await writer.query('BEGIN');
      await writer.query(late);
      await owners.source.block([GONE], 10_000);
      // It began before the block: it may go on, and others may not begin.
      await writer.query("UPDATE account SET name = 'later' WHERE id = 700");
      expect(await tried(source, writes('gone', 'source')[0]!)).toBe('CM002');
      await expect(owners.source.awaitWriters([GONE], 200)).rejects.toMatchObject({ code: 'WRITERS_BUSY' });
      expect(await tried(source, writes('gone', 'source')[0]!)).toBe('done');
      await owners.source.block([GONE], 10_000);
      const waiting = owners.source.awaitWriters([GONE], 10_000);
      await writer.query('COMMIT');
      await waiting;
      expect(await rows()).toBe(1);
      const epoch = await owners.source.give([GONE], 'target');
      await owners.target.take([GONE], epoch);
      expect(await stateOf(writer.query('DELETE FROM account WHERE id = 700'))).toBe('CM001');
      await sides.move([GONE], 'source');
      await writer.query('DELETE FROM account WHERE id = 700');
    });

    test('that reads an old parent is waited for, though its namespace is not the one that moves', async () => {
      const { owners } = sides;
      const [parent, child] = [await connectTo(journey.source.url), await connectTo(journey.source.url)];
      // Account 3 comes into the namespace that moves; the child's writer has seen it in the other one.
      await parent.query("BEGIN; UPDATE account SET namespace = 'gone' WHERE id = 3");
      await child.query(
        'BEGIN; UPDATE part SET note = $$late$$ WHERE item_id IN (SELECT id FROM item WHERE account_id = 3)',
      );
      await owners.source.block([GONE], 10_000);
      await parent.query('COMMIT');
      await expect(owners.source.awaitWriters([GONE], 300)).rejects.toMatchObject({ code: 'WRITERS_BUSY' });
      await child.query('ROLLBACK');
      await source.query("UPDATE account SET namespace = 'here' WHERE id = 3");
    });

    test('would be lost without the lock that writers share', async () => {
      const { rows: locking } = await source.query<{ body: string }>(
        `SELECT pg_get_functiondef(oid) AS body FROM pg_proc
         WHERE pronamespace = 'citus_migrate'::regnamespace AND proname ~ '^guard' AND prosrc ~ 'xact_lock_shared'`,
      );
      for (const { body } of locking) {
        const blind = body.replace(/pg_try_advisory_xact_lock_shared\(\d+, (buckets\[1\]|first)\)/g, 'true');
        await source.query(blind);
      }
      try {
        const writer = await connectTo(journey.source.url);
        await writer.query('BEGIN');
        await writer.query(late);
        await sides.move([GONE], 'target');
        expect(await rows()).toBe(0);
        // Written where nobody looks any more.
        await writer.query('COMMIT');
        expect(await rows()).toBe(1);
      } finally {
        for (const { body } of locking) await source.query(body);
        await sides.move([GONE], 'source');
        await source.query('DELETE FROM account WHERE id = 700');
      }
    });
  });

  test.each(['REPEATABLE READ', 'SERIALIZABLE'])(
    'fail a transaction at %s that cannot see the move',
    async (level) => {
      for (const [client, write] of [
        [source, writes('gone', 'source')[0]!],
        [source, writes('gone', 'source')[6]!],
      ] as const) {
        await client.query(`BEGIN ISOLATION LEVEL ${level}; SELECT FROM kind`);
        await sides.move([GONE], 'target');
        expect(await stateOf(client.query(write))).toBe('40001');
        await client.query(`ROLLBACK; BEGIN ISOLATION LEVEL ${level}; SELECT FROM kind`);
        expect(await stateOf(client.query(write))).toBe('CM001');
        await client.query('ROLLBACK');
        await sides.move([GONE], 'source');
        await client.query(`BEGIN ISOLATION LEVEL ${level}`);
        expect(await stateOf(client.query(write))).toBeUndefined();
        await client.query('ROLLBACK');
      }
    },
  );

  test('hold a namespace that was moved by name to its own way', async () => {
    await sides.move([namedUnit('gone')], 'target');
    expect(await each(source, writes('gone', 'source'))).toEqual(all('CM001', writes('gone', 'source')));
    expect(await each(target, writes('gone', 'target'))).toEqual(all('done', writes('gone', 'target')));
    // Its bucket comes and goes without it.
    await sides.move([GONE], 'target');
    await sides.move([GONE], 'source');
    expect(await tried(source, writes('gone', 'source')[0]!)).toBe('CM001');
    expect(await tried(target, writes('gone', 'target')[0]!)).toBe('done');
    await sides.move([namedUnit('gone')], 'source');
    expect(await tried(source, writes('gone', 'source')[0]!)).toBe('done');
    expect(await tried(target, writes('gone', 'target')[0]!)).toBe('CM001');
  });

  test('are on all tables or on none, once, and leave nothing behind on any node', async () => {
    const nodes = [source, target, worker, await connectTo(cluster.workerUrls[1]!)];
    const objects = async (): Promise<string[]> => {
      const all: string[] = [];
      for (const [index, client] of nodes.entries()) {
        if (index > 0) await client.query('SET citus.override_table_visibility = off');
        all.push(
          ...(await client.query<{ object: string }>(LEFT)).rows.map(({ object }) => `${index} ${object}`),
        );
      }
      const { rows } = await target.query(
        'SELECT pg_identify_object(classid, objid, objsubid)::text AS object FROM pg_dist_object ORDER BY 1',
      );
      return [...all, ...rows.map(({ object }) => object)];
    };
    const { plan } = journey;
    const dbs = await openSides(journey);
    try {
      const with_ = await objects();
      expect(await installGuards({ ...dbs, plan }, noopContext())).toEqual({ source: [], target: [] });
      expect(await objects()).toEqual(with_);
      for (const side of [dbs.source, dbs.target]) {
        const { guarded, problems } = await guardStatus(side, plan);
        expect({ guarded: [...guarded].sort(), problems }).toEqual({
          guarded: ['account', 'event', 'event_1', 'event_2', 'item', 'kind', 'part'],
          problems: [],
        });
      }
      await worker.query('SET citus.override_table_visibility = off');
      const { rows } = await worker.query(
        "SELECT tgrelid::regclass::text AS shard, tgname AS name FROM pg_trigger WHERE tgname LIKE 'citus_migrate_guard_insert%account%' OR (tgname LIKE 'citus_migrate_guard_insert_%' AND tgrelid::regclass::text LIKE 'account_%') LIMIT 1",
      );
      await worker.query(
        `SET citus.enable_manual_changes_to_shards = on; ALTER TABLE ${rows[0].shard} DISABLE TRIGGER ${rows[0].name}`,
      );
      expect((await guardStatus(dbs.target, plan)).problems).toEqual([
        expect.stringContaining('1 shards of account'),
      ]);
      await worker.query(`ALTER TABLE ${rows[0].shard} ENABLE ALWAYS TRIGGER ${rows[0].name}`);

      expect(await removeGuards(dbs.source, noopContext())).toBe(true);
      expect(await removeGuards(dbs.target, noopContext())).toBe(true);
      expect(await removeGuards(dbs.target, noopContext())).toBe(false);
      const without = await objects();
      expect(
        without.filter((object) => /guard|ownership|adopt|take_over|settle|bucket/.test(object)),
      ).toEqual([]);
      expect(await each(target, writes('gone', 'target'))).toEqual(all('done', writes('gone', 'target')));

      let tables = 0;
      const fail = (point: string): void => {
        if (point !== 'guards: after one table') return;
        tables += 1;
        if (tables === 7) throw new Error('the server room burns');
      };
      await expect(installGuards({ ...dbs, plan }, noopContext({ fail }))).rejects.toThrow('burns');
      expect((await objects()).filter((object) => /trigger/.test(object))).toEqual(
        without.filter((object) => /trigger/.test(object)),
      );
    } finally {
      await dbs.close();
    }
  });
});
