import { beforeAll, describe, expect, test } from 'vitest';
import { DAMAGE, SCHEMA, strip } from '../support/damage.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, freshFolder, runJson, runMigrate } from '../support/migrate.js';

/** A migration that was done, and the command that compares its two sides. */
function fixture<T extends FreshDatabase>(freshTarget: () => Promise<T>, schema: string) {
  const state = {} as { source: FreshDatabase; target: T };
  const cwd = freshFolder();
  const sides = (): string[] => ['--source', state.source.url, '--target', state.target.url];
  return {
    cwd,
    get source() {
      return state.source;
    },
    get target() {
      return state.target;
    },
    verify: (...args: string[]): Promise<Document> => runJson(['verify', ...sides(), ...args], { cwd }),
    sides,
    async prepare() {
      state.source = await freshSource();
      state.target = await freshTarget();
      await state.source.client.query(schema);
      expect(await runJson(['copy', ...sides()], { cwd })).toMatchObject({ exit: 0 });
    },
  };
}

const byKey = (a: Document, b: Document): number => Number(a.key?.id) - Number(b.key?.id);

function rowsSuite(freshTarget: () => Promise<FreshDatabase>): void {
  const at = fixture(freshTarget, SCHEMA);
  const verify = (...args: string[]): Promise<Document> => at.verify('--mode', 'rows', ...args);

  beforeAll(async () => {
    await at.prepare();
    await at.target.client.query('CREATE TABLE item_copy AS SELECT * FROM item WHERE id = 300');
  });

  test('a faithful copy is a match, with as many rows as there are', async () => {
    const result = await verify();
    expect(result).toMatchObject({ exit: 0, verdict: 'match', mode: 'rows' });
    expect(
      result.tables.map((table: Document) => [table.table, table.source.rows, table.target.rows]),
    ).toEqual([
      ['empty_one', '0', '0'],
      ['item', '5000', '5000'],
      ['loose', '400', '400'],
    ]);
  });

  test.each(DAMAGE)('%s is found and named, and nothing else', async (_name, damage, restore, expected) => {
    await at.target.client.query(damage);
    const result = await verify();
    expect(result).toMatchObject({ exit: 1, verdict: 'mismatch' });
    const differing = result.tables.filter((table: Document) => table.verdict !== 'match');
    expect(differing).toHaveLength(1);
    expect(strip(differing[0]).sort(byKey)).toEqual(expected);
    const shards = differing[0].shards.filter((shard: Document) => shard.verdict !== 'match');
    expect(shards.map((shard: Document) => shard.shardId).sort()).toEqual(
      [...new Set(differing[0].discrepancies.map((found: Document) => found.shardId))].sort(),
    );
    await at.target.client.query(restore || 'DELETE FROM loose');
    if (!restore) {
      const { rows } = await at.source.client.query('SELECT * FROM loose');
      for (const row of rows) {
        await at.target.client.query('INSERT INTO loose (namespace, what) VALUES ($1, $2)', [
          row.namespace,
          row.what,
        ]);
      }
    }
  });

  test('values are shown only when asked for', async () => {
    await at.target.client.query(`UPDATE item SET note = 'never shown unasked' WHERE id = 77`);
    for (const mode of ['digest', 'rows']) {
      const silent = await runMigrate(
        ['verify', ...at.sides(), '--mode', mode, '--json', '--no-progress'],
        at,
      );
      expect(silent.stdout + silent.stderr).not.toContain('never shown unasked');
      const shown = await at.verify('--mode', mode, '--show-values', '--tables', 'item');
      expect(shown.tables[0].discrepancies).toMatchObject([
        { key: { id: '77' }, values: { note: { source: 'note 77', target: 'never shown unasked' } } },
      ]);
      expect(Object.keys(shown.tables[0].discrepancies[0].values)).toEqual(['note']);
    }
    await at.target.client.query(`UPDATE item SET note = 'note 77' WHERE id = 77`);
  });

  test('only the named tenants are compared, and other tables are said to be left out', async () => {
    await at.target.client.query(`UPDATE item SET note = 'changed' WHERE id IN (7, 8)`);
    for (const mode of ['digest', 'rows']) {
      const result = await at.verify('--mode', mode, '--namespaces', 'ns7');
      const item = result.tables.find((table: Document) => table.table === 'item');
      expect(item).toMatchObject({ verdict: 'mismatch', source: { rows: '250' }, target: { rows: '250' } });
      expect(strip(item)).toEqual([{ kind: 'mismatched', key: { id: '7' }, columns: ['note'] }]);
      expect(result.notes.join()).toMatch(/Only rows of one tenant/);
      expect(await at.verify('--mode', mode, '--namespaces', 'ns1,ns2')).toMatchObject({ verdict: 'match' });
    }
    await at.target.client.query(`UPDATE item SET note = 'note ' || id::text WHERE id IN (7, 8)`);
  });

  test('a sample is the same rows every time and on both sides, and says that it is one', async () => {
    await at.target.client.query(`UPDATE item SET note = 'changed' WHERE id > 4000`);
    const [digest, rows] = [
      await at.verify('--sample', '10%', '--tables', 'item', '--max-discrepancies', '1000'),
      await verify('--sample', '10%', '--tables', 'item', '--max-discrepancies', '1000'),
    ];
    const count = Number(digest.tables[0].source.rows);
    expect(count).toBeGreaterThan(350);
    expect(count).toBeLessThan(650);
    expect(digest).toMatchObject({ sampled: true, verdict: 'mismatch' });
    expect(digest.tables[0].target.rows).toBe(String(count));
    expect(strip(rows.tables[0]).sort(byKey)).toEqual(strip(digest.tables[0]).sort(byKey));
    await at.target.client.query(`UPDATE item SET note = 'note ' || id::text WHERE id > 4000`);
    const match = await runMigrate(['verify', ...at.sides(), '--sample', '10', '--no-progress'], at);
    expect(match.stdout).toMatch(/the others were not compared/);
  });

  test('many differences are listed up to the limit, and said to be more', async () => {
    await at.target.client.query(`UPDATE item SET note = 'x' WHERE id > 1000 AND id <= 2000`);
    const result = await verify('--max-discrepancies', '10', '--tables', 'item');
    expect(result.tables[0].discrepancies).toHaveLength(10);
    expect(result.tables[0].countComplete).toBe(false);
    const all = await verify('--max-discrepancies', '5000', '--tables', 'item');
    expect(all.tables[0]).toMatchObject({ discrepancyCount: 1000, countComplete: true });
    await at.target.client.query(`UPDATE item SET note = 'note ' || id::text WHERE id > 1000 AND id <= 2000`);
  });

  test.each(['digest', 'rows'])('what did not change is not measured again in %s mode', async (mode) => {
    const log = async (...args: string[]): Promise<string> => {
      const { stderr } = await runMigrate(
        ['verify', ...at.sides(), '--mode', mode, '--json', '--no-progress', ...args],
        at,
      );
      return stderr;
    };
    expect(await log()).not.toMatch(/Kept/);
    expect(await log('--resume')).toMatch(/Kept \d+ measurements/);
    // A change behind the file's back is found, however often the rest was kept.
    await at.target.client.query(`UPDATE item SET note = 'changed' WHERE id = 99`);
    const after = await at.verify('--mode', mode, '--resume');
    expect(after).toMatchObject({ verdict: 'mismatch' });
    expect(after.tables.flatMap(strip)).toEqual([
      { kind: 'mismatched', key: { id: '99' }, columns: ['note'] },
    ]);
    await at.target.client.query(`UPDATE item SET note = 'note 99' WHERE id = 99`);
    expect(await at.verify('--mode', mode, '--resume')).toMatchObject({ verdict: 'match' });
    await at.source.client.query('BEGIN');
    await at.source.client.query('DELETE FROM item WHERE id = 5');
    await at.source.client.query('COMMIT');
    const deleted = await at.verify('--mode', mode, '--resume', '--tables', 'item');
    expect(strip(deleted.tables[0])).toEqual([{ kind: 'extra', key: { id: '5' } }]);
    await at.source.client.query(
      `INSERT INTO item SELECT 5, 'ns5', 'note 5', 5 / 4.0, 5 / 3.0, 5 / 7.0, make_interval(mins => 5),
         jsonb_build_object('n', 5), decode(md5('5'), 'hex'), 'c5', 'ok', '{ok,bad}',
         timestamptz '2024-01-01 00:00:00+00' + make_interval(hours => 5), 5`,
    );
    expect(await at.verify('--mode', mode, '--resume')).toMatchObject({ verdict: 'match' });
  });
}

