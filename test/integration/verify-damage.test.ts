import { beforeAll, describe, expect, test } from 'vitest';
import type { VerifyResult } from '../../src/verify/types.js';
import { DAMAGE, runAll, SCHEMA } from '../support/damage.js';
import {
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { differing, type Moved, moved } from '../support/moved.js';
import { shardsOf, withShard } from '../support/shards.js';

const MODES = ['digest', 'rows'] as const;

const sorted = (rows: unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

/** The shards that are said to differ are those in which the discrepancies lie, and no others. */
function expectOnlyTheirShards({ tables }: VerifyResult): void {
  for (const { shards, discrepancies } of tables) {
    const said = shards.filter(({ verdict }) => verdict !== 'match').map(({ shardId }) => shardId);
    expect(said.sort()).toEqual([...new Set(discrepancies.map(({ shardId }) => shardId))].sort());
  }
}

function corpus<T extends FreshDatabase>(
  freshTarget: () => Promise<T>,
  more?: (at: () => Moved<T>) => void,
): void {
  let at: Moved<T>;

  beforeAll(async () => {
    at = await moved(freshTarget, ({ client }) => client.query(SCHEMA));
    // The damage keeps a row here that it takes away.
    await at.target.client.query('CREATE TABLE item_copy AS SELECT * FROM item WHERE false');
  });

  test.each(MODES)('a faithful copy is a match, an empty table one with 0 rows, in %s mode', async (mode) => {
    const result = await at.compare({ mode });
    expect(result).toMatchObject({ verdict: 'match', mode });
    expect(result.tables.map(({ table, source, target }) => [table, source.rows, target.rows])).toEqual([
      ['empty_one', 0n, 0n],
      ['item', 5000n, 5000n],
      ['loose', 403n, 403n],
    ]);
  });

  describe.each(MODES)('in %s mode', (mode) => {
    test.each(DAMAGE)('%s is found and named, and nothing else', async (_name, damage, restore, expected) => {
      await runAll(at.target.client, damage);
      const result = await at.compare({ mode });
      await runAll(at.target.client, restore);
      expect(result.verdict).toBe('mismatch');
      const [found, ...others] = Object.values(differing(result));
      expect(others).toEqual([]);
      expect(sorted(found as unknown[])).toEqual(sorted(expected));
      expectOnlyTheirShards(result);
    });

    test('after all of it was undone, everything is the same again', async () => {
      expect(await at.compare({ mode })).toMatchObject({ verdict: 'match' });
    });
  });

  more?.(() => at);
}

/** Rows that lie where no query by their key looks for them. */
function misplacement(at: () => Moved<FreshCluster>): void {
  /** Puts rows that are found by `where` into a shard where they do not belong, too. */
  async function intoWrongShard(table: string, namespace: string, where: string): Promise<string> {
    const { target } = at();
    const shards = await shardsOf(target, table);
    const { rows } = await target.client.query(
      'SELECT get_shard_id_for_distribution_column($1::regclass, $2::text)::text AS id',
      [table, namespace],
    );
    const home = rows[0].id;
    const wrong = shards.find(({ shardId }) => shardId !== home)!;
    const found = await target.client.query(`SELECT to_jsonb(t)::text AS row FROM ${table} t WHERE ${where}`);
    await withShard(wrong, (client, relation) =>
      client.query(
        `INSERT INTO ${relation} SELECT r.* FROM unnest($1::jsonb[]) AS j, jsonb_populate_record(NULL::${relation}, j) AS r`,
        [found.rows.map(({ row }) => row)],
      ),
    );
    return wrong.shardId;
  }
  const away = async (table: string, shardId: string): Promise<void> => {
    const shard = (await shardsOf(at().target, table)).find((one) => one.shardId === shardId)!;
    const column = 'namespace';
    await withShard(shard, (client, relation) =>
      client.query(
        `DELETE FROM ${relation} t WHERE NOT EXISTS (SELECT FROM pg_dist_shard s WHERE s.shardid = ${shardId}
         AND hashtext(t.${column}) BETWEEN s.shardminvalue::int AND s.shardmaxvalue::int)`,
      ),
    );
  };

  test.each(MODES)('a row in two shards is misplaced in one of them, in %s mode', async (mode) => {
    const shardId = await intoWrongShard('item', 'ns8', 'id = 8');
    const result = await at().compare({ mode });
    await away('item', shardId);
    expect(result.tables.flatMap(({ discrepancies }) => discrepancies)).toMatchObject([
      { kind: 'misplaced', key: { id: '8' }, shardId },
    ]);
    expectOnlyTheirShards(result);
  });

  test('a row in the wrong shard is misplaced, although every count agrees', async () => {
    const { target } = at();
    const shardId = await intoWrongShard('item', 'ns7', 'id = 7');
    const home = (
      await target.client.query(`DELETE FROM item WHERE namespace = 'ns7' AND id = 7 RETURNING *`)
    ).rows;
    expect(home).toHaveLength(1);
    const counts = await at().compare({ mode: 'counts', only: ['item'] });
    expect(counts.tables[0]!.source.rows).toBe(counts.tables[0]!.target.rows);
    for (const mode of MODES) {
      const result = await at().compare({ mode });
      expect(result.tables.flatMap(({ discrepancies }) => discrepancies)).toMatchObject([
        { kind: 'misplaced', key: { id: '7' }, shardId },
      ]);
    }
  });

  test.each(MODES)('a row without a key in the wrong shard is misplaced, in %s mode', async (mode) => {
    const shardId = await intoWrongShard('loose', 'ns3', `what = 'single'`);
    const result = await at().compare({ mode, only: ['loose'] });
    await away('loose', shardId);
    expect(result.tables[0]!.discrepancies).toMatchObject([{ kind: 'misplaced', key: null, shardId }]);
    expect(result.tables[0]!.discrepancies).toHaveLength(1);
  });
}

describeCitus('damage on Citus', () => corpus(() => freshCluster({ shardCount: 8 }), misplacement));
describe('damage on a plain PostgreSQL', () => corpus(freshSource));
