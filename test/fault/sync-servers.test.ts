import { beforeAll, expect, test } from 'vitest';
import { movedTables } from '../../src/cli/support/plan.js';
import type { Context } from '../../src/core/context.js';
import {
  type Cluster,
  createDatabase,
  findPostgres,
  type Server,
  type StopMode,
  startCluster,
  startServer,
} from '../../src/demo/servers/index.js';
import { sync } from '../../src/dualwrite/sync.js';
import { noopContext } from '../../src/observe/noop.js';
import { connectTo, describeCitus } from '../support/databases.js';
import { install, installBack, openSides } from '../support/follow.js';
import { atPoint, filled, type Journey, load, prepare } from '../support/load.js';
import { contentsOf, shapesOf } from '../support/same-rows.js';

const FORWARD = 'sync: after the commit of one node';
const BACK = 'sync back: after the commit, before the logs are told';

describeCitus('sync, while a server is stopped in the middle of a pass and started again', () => {
  let cluster: Cluster;
  let single: Server;
  let journey: Journey;
  beforeAll(async () => {
    const found = await findPostgres();
    single = await startServer({ install: found, name: 'source' });
    cluster = await startCluster({ install: found, shardCount: 4 });
    const url = await createDatabase(single, 'app');
    const source = { url, client: await connectTo(url) };
    await source.client.query(filled(600));
    await source.client.query('DROP TABLE loose');
    journey = await prepare(source, { url: cluster.url(), client: await connectTo(cluster.url()) });
    await install(journey);
    await load(journey);
    await installBack(journey);
    return async () => {
      await Promise.all([cluster.stop(), single.stop()]);
    };
  });

  /** `sync --until-drained`, repeated as an operator would while it says that it can be. */
  async function untilDrained(context: Partial<Context>): Promise<void> {
    for (let runs = 1; ; runs += 1) {
      const { source, target, close } = await openSides(journey);
      const { plan } = journey;
      const request = { source, target, plan, tables: movedTables(plan), untilDrained: true };
      try {
        await sync(request, noopContext(runs === 1 ? context : {}));
        return;
      } catch (error) {
        expect(error).toMatchObject({ exit: 3 });
        if (runs === 5) throw error;
      } finally {
        await close();
      }
    }
  }

  const who = {
    source: () => single,
    coordinator: () => cluster.coordinator,
    'a worker': () => cluster.workers[0]!,
  };
  type Case = [name: keyof typeof who, mode: StopMode, point: string];
  const cases: Case[] = [
    ['source', 'immediate', FORWARD],
    ['coordinator', 'fast', FORWARD],
    ['a worker', 'immediate', FORWARD],
    ['source', 'immediate', BACK],
    ['coordinator', 'immediate', BACK],
    ['a worker', 'fast', BACK],
  ];

  test.each(cases)('%s, %s, %s: nothing is lost in either direction', async (name, mode, point) => {
    const change = async (url: string, text: string) => {
      const client = await connectTo(url);
      await client.query(text);
    };
    // Rows of their own on each side: a row is only ever written where it belongs.
    await change(journey.source.url, `UPDATE item SET note = note || 's' WHERE id % 2 = 0`);
    await change(journey.target.url, `UPDATE item SET note = note || 't' WHERE id % 2 = 1`);
    const planted = atPoint(point, 1, () => who[name]().restart(mode));
    await untilDrained(planted.context);
    expect(planted.hit()).toBe(true);
    const shapes = await shapesOf(await connectTo(journey.source.url));
    const expected = await contentsOf(journey.source.url, shapes);
    expect(await contentsOf(journey.target.url, shapes)).toEqual(expected);
    const marks = await (await connectTo(journey.source.url)).query(
      `SELECT count(*) FILTER (WHERE note NOT LIKE CASE id % 2 WHEN 0 THEN '%s' ELSE '%t' END)::int AS lost FROM item`,
    );
    expect(marks.rows[0]).toEqual({ lost: 0 });
  });
});
