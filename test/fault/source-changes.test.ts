import type pg from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../src/core/context.js';
import { connectTo, freshSource } from '../support/databases.js';
import {
  atPoint,
  completeChunks,
  expectArrived,
  expectContinues,
  filled,
  type Journey,
  load,
  loadAndDie,
  type Planted,
  prepare,
} from '../support/load.js';
import { type Contents, contentsOf, shapesOf } from '../support/same-rows.js';

const BETWEEN_CHUNKS = 'load: after the commit';

let journey: Journey;
/** Connections to the source: one to look on, one for what has to wait. */
let watcher: pg.Client;
let other: pg.Client;
beforeEach(async () => {
  const source = await freshSource();
  await source.client.query(filled(3000));
  journey = await prepare(source, await freshSource());
  watcher = await connectTo(source.url);
  other = await connectTo(source.url);
});

const waits = async (): Promise<boolean> => {
  const { rows } = await watcher.query(
    `SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE NOT l.granted AND a.datname = current_database()`,
  );
  return rows.length > 0;
};

const contents = async (url: string): Promise<Contents> =>
  contentsOf(url, await shapesOf(journey.source.client));

describe('a table that is not multi-version for a moment', () => {
  let running: Promise<string> = Promise.resolve('not yet');
  /** Starts a command on the source and returns when it waits. */
  async function start(command: string): Promise<void> {
    let ended = false;
    running = other.query(command).then(
      () => 'done',
      (error) => error.message,
    );
    void running.then(() => {
      ended = true;
    });
    await expect.poll(async () => ended || (await waits()), { timeout: 20_000 }).toBe(true);
    expect(ended).toBe(false);
  }

  const cancelWaiting = (): Promise<unknown> =>
    watcher.query(
      `SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
  /** Cancels what waits as soon as the load says that something does, as an operator would. */
  const cancelling = ({ context }: Planted): Partial<Context> => {
    const log = context.log!;
    const warn = (message: string): void => {
      log.warn(message);
      if (!message.includes('waits to have it alone')) return;
      void cancelWaiting();
    };
    return { ...context, log: { ...log, warn } };
  };

  test('TRUNCATE waits for the snapshot, whose readers do not wait for it for ever', async () => {
    const planted = atPoint(BETWEEN_CHUNKS, 3, () => start('TRUNCATE loose'));
    await load(journey, { jobs: 1, context: cancelling(planted) });
    expect(planted.hit()).toBe(true);
    expect(planted.retries()).toEqual([expect.stringContaining('Could not read loose')]);
    expect(await running).toMatch(/cancel/);
    await expectArrived(journey);
  });

  test('VACUUM FULL waits, even when all that were reading have been lost', async () => {
    await journey.source.client.query('DELETE FROM item WHERE id % 3 = 0');
    const readersGone = async (): Promise<void> => {
      await watcher.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'migrate %' AND query LIKE '%COPY%TO STDOUT%'`,
      );
    };
    const planted = atPoint(BETWEEN_CHUNKS, 3, async () => {
      await readersGone();
      await start('VACUUM FULL item');
      await cancelWaiting();
      expect(await running).toMatch(/cancel/);
    });
    await load(journey, { jobs: 1, context: planted.context });
    expect(planted.hit()).toBe(true);
    await expectArrived(journey);
  });
});

describe('between a copy that died and the next one', () => {
  const die = (hit = 8): Promise<void> =>
    loadAndDie(journey, { point: BETWEEN_CHUNKS, hit, via: 'coordinator', jobs: 1 });
  const source = (text: string): Promise<unknown> => journey.source.client.query(text);

  /** The next copy says why it cannot go on and touches nothing; emptied, the tables get all rows. */
  async function startsOver(says: RegExp): Promise<void> {
    const [before, chunks] = [await contents(journey.target.url), await completeChunks(journey)];
    await expect(load(journey)).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      exit: 3,
      message: expect.stringMatching(says),
      hint: expect.stringContaining('--truncate'),
    });
    expect(await contents(journey.target.url)).toEqual(before);
    expect(await completeChunks(journey)).toEqual(chunks);
    await load(journey, { truncate: true });
    await expectArrived(journey);
  }

  test.each(['VACUUM (FREEZE, ANALYZE)', 'CREATE INDEX ON item (note)', 'SELECT FROM item FOR UPDATE'])(
    '%s changes no row: only what is missing is read',
    async (command) => {
      await die();
      await source(command);
      await expectContinues(journey);
    },
  );

  test.each(['VACUUM FULL item', 'CLUSTER item USING item_pkey'])(
    '%s moves rows that are all the same: it starts over and says why',
    async (command) => {
      await source('DELETE FROM item WHERE id % 3 = 0');
      await die();
      await source(command);
      await startsOver(/item: rewritten since \(VACUUM FULL, CLUSTER/);
    },
  );

  test('an update in place: it starts over and says why', async () => {
    await die();
    await source(`UPDATE item SET note = 'changed' WHERE id = 1`);
    await startsOver(/item: rows that are already on the target have changed/);
  });

  test('a subtransaction that was open all the while is seen as the change that it is', async () => {
    await other.query(`BEGIN; SAVEPOINT inner_one; UPDATE kind SET label = 'changed' WHERE id = 3`);
    // A later transaction that is over: the snapshot's end lies behind the subtransaction.
    await source('SELECT pg_current_xact_id()');
    await die(14);
    const done = (await completeChunks(journey)).filter(({ chunk }) => chunk.startsWith('kind '));
    expect(done).toHaveLength(1);
    await other.query('COMMIT');
    await startsOver(/kind: rows that are already on the target have changed/);
  });
});
