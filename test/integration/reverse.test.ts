import { beforeAll, expect, test } from 'vitest';
import { removeReverse } from '../../src/dualwrite/reverse-remove.js';
import { noopContext } from '../../src/observe/noop.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { drain, followBack, installBack, Oracle, openSides } from '../support/follow.js';
import { FOLLOW_EXPECTED, FOLLOW_SCHEMA } from '../support/follow-schema.js';
import { type Journey, load, prepare } from '../support/load.js';

const FILL = `
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 3) g;
  INSERT INTO account SELECT g, 'ns' || g % 5, 'account ' || g FROM generate_series(1, 50) g;
  INSERT INTO item SELECT g, 1 + g % 50, 1 + g % 3, 'item ' || g FROM generate_series(1, 200) g;
`;

describeCitus('capture on the cluster', () => {
  let source: FreshDatabase;
  let target: FreshCluster;
  let journey: Journey;
  let oracle: Oracle;
  beforeAll(async () => {
    source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(FOLLOW_SCHEMA);
    await source.client.query(FILL);
    journey = await prepare(source, target);
    await load(journey);
    oracle = await Oracle.open(journey, FOLLOW_EXPECTED);
  });

  test('brings back what applications write through the coordinator and through workers', async () => {
    await installBack(journey);
    const { follower, close } = await followBack(journey);
    const worker = await connectTo(target.workerUrls[0]!);
    await target.client.query(
      `INSERT INTO account (id, namespace, name) VALUES (900, 'ns1', 'a'), (901, 'ns2', 'b')`,
    );
    await worker.query(`UPDATE kind SET label = 'x' WHERE id = 1`);
    await worker.query(`UPDATE account SET name = name || '!'`);
    await worker.query(
      `INSERT INTO event (id, day, namespace, what) SELECT g, 1 + g % 2, 'ns' || g % 7, 'e' FROM generate_series(1, 300) g`,
    );
    await worker.query(`DELETE FROM item WHERE id % 3 = 0`);
    await follower.pass();
    await follower.pass(async () => oracle.expectEqual());
    await target.client.query('TRUNCATE event');
    await target.client.query(
      `INSERT INTO event (id, day, namespace, what) SELECT g, 1 + g % 2, 'ns' || g % 7, 'e' FROM generate_series(1, 30) g`,
    );
    await follower.pass(async () => oracle.expectEqual());
    await drain(follower);
    await close();
    const sides = await openSides(journey);
    expect(await removeReverse(sides.target, noopContext())).toBe(true);
    await sides.close();
  });
});
