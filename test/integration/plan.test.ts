import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Log } from '../../src/core/context.js';
import type { Queryable } from '../../src/core/queryable.js';
import { applyFixture, type FixtureName, fixturePath } from '../../src/demo/fixtures.js';
import { withSession } from '../../src/demo/servers/index.js';
import { type BuiltPlan, buildPlan } from '../../src/plan/build.js';
import { readCatalog } from '../../src/plan/catalog.js';
import { originalDdl, targetDdl } from '../../src/plan/ddl.js';
import type { PlanConfig } from '../../src/plan/options.js';
import type { Ddl } from '../../src/plan/statement.js';
import { targetCatalog } from '../../src/plan/target-catalog.js';
import { describeCitus, type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Its own few lines instead of the product's session: what a plan needs is one statement in, its rows out. */
const queryable = (client: pg.Client): Queryable => ({
  async query<T extends object>(text: string): Promise<T[]> {
    const result: unknown = await client.query(text);
    return (Array.isArray(result) ? result.at(-1) : result).rows as T[];
  },
});

/** `mixed`: what neither fixture has: look-ups, exclusion constraints, domains over domains, comments, statistics. */
type SourceName = FixtureName | 'mixed';

async function source(name: SourceName): Promise<FreshDatabase> {
  const database = await freshSource();
  if (name === 'mixed') {
    const { rows } = await database.client.query(
      `SELECT count(*)::int AS n FROM pg_available_extensions WHERE name IN ('pg_trgm', 'btree_gist')`,
    );
    const text = readFileSync('test/support/plan-schema.sql', 'utf8');
    await database.client.query(rows[0].n === 2 ? text : withoutExtensions(text));
  } else {
    await withSession(database.url, (session) => applyFixture(session, name, { rows: 400 }));
  }
  return database;
}

const withoutExtensions = (text: string): string =>
  text
    .replace(/CREATE EXTENSION.*\n/g, '')
    .replace(/CREATE INDEX accounts_name_trgm.*\n/, '')
    .replace(/,\n.*EXCLUDE USING gist.*\n/, '\n');

function configOf(name: SourceName): PlanConfig {
  if (name === 'mixed') return {};
  const config = parse(readFileSync(fixturePath(name, 'migrate.config.yaml'), 'utf8')) as PlanConfig;
  return { ...config, distributionColumn: [config.distributionColumn ?? 'namespace'].flat() };
}

const build = (from: FreshDatabase, config: PlanConfig, to?: FreshDatabase): Promise<BuiltPlan> =>
  buildPlan({
    source: queryable(from.client),
    ...(to ? { target: queryable(to.client) } : {}),
    config,
    signal: new AbortController().signal,
    log: silent,
  });

/** Runs what is not there yet and returns what was run. */
async function apply({ client }: FreshDatabase, { beforeData, afterData }: Ddl): Promise<string[]> {
  await client.query('SET search_path = pg_catalog; SET client_min_messages = error');
  const ran: string[] = [];
  for (const { sql, exists, about, kind } of [...beforeData, ...afterData]) {
    if (exists !== undefined) {
      const { rows } = await client.query<{ done: boolean }>(`SELECT (${exists}) AS done`);
      if (rows[0]!.done) continue;
    }
    await client.query(sql).catch((cause: unknown) => {
      throw new Error(`${about}: ${String(cause)}\n${sql}`, { cause });
    });
    // Granting is its own repetition.
    if (kind !== 'grant') ran.push(about);
  }
  return ran;
}

interface Expected {
  tables: Record<string, { placement: string; column?: string; via?: string[] }>;
  foreignKeys: Record<string, string>;
}

describe.each(['memory-mesh', 'type-zoo', 'mixed'] as const)('%s', (name) => {
  let from: FreshDatabase;
  let built: BuiltPlan;
  beforeAll(async () => {
    from = await source(name);
    built = await build(from, configOf(name));
  });

  it('can be moved: there is no blocker', () => {
    expect(built.plan.findings.filter((one) => one.severity === 'blocker')).toEqual([]);
  });

  it('is planned the same every time', async () => {
    expect((await build(from, configOf(name))).plan).toEqual(built.plan);
  });

  it('is rebuilt as it was on an empty single node, once', async () => {
    const back = await freshSource();
    expect((await apply(back, originalDdl(built.plan))).length).toBeGreaterThan(10);
    expect(await apply(back, originalDdl(built.plan))).toEqual([]);
    const rebuilt = await readCatalog(queryable(back.client));
    const { extensions, ...rest } = rebuilt;
    const { extensions: original, ...wanted } = await readCatalog(queryable(from.client));
    expect(rest).toEqual(wanted);
    expect(extensions).toEqual(expect.arrayContaining([...original]));
  });

  it('becomes on a plain PostgreSQL exactly what the plan says', async () => {
    const target = await freshSource();
    await apply(target, targetDdl(built.plan, { citus: false }));
    const made = await readCatalog(queryable(target.client));
    const planned = targetCatalog(built.plan);
    const shape = ({ tables, views, sequences }: typeof made) => ({
      tables: tables.map((table) => ({
        name: table.name,
        columns: table.columns.map(({ name: column, type, notNull }) => ({ column, type, notNull })),
        constraints: table.constraints.map((one) => `${one.name} ${one.definition}`),
        indexes: table.indexes.map((one) => `${one.name} ${one.tail}`),
        policies: table.policies,
      })),
      views: views.map((one) => one.name),
      sequences,
    });
    expect(shape(made)).toEqual(shape(planned));
  });

  if (name !== 'mixed') {
    it('is placed as the fixture expects', () => {
      const expected = JSON.parse(readFileSync(fixturePath(name, 'expect.json'), 'utf8')) as Expected;
      const roots = built.plan.tables.filter(({ table }) => table in expected.tables);
      expect(
        Object.fromEntries(
          roots.map(({ table, placement }) => [
            table,
            placement.kind === 'distributed'
              ? {
                  placement: 'distributed',
                  column: placement.column,
                  via: placement.via.map((one) => one.constraint),
                }
              : { placement: placement.kind },
          ]),
        ),
      ).toEqual(
        Object.fromEntries(
          Object.entries(expected.tables).map(([table, { placement, column, via }]) => [
            table,
            placement === 'distributed' ? { placement, column, via } : { placement },
          ]),
        ),
      );
      expect(
        Object.fromEntries(built.plan.foreignKeys.map((one) => [`${one.table}.${one.constraint}`, one.fate])),
      ).toEqual(expected.foreignKeys);
    });
  }
});

describeCitus('on Citus', () => {
  it.each(['memory-mesh', 'type-zoo', 'mixed'] as const)(
    'every statement for %s runs, and a second run does nothing',
    async (name) => {
      const [from, cluster] = [await source(name), await freshCluster()];
      const { plan, report } = await build(from, configOf(name), cluster);
      expect((await apply(cluster, targetDdl(plan, { citus: true }))).length).toBeGreaterThan(10);
      expect(await apply(cluster, targetDdl(plan, { citus: true }))).toEqual([]);
      expect(report.connections).toMatchObject({ available: expect.any(Number) });
      const { rows } = await cluster.client.query<{ name: string; method: string }>(
        `SELECT n.nspname || '.' || c.relname AS name, p.partmethod AS method
       FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE NOT (p.partmethod = 'n' AND p.repmodel = 's')`,
      );
      const methods = { distributed: 'h', reference: 'n' } as const;
      expect(Object.fromEntries(rows.map((row) => [row.name, row.method]))).toEqual(
        Object.fromEntries(
          plan.tables.flatMap(({ schema, name: table, placement }) =>
            placement.kind === 'local' ? [] : [[`${schema}.${table}`, methods[placement.kind]]],
          ),
        ),
      );
    },
  );

  it('widens ids before distribution, so that workers can make them', async () => {
    const [from, cluster] = [await source('mixed'), await freshCluster()];
    const { plan } = await build(from, { widenSerial: true }, cluster);
    await apply(cluster, targetDdl(plan, { citus: true }));
    const { rows } = await cluster.client.query(
      `SELECT success, result FROM run_command_on_workers($$INSERT INTO public.paths (embedding) VALUES ('{1}') RETURNING id > 281474976710656$$)`,
    );
    expect(rows).toEqual([
      { success: true, result: 't' },
      { success: true, result: 't' },
    ]);
  });

  it('forecasts the rows of every shard exactly', async () => {
    const [from, cluster] = [await source('mixed'), await freshCluster({ shardCount: 7 })];
    const { plan, report } = await build(from, {}, cluster);
    await apply(cluster, targetDdl(plan, { citus: true }));
    const { rows } = await from.client.query<{ row: string[] }>(
      `SELECT array[namespace, id::text, name] AS row FROM public.accounts`,
    );
    await cluster.client.query(
      `INSERT INTO public.accounts (namespace, id, name)
       SELECT r->>0, (r->>1)::bigint, r->>2 FROM json_array_elements($1::json) r`,
      [JSON.stringify(rows.map(({ row }) => row))],
    );
    const counted = await cluster.client.query<{ n: number }>(
      `SELECT result::int AS n FROM run_command_on_shards('public.accounts', 'SELECT count(*) FROM %s') r
       JOIN pg_dist_shard s USING (shardid) ORDER BY s.shardminvalue::int`,
    );
    const forecast = report.tables.find((one) => one.table === 'accounts')!.keys!.shardRows;
    expect(counted.rows.map((row) => row.n)).toEqual(forecast);
    expect(forecast).toHaveLength(7);
  });
});

describe('what only the rows can tell', () => {
  const SCHEMA = `
    CREATE TABLE public.parents (id int PRIMARY KEY, namespace text);
    CREATE TABLE public.children (id int PRIMARY KEY, parent_id int REFERENCES public.parents, other_id int REFERENCES public.parents);
    INSERT INTO public.parents VALUES (1, 'a'), (2, 'b');
    INSERT INTO public.children VALUES (1, 1, 1), (2, 2, NULL);`;
  const blockers = async (
    rows: string,
    config: PlanConfig = { tables: { children: { via: 'children_parent_id_fkey' } } },
  ): Promise<string[]> => {
    const database = await freshSource();
    await database.client.query(SCHEMA + rows);
    const { plan } = await build(database, config);
    return plan.findings
      .filter((one) => one.severity === 'blocker')
      .map((one) => `${one.code} ${one.table}: ${one.message}`);
  };

  it('blocks nothing when every row fits', async () => {
    expect(await blockers('')).toEqual([]);
  });

  it('blocks on rows without a distribution value, in the table itself and at the end of a path', async () => {
    expect(await blockers(`INSERT INTO public.parents VALUES (3, NULL)`)).toEqual([
      expect.stringMatching(/^DISTRIBUTION_NULL parents: .* has no value in 1 row\./),
    ]);
    expect(await blockers(`INSERT INTO public.children VALUES (3, NULL, 1), (4, NULL, 1)`)).toEqual([
      expect.stringMatching(/^DISTRIBUTION_NULL children: .* in 2 rows\./),
      expect.stringMatching(/^FK_CROSSES_KEY children: .* from 2 rows to/),
    ]);
  });

  it('blocks on rows whose other parent has another distribution value, unless that foreign key is dropped', async () => {
    const crossing = `INSERT INTO public.children VALUES (3, 1, 2)`;
    expect(await blockers(crossing)).toEqual([
      expect.stringMatching(/^FK_CROSSES_KEY children: .* from 1 row to/),
    ]);
    expect(
      await blockers(crossing, {
        tables: { children: { via: 'children_parent_id_fkey' } },
        foreignKeys: { 'children.children_other_id_fkey': 'drop' },
      }),
    ).toEqual([]);
  });

  it('is not asked where statistics are switched off', async () => {
    const config: PlanConfig = { stats: false, tables: { children: { via: 'children_parent_id_fkey' } } };
    expect(await blockers(`INSERT INTO public.parents VALUES (3, NULL)`, config)).toEqual([]);
  });

  it('leaves out tables that were not chosen, and says what that costs', async () => {
    const database = await freshSource();
    await database.client.query(SCHEMA);
    const { plan } = await build(database, { exclude: ['parents'] });
    expect(plan.tables.map((one) => one.table)).toEqual(['children']);
    expect(plan.scope).toEqual({ exclude: ['parents'] });
    expect(plan.findings.map((one) => one.code)).toContain('FK_REFUSED');
  });
});
