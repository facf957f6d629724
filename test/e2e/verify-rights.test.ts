import { beforeAll, expect, test } from 'vitest';
import { describeCitus, type FreshCluster, freshCluster } from '../support/databases.js';
import { type Document, runJson } from '../support/migrate.js';
import { type Moved, moved } from '../support/moved.js';
import { shardsOf, withShard } from '../support/shards.js';

const ROLE = 'mig_mender';
const SCHEMA = `
  CREATE TABLE entry (id bigint PRIMARY KEY, namespace text NOT NULL, note text);
  INSERT INTO entry SELECT g, 'ns' || g % 40, 'note ' || g FROM generate_series(1, 2000) g;
  CREATE TABLE loose (namespace text NOT NULL, what text);
  INSERT INTO loose SELECT 'ns' || g % 5, 'w' || g FROM generate_series(1, 100) g;
  CREATE TABLE kind (id int PRIMARY KEY, label text);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 20) g;
`;

describeCitus('verify and repair as an ordinary role', () => {
  let at: Moved<FreshCluster>;
  const as = (url: string): string => Object.assign(new URL(url), { username: ROLE }).href;
  const verify = (...args: string[]): Promise<Document> =>
    runJson(['verify', '--source', as(at.source.url), '--target', as(at.target.url), ...args], at);
  const grant = (rights: string) =>
    at.target.client.query(`GRANT ${rights} ON entry, loose, kind TO ${ROLE}`);

  beforeAll(async () => {
    at = await moved(
      () => freshCluster({ shardCount: 4 }),
      ({ client }) => client.query(SCHEMA),
    );
    for (const { client } of [at.source, at.target]) {
      await client.query(
        `DO $$ BEGIN CREATE ROLE ${ROLE} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
      );
    }
    await at.source.client.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${ROLE}`);
    await grant('SELECT');
    return async () => {
      await at.target.client.query(`REVOKE ALL ON entry, loose, kind FROM ${ROLE}`);
      await at.source.client.query(`DROP OWNED BY ${ROLE}`);
    };
  });

  test('reading alone is not enough for a cluster, and what is missing is named', async () => {
    const { exit, error } = await verify();
    expect({ exit, code: error.code }).toEqual({ exit: 2, code: 'RIGHTS_MISSING' });
    expect(error.message).toMatch(/mig_mender .* may read, but not lock: entry, kind, loose/);
    expect(error.hint).toContain(`GRANT UPDATE ON public.entry, public.kind, public.loose TO mig_mender`);
  });

  test('with the hinted right it compares', async () => {
    await grant('UPDATE');
    // The grant is no part of the plan, and is the one thing that is said.
    const result = await verify();
    expect(result.tables.map((table: Document) => table.verdict)).toEqual(['match', 'match', 'match']);
  });

  test('with the rights to write it repairs, and its own grants are all that still differs', async () => {
    await grant('INSERT, DELETE');
    const { client } = at.target;
    await client.query(`UPDATE entry SET note = 'changed' WHERE id IN (5, 6)`);
    await client.query('DELETE FROM entry WHERE id = 7');
    await client.query(`INSERT INTO entry VALUES (9001, 'ns1', 'extra')`);
    await client.query(`UPDATE kind SET label = 'other' WHERE id = 3`);
    const planned = await verify('--repair', 'plan', '--repair-file', 'mend.sql');
    expect(planned).toMatchObject({ exit: 1, repair: { rows: 5, refused: [] } });
    const applied = await verify('--repair', 'apply', '--yes');
    expect(applied.repair).toMatchObject({ applied: 5, refused: [] });
    expect(applied.tables.map((table: Document) => table.verdict)).toEqual(['match', 'match', 'match']);
    expect(await at.compare({ only: ['entry', 'kind', 'loose'] })).toMatchObject({
      tables: [{ verdict: 'match' }, { verdict: 'match' }, { verdict: 'match' }],
    });
  });

  test('rows on a shard itself need its owner: what is missing is said, and nothing is changed', async () => {
    const shard = (await shardsOf(at.target, 'loose'))[0]!;
    await withShard(shard, (client, relation) =>
      client.query(`INSERT INTO ${relation} SELECT namespace, 'more' FROM ${relation} LIMIT 1`),
    );
    const result = await verify('--repair', 'apply', '--yes');
    expect(result).toMatchObject({ exit: 2, error: { code: 'RIGHTS_MISSING' } });
    const { rows } = await at.target.client.query(`SELECT count(*)::int AS n FROM loose WHERE what = 'more'`);
    expect(rows).toEqual([{ n: 1 }]);
    await at.target.client.query(`DELETE FROM loose WHERE what = 'more'`);
  });
});
