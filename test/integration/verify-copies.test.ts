import { beforeAll, expect, test } from 'vitest';
import { describeCitus, type FreshCluster, freshCluster } from '../support/databases.js';
import { type Moved, moved } from '../support/moved.js';
import { shardsOf, withShard } from '../support/shards.js';

const SCHEMA = `
  CREATE TABLE entry (id bigint PRIMARY KEY, namespace text NOT NULL, note text);
  INSERT INTO entry SELECT g, 'ns' || g % 40, 'note ' || g FROM generate_series(1, 4000) g;
  CREATE TABLE kind (id int PRIMARY KEY, label text);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 20) g;
`;

describeCitus('several copies of a shard', () => {
  let at: Moved<FreshCluster>;
  beforeAll(async () => {
    const target = () => freshCluster({ shardCount: 4, replicationFactor: 2 });
    at = await moved(target, ({ client }) => client.query(SCHEMA));
  });

  test.each(['digest', 'rows'] as const)(
    'one placement tampered with is divergent in %s mode',
    async (mode) => {
      expect(await at.compare({ mode })).toMatchObject({ verdict: 'match' });
      const copies = await shardsOf(at.target, 'entry');
      const second = copies.find((copy, index) => copies[index - 1]?.shardId === copy.shardId)!;
      const { rows } = await withShard(second, (client, shard) =>
        client.query(
          `UPDATE ${shard} SET note = note || '!' WHERE id = (SELECT min(id) FROM ${shard}) RETURNING id`,
        ),
      );
      const result = await at.compare({ mode });
      expect(result.verdict).toBe('mismatch');
      expect(result.tables.flatMap(({ discrepancies }) => discrepancies)).toEqual([
        { kind: 'divergent', key: null, shardId: second.shardId, node: second.node },
      ]);
      const repaired = await at.verify('--mode', mode, '--repair', 'apply', '--yes');
      expect(repaired).toMatchObject({ exit: 0, verdict: 'match', repair: { applied: 1, refused: [] } });
      const mended = await withShard(second, (client, shard) =>
        client.query(`SELECT note FROM ${shard} WHERE id = $1`, [rows[0].id]),
      );
      expect(mended.rows).toEqual([{ note: `note ${rows[0].id}` }]);
    },
  );

  test('one copy of a reference table tampered with is divergent', async () => {
    const tampered = (await shardsOf(at.target, 'kind')).at(-1)!;
    await withShard(tampered, (client, shard) =>
      client.query(`UPDATE ${shard} SET label = 'other' WHERE id = 3`),
    );
    const result = await at.compare();
    expect(result.tables.flatMap(({ discrepancies }) => discrepancies)).toEqual([
      { kind: 'divergent', key: null, shardId: tampered.shardId, node: tampered.node },
    ]);
    expect(await at.verify('--repair', 'apply', '--yes')).toMatchObject({ exit: 0, verdict: 'match' });
    const { rows } = await withShard(tampered, (client, shard) =>
      client.query(`SELECT label FROM ${shard} WHERE id = 3`),
    );
    expect(rows).toEqual([{ label: 'kind 3' }]);
  });
});
