import { beforeAll, describe, expect, inject, test } from 'vitest';
import type { Follower } from '../../src/dualwrite/follower.js';
import { type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import { drain, follow, install, Oracle } from '../support/follow.js';
import { FOLLOW_DISTRIBUTED, FOLLOW_EXPECTED, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { type Journey, load, prepare } from '../support/load.js';
import { runJson, runMigrate } from '../support/migrate.js';

const FILL = `
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 5) g;
  INSERT INTO account SELECT g, 'ns' || g % 7, 'account ' || g FROM generate_series(1, 60) g;
  INSERT INTO item SELECT g, 1 + g % 60, 1 + g % 5, 'item ' || g FROM generate_series(1, 300) g;
  INSERT INTO part SELECT md5(g::text)::uuid, 1 + g % 300, 'part ' || g FROM generate_series(1, 600) g;
  INSERT INTO event SELECT g, 1 + g % 2, 'ns' || g % 7, 'event ' || g FROM generate_series(1, 100) g;
`;

describe('sync', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  let journey: Journey;
  let oracle: Oracle;
  let opened: { follower: Follower; close(): Promise<void> };
  beforeAll(async () => {
    source = await freshSource();
    target = inject('citus') ? await freshCluster({ shardCount: 4 }) : await freshSource();
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FILL);
    journey = await prepare(source, target);
    await install(journey);
    // Written after the install and before the copy: both have it.
    await source.client.query(`UPDATE item SET note = 'early' WHERE id < 20`);
    await load(journey);
    oracle = await Oracle.open(journey, FOLLOW_EXPECTED);
    opened = await follow(journey);
    return async () => opened.close();
  });

  async function expectFollowed(statement: string): Promise<void> {
    await source.client.query(statement);
    await drain(opened.follower);
    await oracle.expectEqual(undefined, statement);
    if (inject('citus')) await oracle.expectPlaced(FOLLOW_DISTRIBUTED, 'namespace');
  }

  test.each([
    ['an insert', `INSERT INTO account VALUES (1001, 'new', 'new account')`],
    ['an update', `UPDATE account SET name = name || '!' WHERE id % 3 = 0`],
    ['a delete that cascades', 'DELETE FROM account WHERE id IN (5, 6)'],
    [
      'a row that changes its namespace, with its children',
      `UPDATE account SET namespace = 'moved' WHERE id = 7`,
    ],
    ['a key that changes', 'UPDATE account SET id = 2008 WHERE id = 8'],
    ['a child that changes its parent', 'UPDATE item SET account_id = 9 WHERE account_id = 10'],
    [
      'a parent and its child that move at once',
      `BEGIN; UPDATE account SET namespace = 'twice' WHERE id = 11; UPDATE item SET account_id = 11 WHERE account_id = 12;
       UPDATE account SET namespace = 'thrice' WHERE id = 11; COMMIT`,
    ],
    [
      'two rows that swap a unique value',
      `BEGIN; UPDATE account SET namespace = 'swap', name = 'a' WHERE id = 13; UPDATE account SET namespace = 'swap', name = 'b' WHERE id = 14; COMMIT;
       BEGIN; UPDATE account SET name = 'c' WHERE id = 13; UPDATE account SET name = 'a' WHERE id = 14; UPDATE account SET name = 'b' WHERE id = 13; COMMIT`,
    ],
    [
      'a row of a reference table',
      `UPDATE kind SET label = 'other' WHERE id = 3; INSERT INTO kind VALUES (77, 'new')`,
    ],
    [
      'rows of a partition',
      `INSERT INTO event_1 (id, day, namespace, what) VALUES (901, 1, 'ns1', 'straight'); UPDATE event SET day = 2 WHERE id = 901`,
    ],
    ['TRUNCATE of a partition', 'TRUNCATE event_2'],
    [
      'TRUNCATE and rows after it',
      `TRUNCATE part; INSERT INTO part SELECT md5(g::text)::uuid, id, 'again' FROM item, generate_series(1, 1) g WHERE id = 30`,
    ],
    [
      'TRUNCATE that cascades',
      `TRUNCATE account CASCADE; INSERT INTO account VALUES (1, 'ns1', 'first again')`,
    ],
    [
      'more rows than a log entry holds one by one',
      `INSERT INTO event SELECT g, 1 + g % 2, 'ns' || g % 50, 'many' FROM generate_series(1000, 26000) g`,
    ],
    [
      'their update and delete',
      `UPDATE event SET namespace = namespace || 'x' WHERE what = 'many' AND id % 2 = 0; DELETE FROM event WHERE id % 5 = 0`,
    ],
  ])('follows %s', (_, statement) => expectFollowed(statement));

  test('a pass over nothing changes nothing', async () => {
    expect(await opened.follower.pass()).toMatchObject({ changes: 0, seconds: 0, rows: 0 });
  });

  test('stops at a clean point when asked to, and says where things stand', async () => {
    await opened.close();
    const sides = ['--source', source.url, '--target', target.url, '--plan', journey.planFile];
    const cwd = journey.folder;
    expect(await runJson(['shim', 'status', ...sides], { cwd })).toMatchObject({
      exit: 0,
      installed: true,
      log: { changes: 0 },
      problems: [],
    });
    await source.client.query(`UPDATE account SET name = 'at last'`);
    const changes = async (): Promise<number> =>
      (await runJson(['shim', 'status', ...sides], { cwd })).log.changes;
    expect(await changes()).toBeGreaterThan(0);
    const stopped = await runMigrate(['sync', ...sides, '--no-progress'], {
      cwd,
      started: (child) =>
        void expect
          .poll(changes, { timeout: 60_000 })
          .toBe(0)
          .then(() => child.kill('SIGINT')),
    });
    expect(stopped.code).toBe(130);
    await oracle.expectEqual();
    const text = await runMigrate(['sync', '--until-drained', ...sides, '--no-progress'], { cwd });
    expect(text).toMatchObject({ code: 0, stdout: expect.stringContaining('Next: migrate verify') });
    expect(await runJson(['shim', 'remove', ...sides], { cwd })).toMatchObject({ exit: 0, removed: true });
    expect(await runJson(['shim', 'status', ...sides], { cwd })).toMatchObject({ exit: 1, installed: false });
    expect(await runJson(['sync', '--until-drained', ...sides], { cwd })).toMatchObject({
      exit: 2,
      error: { code: 'SHIM_MISSING' },
    });
    opened = { ...opened, close: async () => {} };
  });
});