describeCitus('rows against Citus', () => rowsSuite(() => freshCluster({ shardCount: 8 })));
describe('rows against a plain PostgreSQL', () => rowsSuite(freshSource));

const PLACED = `
  CREATE TABLE entry (id bigint PRIMARY KEY, namespace text NOT NULL, note text);
  INSERT INTO entry SELECT g, 'ns' || g % 40, 'note ' || g FROM generate_series(1, 4000) g;
  CREATE TABLE kind (id int PRIMARY KEY, label text);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 20) g;
`;

/** The shards of a table with the worker on which each copy lies. */
async function placements(cluster: FreshCluster, table: string) {
  const { rows } = await cluster.client.query(
    `SELECT shardid::text, nodeport::int, groupid FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)
     JOIN pg_dist_node USING (groupid) WHERE logicalrelid = $1::regclass AND groupid > 0 ORDER BY shardid, groupid`,
    [table],
  );
  return rows.map((row) => ({
    shardId: row.shardid as string,
    groupId: row.groupid as number,
    url: cluster.workerUrls.find((url) => Number(new URL(url).port) === row.nodeport)!,
  }));
}

describeCitus('several copies of a shard', () => {
  const at = fixture(() => freshCluster({ shardCount: 4, replicationFactor: 2 }), PLACED);
  beforeAll(() => at.prepare());

  test.each(['digest', 'rows'])('one placement tampered with is divergent in %s mode', async (mode) => {
    expect(await at.verify('--mode', mode)).toMatchObject({ verdict: 'match' });
    const copies = await placements(at.target, 'entry');
    const first = copies[0]!;
    const second = copies.find((each) => each.shardId === first.shardId && each.url !== first.url)!;
    const worker = await connectTo(second.url);
    const { rows } = await worker.query(
      `UPDATE entry_${second.shardId} SET note = note || '!' WHERE id = (SELECT min(id) FROM entry_${second.shardId}) RETURNING id`,
    );
    const result = await at.verify('--mode', mode);
    expect(result).toMatchObject({ exit: 1, verdict: 'mismatch' });
    const entry = result.tables.find((table: Document) => table.table === 'entry');
    expect(entry.discrepancies).toMatchObject([{ kind: 'divergent', key: null, shardId: second.shardId }]);
    expect(entry.discrepancies[0].node).toContain(new URL(second.url).port);
    const repaired = await at.verify('--mode', mode, '--repair', 'apply', '--yes');
    expect(repaired).toMatchObject({ exit: 0, verdict: 'match', repair: { applied: 1, refused: [] } });
    const { rows: mended } = await worker.query(`SELECT note FROM entry_${second.shardId} WHERE id = $1`, [
      rows[0].id,
    ]);
    expect(mended[0].note).toBe(`note ${rows[0].id}`);
  });

  test('one copy of a reference table tampered with is divergent', async () => {
    const copies = await placements(at.target, 'kind');
    const tampered = copies.at(-1)!;
    const worker = await connectTo(tampered.url);
    await worker.query(`UPDATE kind_${tampered.shardId} SET label = 'other' WHERE id = 3`);
    const result = await at.verify();
    expect(result.tables.flatMap((table: Document) => table.discrepancies)).toMatchObject([
      { kind: 'divergent', key: null, shardId: tampered.shardId },
    ]);
    expect(await at.verify('--repair', 'apply', '--yes')).toMatchObject({ exit: 0, verdict: 'match' });
    const { rows } = await worker.query(`SELECT label FROM kind_${tampered.shardId} WHERE id = 3`);
    expect(rows).toEqual([{ label: 'kind 3' }]);
  });
});

