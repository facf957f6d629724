import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Document, freshFolder, runJson } from '../support/migrate.js';
import { contentsOf, shapesOf } from '../support/same-rows.js';

const SCHEMA = `
  CREATE SCHEMA mine;
  CREATE TYPE mine.kind AS ENUM ('a', 'b');
  CREATE DOMAIN mine.name AS text;
  CREATE DOMAIN mine.relation AS regclass;
  CREATE TYPE mine.place AS (t regtype, note text);
  CREATE COLLATION mine.german (provider = icu, locale = 'de');
  CREATE SEQUENCE mine.free;
  CREATE FUNCTION mine.one() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
  CREATE PROCEDURE mine.nothing() LANGUAGE sql AS 'SELECT 1';
  CREATE TABLE customers (id int PRIMARY KEY, note text);
  CREATE TABLE mine.orders (
    namespace text NOT NULL, id int NOT NULL, kind mine.kind, name mine.name, num int DEFAULT mine.one(),
    customer int REFERENCES customers,
    note text, long text, PRIMARY KEY (namespace, id)
  ) WITH (fillfactor = 70, toast.autovacuum_enabled = false);
  ALTER TABLE mine.orders ALTER COLUMN note SET STORAGE EXTERNAL;
  ALTER TABLE mine.orders ALTER COLUMN long SET COMPRESSION pglz;
  ALTER TABLE mine.orders ALTER COLUMN kind SET STATISTICS 500;
  ALTER TABLE mine.orders REPLICA IDENTITY FULL;
  ALTER TABLE customers REPLICA IDENTITY NOTHING;
  ALTER DEFAULT PRIVILEGES IN SCHEMA mine GRANT SELECT ON TABLES TO PUBLIC;
  CREATE VIEW mine.open AS SELECT namespace, id, mine.one() AS n FROM mine.orders;
  CREATE MATERIALIZED VIEW mine.sums AS SELECT namespace, count(*) AS n FROM mine.orders GROUP BY 1;
  CREATE VIEW mine.buyers AS SELECT o.namespace, o.id FROM mine.orders o JOIN customers c ON c.id = o.customer;
  CREATE FUNCTION mine.of(c customers) RETURNS int LANGUAGE sql AS 'SELECT c.id';
  CREATE TABLE named (
    namespace text NOT NULL, id int NOT NULL, rel regclass, typ regtype, fun regprocedure, who regrole,
    many regclass[], dom mine.relation, place mine.place, PRIMARY KEY (namespace, id));
  INSERT INTO customers VALUES (1, 'a'), (2, 'b');
  INSERT INTO mine.orders (namespace, id, kind, customer, note) SELECT 'n' || g % 3, g, 'a', 1, 'x' FROM generate_series(1, 9) g;
  INSERT INTO named SELECT 'n' || g % 3, g, 'mine.orders', 'mine.kind', 'mine.one()', 'mig_owner',
    '{customers,mine.orders,NULL}', 'customers', '(mine.name,x)' FROM generate_series(1, 9) g;
  ALTER SCHEMA mine OWNER TO mig_owner;
  ALTER TYPE mine.kind OWNER TO mig_owner;
  ALTER DOMAIN mine.name OWNER TO mig_owner;
  ALTER TYPE mine.place OWNER TO mig_owner;
  ALTER COLLATION mine.german OWNER TO mig_owner;
  ALTER SEQUENCE mine.free OWNER TO mig_owner;
  ALTER FUNCTION mine.one() OWNER TO mig_owner;
  ALTER PROCEDURE mine.nothing() OWNER TO mig_owner;
  ALTER TABLE mine.orders OWNER TO mig_owner;
  ALTER VIEW mine.open OWNER TO mig_owner;
  ALTER MATERIALIZED VIEW mine.sums OWNER TO mig_owner`;

/** Owners of everything in the schema, and of the schema itself. */
const OWNERS = `
  SELECT 'schema' AS what, nspowner::regrole::text AS owner FROM pg_namespace WHERE nspname = 'mine'
  UNION ALL SELECT typname, typowner::regrole::text FROM pg_type WHERE typname IN ('kind', 'name', 'place', 'relation')
  UNION ALL SELECT collname, collowner::regrole::text FROM pg_collation WHERE collname = 'german'
  UNION ALL SELECT proname, proowner::regrole::text FROM pg_proc WHERE pronamespace = 'mine'::regnamespace AND proname = 'one'
  UNION ALL SELECT relname, relowner::regrole::text FROM pg_class
  WHERE relnamespace = 'mine'::regnamespace AND relname IN ('free', 'orders', 'open', 'sums') ORDER BY 1`;

