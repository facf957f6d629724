import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { applyFixture, fixturePath } from '../../src/demo/fixtures.js';
import { withSession } from '../../src/demo/servers/index.js';
import { describeCitus, type FreshDatabase, freshCluster, freshSource } from '../support/databases.js';
import { type Document, freshFolder, runJson } from '../support/migrate.js';
import { contentsOf, shapesOf } from '../support/same-rows.js';
import { schemaDump } from '../support/schema-dump.js';
import { expectWayBack } from '../support/way-back.js';

const expected = JSON.parse(readFileSync(fixturePath('type-zoo', 'expect.json'), 'utf8'));
const config = fixturePath('type-zoo', 'migrate.config.yaml');
const MB = 1024 * 1024;

function suite(freshTarget: () => Promise<FreshDatabase>, citus: boolean, bigBytes: number): void {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const cwd = freshFolder();
  const run = (...args: string[]): Promise<Document> =>
    runJson([...args, '--source', source.url, '--target', target.url, '--config', config], { cwd });

  beforeAll(async () => {
    source = await freshSource();
    target = await freshTarget();
    await withSession(source.url, (session) => applyFixture(session, 'type-zoo', { bigBytes }));
  });

  test('plans placements, paths and foreign keys as the fixture expects', async () => {
    const plan = await run('plan');
    expect(plan.exit).toBe(0);
    const found = Object.fromEntries(plan.tables.map((table: Document) => [table.table, table]));
    for (const [table, { placement, column, via, rows }] of Object.entries<Document>(expected.tables)) {
      expect(found[table]?.placement, table).toMatchObject({
        kind: placement,
        ...(column ? { column } : {}),
      });
      if (via)
        expect(
          found[table].placement.via.map((step: Document) => step.constraint),
          table,
        ).toEqual(via);
      expect(found[table].rows, table).toBe(rows);
    }
    expect(Object.keys(found).sort()).toEqual(Object.keys(expected.tables).sort());
    const fates = Object.fromEntries(
      plan.foreignKeys.map(({ table, constraint, fate }: Document) => [`${table}.${constraint}`, fate]),
    );
    expect(fates).toMatchObject(expected.foreignKeys);
    expect(plan.findings.filter((finding: Document) => finding.severity === 'blocker')).toEqual([]);
  });

  test('arrives row for row, and verify agrees with the oracle', async () => {
    // On the plain server the whole schema first: foreign keys and a filled (empty) materialized view are there.
    expect(await run('schema', '--phase', citus ? 'before-data' : 'all')).toMatchObject({ exit: 0 });
    expect(await run('export', '--out', 'dump')).toMatchObject({ exit: 0 });
    expect(await run('import', '--from', 'dump')).toMatchObject({ exit: 0 });
    const shapes = await shapesOf(source.client);
    expect(shapes.length).toBe(Object.keys(expected.tables).length);
    expect(await contentsOf(target.url, shapes)).toEqual(await contentsOf(source.url, shapes));
    expect(await run('verify')).toMatchObject({ exit: 0, verdict: 'match' });
  });

  test('fills views, materialized views and sequences', async () => {
    for (const [view, rows] of Object.entries(expected.materializedViews)) {
      const { rows: found } = await target.client.query(`SELECT count(*)::int AS n FROM ${view}`);
      expect(found[0].n, view).toBe(rows);
    }
    if (citus) {
      // Both join without the distribution column.
      const again = await run('import', '--from', 'dump');
      expect(again.refusedViews.map(({ view }: Document) => view)).toEqual(expected.views);
    } else {
      for (const view of expected.views) {
        const [left, right] = await Promise.all(
          [source, target].map(({ client }) => client.query(`SELECT count(*)::int AS n FROM ${view}`)),
        );
        expect(right!.rows, view).toEqual(left!.rows);
      }
    }
    for (const [sequence, value] of Object.entries(expected.sequences)) {
      const { rows } = await target.client.query(`SELECT last_value::int AS value FROM ${sequence}`);
      expect(rows[0].value, sequence).toBeGreaterThanOrEqual(value as number);
    }
  });

  if (citus) {
    test('the added namespace of a child is that of its parent', async () => {
      const { rows } = await target.client.query(`
        SELECT count(*)::int AS wrong FROM comments c
        JOIN documents d ON d.namespace = c.namespace AND d.id = c.document_id
        JOIN projects p ON p.namespace = d.namespace AND p.id = d.project_id
        WHERE c.namespace <> p.namespace`);
      expect(rows[0].wrong).toBe(0);
      const { rows: all } = await target.client.query('SELECT count(*)::int AS n FROM comments');
      expect(all[0].n).toBe(expected.tables.comments.rows);
    });
  }

  test('comes back to a single node with an identical schema and identical rows', async () => {
    const back = await expectWayBack({ source, target }, { config, cwd });
    const except = '--exclude-schema=citus_migrate';
    expect(schemaDump(back.url, except)).toEqual(schemaDump(source.url, except));
  });
}

describeCitus('type-zoo on Citus, with values of 100 MB', () =>
  suite(() => freshCluster({ shardCount: 8 }), true, 100 * MB),
);
describe('type-zoo on a plain PostgreSQL', () => suite(freshSource, false, 1000));
