import { beforeAll, expect, test } from 'vitest';
import { describeCitus, type FreshCluster, freshCluster } from '../support/databases.js';
import { differing, type Moved, moved } from '../support/moved.js';
import { type PlacedShard, shardsOf, workerClient } from '../support/shards.js';

const ROWS = 100_000;
const SHARDS = 8;

/** Rows that tell a pass from a look: tuples that sequential scans returned, and those that an index led to. */
interface Reads {
  readonly scanned: number;
  readonly fetched: number;
}

describeCitus('what a look for differing rows reads', () => {
  let at: Moved<FreshCluster>;
  let shards: readonly PlacedShard[];

  beforeAll(async () => {
    at = await moved(
      () => freshCluster({ shardCount: SHARDS }),
      ({ client }) =>
        client.query(
          `CREATE TABLE item (id bigint PRIMARY KEY, namespace text NOT NULL, note text, filler text);
           INSERT INTO item SELECT g, 'ns' || g % 997, 'note ' || g, repeat(md5(g::text), 12)
           FROM generate_series(1, ${ROWS}) g; ANALYZE item`,
        ),
    );
    shards = await shardsOf(at.target, 'item');
  });

  const STATISTICS = `SELECT sum(seq_tup_read)::int AS scanned, sum(coalesce(idx_tup_fetch, 0))::int AS fetched
                      FROM pg_stat_user_tables WHERE relname = ANY ($1)`;

  /** Backends hand in their counts when they end, at the latest. */
  async function reads(): Promise<{ source: Reads; target: Reads }> {
    const left = async (client: Moved['source']['client'] | Awaited<ReturnType<typeof workerClient>>) => {
      await expect
        .poll(async () => {
          const { rows } = await client.query(
            `SELECT count(*)::int AS n FROM pg_stat_activity
             WHERE application_name LIKE 'migrate %' AND datname = current_database()`,
          );
          return rows[0].n;
        })
        .toBe(0);
    };
    const of = async (client: Awaited<ReturnType<typeof workerClient>>, names: string[]): Promise<Reads> => {
      await left(client);
      await client.query('SELECT pg_stat_clear_snapshot()');
      const { rows } = await client.query(STATISTICS, [names]);
      return rows[0];
    };
    const sum = { scanned: 0, fetched: 0 };
    for (const url of at.target.workerUrls) {
      const names = shards.filter((shard) => shard.url === url).map(({ relation }) => relation);
      const here = await of(await workerClient(url), names);
      sum.scanned += here.scanned;
      sum.fetched += here.fetched;
    }
    return { source: await of(at.source.client, ['item']), target: sum };
  }

  /** How many rows more than without damage are read to find it. */
  async function extra(damage: string, restore: string) {
    const measure = async () => {
      const before = await reads();
      const result = await at.compare();
      const after = await reads();
      const by = (side: 'source' | 'target', what: keyof Reads) => after[side][what] - before[side][what];
      return {
        result,
        source: by('source', 'scanned') + by('source', 'fetched'),
        target: by('target', 'scanned'),
      };
    };
    const clean = await measure();
    expect(clean.result.verdict).toBe('match');
    expect(clean.source).toBeGreaterThanOrEqual(ROWS);
    expect(clean.target).toBeGreaterThanOrEqual(ROWS);
    await at.target.client.query(damage);
    const damaged = await measure();
    await at.target.client.query(restore);
    return {
      found: differing(damaged.result),
      source: damaged.source - clean.source,
      target: damaged.target - clean.target,
    };
  }

  /** Namespaces are spread, so a shard holds about its share; no shard has twice as much. */
  const TWO_PASSES = 2 * 2 * (ROWS / SHARDS);

  test('one changed row costs at most two more passes over its shard, on either side', async () => {
    const { found, source, target } = await extra(
      `UPDATE item SET note = 'changed' WHERE id = 4711`,
      `UPDATE item SET note = 'note 4711' WHERE id = 4711`,
    );
    expect(found).toEqual({ item: [{ kind: 'mismatched', key: { id: '4711' }, columns: ['note'] }] });
    expect(target).toBeGreaterThan(0);
    expect(target).toBeLessThan(TWO_PASSES);
    expect(source).toBeGreaterThan(0);
    expect(source).toBeLessThan(TWO_PASSES);
  });

  test('a missing row costs no more on the source', async () => {
    await at.target.client.query('CREATE TABLE kept AS SELECT * FROM item WHERE id = 815');
    const { found, source } = await extra(
      `DELETE FROM item WHERE id = 815`,
      `INSERT INTO item SELECT * FROM kept`,
    );
    expect(found).toEqual({ item: [{ kind: 'missing', key: { id: '815' } }] });
    expect(source).toBeLessThan(TWO_PASSES);
  });
});