describeCitus('no false alarm', () => {
  const at = fixture(() => freshCluster({ shardCount: 4 }), PLACED);
  beforeAll(() => at.prepare());
  const matches = async (): Promise<void> => {
    for (const mode of ['digest', 'rows']) {
      expect(await at.verify('--mode', mode)).toMatchObject({ exit: 0, verdict: 'match' });
    }
    expect(await at.verify('--resume')).toMatchObject({ exit: 0, verdict: 'match' });
  };

  test('after a shard was moved', async () => {
    await at.verify();
    const [shard] = await placements(at.target, 'entry');
    const { rows } = await at.target.client.query(
      `SELECT f.nodename AS from_host, f.nodeport AS from_port, t.nodename AS to_host, t.nodeport AS to_port
       FROM pg_dist_node f, pg_dist_node t WHERE f.groupid = $1 AND t.groupid > 0 AND t.groupid <> $1`,
      [shard!.groupId],
    );
    const [way] = rows;
    await at.target.client.query(`SELECT citus_move_shard_placement($1, $2, $3, $4, $5, 'block_writes')`, [
      shard!.shardId,
      way.from_host,
      way.from_port,
      way.to_host,
      way.to_port,
    ]);
    await matches();
  });

  test('after a shard was split', async () => {
    const copies = await placements(at.target, 'entry');
    const { rows } = await at.target.client.query(
      `SELECT shardid::text, ((shardminvalue::bigint + shardmaxvalue::bigint) / 2)::text AS middle
       FROM pg_dist_shard WHERE logicalrelid = 'entry'::regclass ORDER BY shardid LIMIT 1`,
    );
    const { groupId } = copies.find((each) => each.shardId === rows[0].shardid)!;
    const { rows: node } = await at.target.client.query(
      'SELECT nodeid FROM pg_dist_node WHERE groupid = $1',
      [groupId],
    );
    await at.target.client.query(
      `SELECT citus_split_shard_by_split_points($1, ARRAY[$2], ARRAY[$3, $3]::int[], 'block_writes')`,
      [rows[0].shardid, rows[0].middle, node[0].nodeid],
    );
    await matches();
    const result = await at.verify('--tables', 'entry');
    expect(result.tables[0].shards).toHaveLength(5);
  });

  test('after VACUUM FULL on both sides, and with columns in another order', async () => {
    for (const side of [at.source, at.target]) {
      await side.client.query('VACUUM FULL entry');
      await side.client.query('VACUUM FULL kind');
    }
    await matches();
    await at.source.client.query(
      `ALTER TABLE entry ADD COLUMN again text; UPDATE entry SET again = note;
       ALTER TABLE entry DROP COLUMN note; ALTER TABLE entry RENAME COLUMN again TO note`,
    );
    await matches();
  });

  test('with odd settings on the workers', async () => {
    for (const url of at.target.workerUrls) {
      const worker = await connectTo(url);
      const { rows } = await worker.query('SELECT current_user AS name');
      await worker.query(`SET citus.enable_ddl_propagation = off`);
      for (const setting of [
        `DateStyle = 'German'`,
        `TimeZone = 'Asia/Tokyo'`,
        'extra_float_digits = 0',
        `bytea_output = 'escape'`,
      ]) {
        await worker.query(
          `ALTER ROLE ${rows[0].name} IN DATABASE ${new URL(url).pathname.slice(1)} SET ${setting}`,
        );
      }
    }
    await matches();
  });
});