const SETTINGS = `
  SELECT a.attname, a.attstorage, a.attcompression, a.attstattarget, c.relreplident
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  WHERE c.relname ~ '^orders(_[0-9]+)?$' AND c.relkind = 'r' AND a.attname IN ('note', 'long', 'kind')
  GROUP BY 1, 2, 3, 4, 5 ORDER BY 1`;

describeCitus('what belongs to tables', () => {
  let source: FreshDatabase;
  let target: FreshCluster;
  const cwd = freshFolder();
  const run = (...args: string[]): Promise<Document> =>
    runJson([...args, '--source', source.url, '--target', target.url], { cwd });
  const rows = async ({ client }: Pick<FreshDatabase, 'client'>, text: string): Promise<unknown> =>
    (await client.query(text)).rows;

  beforeAll(async () => {
    source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    for (const { client } of [source, target]) {
      await client.query(
        'DO $$ BEGIN CREATE ROLE mig_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$',
      );
    }
    await source.client.query(SCHEMA);
  });
  afterAll(async () => {
    for (const { client } of [source, target]) await client.query('DROP OWNED BY mig_owner CASCADE');
  });

  test('keeps owners, column settings and replica identity, and says what it does not keep', async () => {
    const plan = await run('plan');
    expect(plan.findings.filter((one: Document) => one.severity === 'blocker')).toEqual([]);
    const said = plan.findings.map((one: Document) => `${one.code} ${one.message}`).join('\n');
    expect(said).toMatch(/OTHER_OBJECT .*default privileges of \w+ on tables in schema mine/);
    expect(said).toMatch(/STORAGE_LOST .*mine\.orders.*toast\.autovacuum_enabled/);
    expect(said).toMatch(/REPLICA_IDENTITY .*customers/);
    expect(await run('copy')).toMatchObject({ exit: 0 });
    expect(await rows(target, OWNERS)).toEqual(await rows(source, OWNERS));
    const settings = await rows(source, SETTINGS);
    expect(settings).toHaveLength(3);
    expect(await rows(target, SETTINGS)).toEqual(settings);
    for (const url of target.workerUrls) {
      const client = await connectTo(url);
      await client.query('SET citus.override_table_visibility = off');
      expect(await rows({ client }, SETTINGS), url).toEqual(settings);
    }
  });

  test('brings names of objects as names, and sees where another one is named', async () => {
    const shapes = (await shapesOf(source.client)).filter((shape) => JSON.stringify(shape).includes('named'));
    expect(await contentsOf(target.url, shapes)).toEqual(await contentsOf(source.url, shapes));
    expect(await run('verify')).toMatchObject({ exit: 0, verdict: 'match' });
    await target.client.query("UPDATE named SET rel = 'customers' WHERE namespace = 'n1' AND id = 4");
    await target.client.query("UPDATE named SET many = '{named}' WHERE namespace = 'n1' AND id = 1");
    const found = await run('verify', '--tables', 'named');
    expect(found).toMatchObject({ exit: 1, verdict: 'mismatch', tables: [{ discrepancyCount: 2 }] });
  });

  test('comes back into an empty node from a plan of chosen tables, without what needs others', async () => {
    const back = await freshSource();
    const there = ['--plan', 'part.json', '--target', target.url];
    const plan = await runJson(['plan', '--exclude', 'customers', '--source', source.url, ...there], { cwd });
    expect(plan.findings.find((one: Document) => one.code === 'WAY_BACK_PARTIAL').message).toMatch(
      /orders_customer_fkey of mine\.orders.*view mine\.buyers.*function mine\.of/,
    );
    const made = await runJson(['schema', '--reverse', '--source', back.url, ...there], { cwd });
    expect(made).toMatchObject({ exit: 0 });
    expect(made.created).toEqual(expect.arrayContaining(['view mine.open', 'table mine.orders']));
    expect(await rows(back, OWNERS)).toEqual(await rows(source, OWNERS));
    await back.client.query('DROP OWNED BY mig_owner CASCADE');
  });
});
