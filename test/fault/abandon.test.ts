import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, findPostgres, startCluster } from '../../src/demo/servers/index.js';
import { connectTo, describeCitus, type FreshDatabase, freshSource } from '../support/databases.js';
import { type Document, freshFolder, runJson } from '../support/migrate.js';

const SCHEMA = `
  CREATE TABLE kind (id int PRIMARY KEY, label text NOT NULL);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 5) g;
  CREATE TABLE doc (
    id serial PRIMARY KEY, namespace text NOT NULL, key text NOT NULL, note text, UNIQUE (namespace, key));
  INSERT INTO doc (namespace, key, note) SELECT 'ns' || g % 12, 'key ' || g, 'old' FROM generate_series(1, 240) g;
  CREATE TABLE page (id int PRIMARY KEY, namespace text NOT NULL);
  INSERT INTO page SELECT g, 'ns' || g % 12 FROM generate_series(1, 24) g;
  ANALYZE;
`;
const ACCEPT = ['--accept', 'disk,backup,reverse-capture,ids-fit', '--reason', 'throw-away servers'];

describeCitus('a cluster that is gone while changes have not come back', () => {
  let source: FreshDatabase;
  let cluster: Cluster;
  const cwd = freshFolder();
  const nodes = () => [cluster.coordinator, ...cluster.workers];
  const nameOf = (node: { host: string; port: number }) => `${node.host}:${node.port}`;
  const migrate = (line: string, ...more: string[]): Promise<Document> =>
    runJson([...line.split(' '), '--source', source.url, '--target', cluster.url(), ...more], { cwd });
  const abandon = async (): Promise<Document> => migrate('rollback --abandon -y');

  beforeAll(async () => {
    source = await freshSource();
    await source.client.query(SCHEMA);
    cluster = await startCluster({ install: await findPostgres(), shardCount: 4 });
    for (const line of ['plan', 'shim install', 'copy', 'verify --live'])
      expect(await migrate(line)).toMatchObject({ exit: 0 });
    expect(await migrate('cutover', ...ACCEPT)).toMatchObject({ exit: 0, moved: true });
  });
  afterAll(() => cluster?.stop());

  /** The lines of the file that tell keys, without when. */
  const listed = (): Document[] =>
    readFileSync(join(cwd, 'migrate.not-back.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  const keys = (lines: readonly Document[]): string[] =>
    lines
      .filter((line) => line.unknown === undefined)
      .map(
        ({ table, key }) =>
          `${table} ${key === undefined ? 'TRUNCATE' : `${key.namespace ?? '-'} ${key.id}`}`,
      )
      .sort();

  /** What a node has logged and was not told to be back, read without the product. */
  async function logged(url: string): Promise<string[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const { rows: tables } = await client.query(
        'SELECT id, table_name, tracked, (SELECT drained::text FROM citus_migrate.capture) AS drained FROM citus_migrate.captured',
      );
      const found = new Set<string>();
      for (const { id, table_name, tracked, drained } of tables) {
        const name = table_name.replace(/^.*\./, '').replaceAll('"', '');
        for (const segment of [1, 2]) {
          const { rows } = await client.query(
            `SELECT to_jsonb(l) AS entry FROM citus_migrate.log_${id}_${segment} l
             WHERE NOT pg_visible_in_snapshot(l.xid, '${drained}'::pg_snapshot)`,
          );
          for (const { entry } of rows) {
            const columns: string[][] = tracked.map((_: string, at: number) =>
              entry.a1 === null ? [entry[`k${at + 1}`]] : entry[`a${at + 1}`],
            );
            for (const at of columns[0]!.keys()) {
              const value = (column: string) => {
                const index = tracked.indexOf(column);
                return index < 0 ? '-' : columns[index]![at];
              };
              found.add(`${name} ${value('namespace')} ${value('id')}`);
            }
          }
        }
        const { rows: emptied } = await client.query(
          `SELECT FROM citus_migrate.truncation WHERE table_id = ${id} AND NOT pg_visible_in_snapshot(xid, '${drained}')`,
        );
        if (emptied.length > 0) found.add(`${name} TRUNCATE`);
      }
      return [...found];
    } finally {
      await client.end();
    }
  }

  test('is opened around at once; what had not come back is told to the key, as soon as each node answers', async () => {
    const writer = new pg.Client({ connectionString: cluster.url() });
    writer.on('error', () => {});
    await writer.connect();
    // Brought back: the list must not name these.
    await writer.query(`INSERT INTO doc (namespace, key) VALUES ('ns1', 'came back'), ('ns2', 'came back')`);
    await writer.query(`UPDATE kind SET label = 'came back' WHERE id = 1`);
    expect(await migrate('sync --until-drained')).toMatchObject({ exit: 0, drained: true });
    const { rows: inserted } = await writer.query(
      `INSERT INTO doc (namespace, key, note) SELECT 'ns' || g % 12, 'lost ' || g, 'lost' FROM generate_series(1, 130) g RETURNING id, namespace`,
    );
    await writer.query(`UPDATE doc SET note = 'lost' WHERE namespace = 'ns3' AND id IN (3, 15)`);
    await writer.query(`UPDATE doc SET id = 5000 WHERE namespace = 'ns4' AND id = 4`);
    await writer.query(`DELETE FROM doc WHERE namespace = 'ns5' AND id = 5`);
    await writer.query(`UPDATE kind SET label = 'lost' WHERE id = 2`);
    await writer.query('TRUNCATE page');
    const lost = [
      ...inserted.map(({ id, namespace }) => `doc ${namespace} ${id}`),
      ...['doc ns3 3', 'doc ns3 15', 'doc ns4 4', 'doc ns4 5000', 'doc ns5 5', 'kind - 2', 'page TRUNCATE'],
    ].sort();
    expect((await abandon()).error).toMatchObject({ code: 'CLUSTER_ANSWERS' });

    await Promise.all(nodes().map((node) => node.halt('immediate')));
    const alone = await abandon();
    expect(alone).toMatchObject({ exit: 0, phase: 'failed', abandoned: { units: 101, closed: false } });
    expect(alone.abandoned.nodes.map((each: Document) => [each.node, each.changes]).sort()).toEqual(
      nodes()
        .map((node) => [nameOf(node), null])
        .sort(),
    );
    expect(alone.abandoned.lastKnownAt).toEqual(expect.any(String));
    expect(listed().map(({ node, unknown }) => [node, typeof unknown])).toEqual(
      alone.abandoned.nodes.map(({ node }: Document) => [node, 'string']),
    );
    // The single node works on: it gives out no id that has come back.
    const { rows: next } = await source.client.query(
      `INSERT INTO doc (namespace, key) VALUES ('ns1', 'behind') RETURNING id > (SELECT max(id) FROM doc) AS fresh`,
    );
    expect(next).toEqual([{ fresh: true }]);
    expect((await source.client.query(`SELECT FROM doc WHERE note = 'lost' OR id = 5000`)).rowCount).toBe(0);

    await Promise.all(cluster.workers.map((node) => node.resume()));
    const half = await abandon();
    expect(half).toMatchObject({ exit: 4, abandoned: { units: 0, closed: false } });
    const docs = lost.filter((one) => one.startsWith('doc'));
    expect(keys(listed()).filter((one) => one.startsWith('doc'))).toEqual(docs);

    await cluster.coordinator.resume();
    const whole = await abandon();
    expect(whole).toMatchObject({ exit: 0, abandoned: { units: 0, closed: true } });
    expect(keys(listed())).toEqual(lost);
    const urls = [
      cluster.url(),
      ...cluster.workers.map((node) => node.url(new URL(cluster.url()).pathname.slice(1))),
    ];
    // Rows of reference tables lie on every node, and are logged there.
    const everywhere = new Set((await Promise.all(urls.map(logged))).flat());
    expect([...everywhere].sort()).toEqual(lost);
    expect(whole.abandoned.nodes.reduce((sum: number, { changes }: Document) => sum + changes, 0)).toBe(
      lost.length,
    );
    // Closed, on every node.
    for (const url of urls) {
      const client = await connectTo(url);
      await expect(
        client.query(`UPDATE doc SET note = 'late' WHERE namespace = 'ns1'`),
      ).rejects.toMatchObject({
        code: 'CM001',
      });
    }
    for (const line of ['sync --until-drained', 'rollback'])
      expect(await migrate(line)).toMatchObject({ exit: 2, error: { code: 'PHASE_REFUSED' } });
    // The record on the source has numbers, and no keys.
    const { rows: evidence } = await source.client.query(
      `SELECT detail FROM citus_migrate.evidence WHERE kind IN ('abandoned', 'not-back') ORDER BY id`,
    );
    expect(evidence.length).toBe(4);
    expect(JSON.stringify(evidence)).not.toContain('ns3');
  });

  test('is left behind by finish, with and without it', async () => {
    await cluster.coordinator.halt('immediate');
    expect(await migrate('finish -y')).toMatchObject({
      exit: 0,
      phase: 'completed',
      writes: 'source',
      targetCleared: false,
    });
    const { rows } = await source.client.query(
      `SELECT (SELECT count(*)::int FROM pg_namespace WHERE nspname = 'citus_migrate') AS schemas,
              (SELECT count(*)::int FROM pg_trigger WHERE tgname LIKE 'citus\\_migrate%') AS triggers`,
    );
    expect(rows).toEqual([{ schemas: 0, triggers: 0 }]);
  });
});
