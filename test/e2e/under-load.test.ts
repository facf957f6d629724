import { beforeAll, describe, expect, inject, test } from 'vitest';
import { type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import { type Document, freshFolder, runJson, runMigrate } from '../support/migrate.js';
import { findPgbench, Pgbench } from '../support/pgbench.js';
import { contentsOf, shapesOf } from '../support/same-rows.js';

const ROWS = 20_000;
const SCHEMA = `
  CREATE TABLE owner (id int PRIMARY KEY, namespace varchar(60) NOT NULL, name text NOT NULL);
  CREATE TABLE entry (
    id serial PRIMARY KEY, namespace varchar(60) NOT NULL, key varchar(60) NOT NULL, n int NOT NULL DEFAULT 0,
    at timestamptz NOT NULL DEFAULT now(), UNIQUE (namespace, key)
  );
  CREATE TABLE note (id bigserial PRIMARY KEY, owner_id int NOT NULL REFERENCES owner ON DELETE CASCADE, text text);
  CREATE TABLE label (code int PRIMARY KEY, text text NOT NULL);
  INSERT INTO owner SELECT g, 'team-' || g % 40, 'owner ' || g FROM generate_series(1, 400) g;
  INSERT INTO entry (namespace, key) SELECT 'team-' || g % 40, 'key-' || g FROM generate_series(1, ${ROWS}) g;
  INSERT INTO note (owner_id, text) SELECT 1 + g % 400, repeat(md5(g::text), 3) FROM generate_series(1, ${ROWS / 2}) g;
  INSERT INTO label SELECT g, 'label ' || g FROM generate_series(1, 20) g;
  ANALYZE;
`;

/** What an application does in single statements: none waits for two rows, so no client is ended by a deadlock. */
const WRITES = `
\\set id random(1, ${ROWS})
\\set owner random(1, 400)
\\set team random(0, 39)
\\set code random(1, 20)
UPDATE entry SET n = n + 1, at = now() WHERE id = :id;
INSERT INTO entry (namespace, key) VALUES ('team-' || :team, 'new-' || :id) ON CONFLICT (namespace, key) DO UPDATE SET n = entry.n + 1;
DELETE FROM entry WHERE id = :id - 1 AND :id % 7 = 0;
UPDATE owner SET namespace = 'team-' || :team WHERE id = :owner AND :id % 5 = 0;
INSERT INTO note (owner_id, text) VALUES (:owner, 'written ' || :id);
UPDATE label SET text = 'label ' || :id WHERE code = :code;
`;

const pgbench = findPgbench();

describe.skipIf(pgbench === undefined)('four clients of pgbench that write all the time', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  let sides: string[];
  let cwd: string;
  beforeAll(async () => {
    source = await freshSource();
    target = inject('citus') ? await freshCluster({ shardCount: 8 }) : await freshSource();
    await source.client.query(SCHEMA);
    cwd = freshFolder();
    sides = ['--source', source.url, '--target', target.url];
  });

  const migrate = (line: string): Promise<Document> => runJson([...line.split(' '), ...sides], { cwd });

  /** Runs `sync` until it says that it has brought changes over, and stops it as Ctrl-C does. */
  async function syncForAWhile(): Promise<number | null> {
    const { code } = await runMigrate(['sync', '--no-progress', ...sides], {
      cwd,
      started: (child) => {
        let said = '';
        child.stderr?.on('data', (data) => {
          said += data;
          if (/Brought [\d,]+ change/.test(said)) child.kill('SIGINT');
        });
      },
    });
    return code;
  }

  test('lose nothing through copy and sync, and verify --live finds no difference', async () => {
    expect(await migrate('plan')).toMatchObject({ exit: 0 });
    const written = Pgbench.start(pgbench!, source.url, WRITES, cwd);
    try {
      expect(await migrate('shim install')).toMatchObject({ exit: 0 });
      expect(await migrate('copy --chunk-bytes 256kB')).toMatchObject({ exit: 0 });
      expect(await syncForAWhile()).toBe(130);
      for (let round = 0; round < 2; round += 1) {
        const { verdict, tables } = await migrate('verify --live');
        const different = tables.filter((table: Document) => table.verdict !== 'match');
        expect({ verdict, different }).toEqual({ verdict: 'match', different: [] });
      }
    } finally {
      await written.stop();
    }
    const shapes = await shapesOf(source.client);
    const expected = await contentsOf(source.url, shapes);
    // They did write after the last comparison: without the rest of the changes the sides differ.
    expect(await contentsOf(target.url, shapes)).not.toEqual(expected);
    expect(await migrate('sync --until-drained')).toMatchObject({ exit: 0, lag: { changes: 0 } });
    expect(await contentsOf(target.url, shapes)).toEqual(expected);
    expect(expected['public.note']!.rows).toBeGreaterThan(ROWS / 2 + 100);
  });
});
