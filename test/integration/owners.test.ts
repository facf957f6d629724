import { beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../src/citus/database.js';
import { ALL_UNITS, bucketOf, bucketSql, bucketUnit, type Side } from '../../src/core/ownership.js';
import { Owners } from '../../src/dualwrite/owners.js';
import { noopContext } from '../../src/observe/noop.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import { describeCitus, type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';

const open = (url: string, side: Side): Promise<Database> =>
  Database.open(resolveConninfo(url, {}), { side, runId: `owners-${process.pid}`, readOnly: false });

describe('a bucket', () => {
  test('is the same here and on a server', async () => {
    const { client } = await freshSource();
    const names = ['', 'a', 'tenant-7', 'Größe', '日本語', '😀', "it's", ' blank ', '42'];
    const many = Array.from({ length: 5000 }, (_, index) => `ns${index * 7919}`);
    const { rows } = await client.query<{ name: string; bucket: number; sum: number }>(
      `SELECT name, ${bucketSql('name')} AS bucket FROM unnest($1::text[]) AS n (name)`,
      [[...names, ...many]],
    );
    expect(rows.filter(({ name, bucket }) => bucketOf(name) !== bucket)).toEqual([]);
    expect(new Set(rows.map(({ bucket }) => bucket)).size).toBe(100);
  });
});

function suite(fresh: () => Promise<FreshDatabase & { workerUrls?: readonly string[] }>): void {
  let mine: Awaited<ReturnType<typeof fresh>>;
  let database: Database;
  beforeAll(async () => {
    mine = await fresh();
    database = await open(mine.url, 'source');
    await Owners.install(database);
    return () => database.close();
  });

  test('gives units away once, by the one who holds them', async () => {
    const owners = await Owners.open(database, noopContext());
    const units = ['b00', bucketUnit(99), '*', 'n:seven'];
    await owners.block(units, 20_000);
    await owners.awaitWriters(units, 1000);
    const epoch = await owners.give(units, 'target');
    const rows = await owners.read();
    expect(
      rows
        .filter(({ owner }) => owner === 'target')
        .map(({ unit }) => unit)
        .sort(),
    ).toEqual([...units].sort());
    expect(rows.every(({ blockedUntil }) => blockedUntil === null)).toBe(true);
    await expect(owners.give(units, 'target')).rejects.toMatchObject({ code: 'BLOCK_EXPIRED' });
    await expect(owners.block(units, 1000)).rejects.toMatchObject({ code: 'UNIT_NOT_OWNED' });
    await owners.take(units, epoch + 1);
    expect((await owners.read()).every(({ owner }) => owner === 'source')).toBe(true);
    expect(rows.length).toBe(ALL_UNITS.length + 1);
    await owners.close();
  });
}

describe('owners on a single node', () => suite(freshSource));
describeCitus('owners on a cluster', () => suite(freshCluster));
