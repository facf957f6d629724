import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeCitus, freshCluster, freshSource } from '../support/databases.js';
import { type Document, freshFolder } from '../support/migrate.js';
import { Twin, type TwinCase } from '../support/twin.js';

const CONFIG = `
distributionColumn: namespace
tables:
  parent: { types: { id: bigint, code: text, price: numeric } }
`;
const SCHEMA = `
  CREATE TABLE parent (
    id int PRIMARY KEY, namespace text NOT NULL, name text NOT NULL, code varchar(5), price numeric(8,2),
    email text UNIQUE, CONSTRAINT named CHECK (name <> ''));
  CREATE UNIQUE INDEX parent_lower ON parent (lower(name)) WHERE price > 100;
  CREATE TABLE note (
    id int PRIMARY KEY, namespace text NOT NULL, parent_id int REFERENCES parent (id) ON DELETE SET NULL);
  INSERT INTO parent SELECT g, 'ns' || g % 5, 'name ' || g, 'c' || g, g, g || '@example.org' FROM generate_series(1, 40) g;
  INSERT INTO note SELECT g, 'ns' || g % 5, g FROM generate_series(1, 40) g;
  INSERT INTO note VALUES (41, 'ns1', NULL);
  ANALYZE;
`;
const ACCEPT = ['--accept', 'disk,backup,reverse-capture,ids-fit', '--reason', 'throw-away servers'];

const parents: TwinCase = {
  fill: ({ client }) => client.query(SCHEMA),
  namespaces: ['ns0', 'ns1', 'ns2', 'ns3', 'ns4'],
  numbered: [],
  writes: (round) => [
    {
      namespace: 'ns1',
      sql: `INSERT INTO parent VALUES (${100 + round}, 'ns1', 'fits ${round}', 'fits', 1.25, NULL)`,
    },
  ],
};

describeCitus('rows that cannot go back', () => {
  test('are listed before anything happens, whatever keeps them, and no others are', async () => {
    const pair = { source: await freshSource(), target: await freshCluster({ shardCount: 4 }) };
    await parents.fill(pair.source);
    const cwd = freshFolder();
    writeFileSync(join(cwd, 'migrate.config.yaml'), CONFIG);
    const twin = await Twin.open(parents, pair, cwd);
    for (const line of ['plan', 'shim install', 'copy', 'verify --live'])
      expect(await twin.migrate(line)).toMatchObject({ exit: 0 });
    expect(await twin.migrate('cutover', ...ACCEPT)).toMatchObject({ exit: 0, moved: true });
    twin.owned(100);
    const { client } = twin.target;
    const told = async (line: string): Promise<string[]> => {
      const result: Document = await twin.migrate(line, ...ACCEPT);
      expect(result).toMatchObject({ exit: 1, moved: false, phase: 'cut-over' });
      return result.obstacles
        .map(
          ({ table, columns, reason, rows, keys }: Document) =>
            `${table}.${columns} ${reason.replace(/[,(].*/, '').trim()}: ${rows} (${keys.sort().join('; ')})`,
        )
        .sort();
    };
    await twin.write();
    // All is well: values that just fit, the same name beside the condition of its rule, no parent at all.
    const fitting = `
      INSERT INTO parent VALUES (2147483647, 'ns2', 'NAME 9', 'five5', 999999.99, NULL), (-2147483648, 'ns3', 'x', NULL, NULL, NULL);
      INSERT INTO note VALUES (50, 'ns2', 2147483647), (51, 'ns2', NULL);`;
    await client.query(fitting);
    await twin.control.client.query(fitting);
    expect(await twin.migrate('rollback --dry-run', ...ACCEPT)).toMatchObject({ exit: 0, obstacles: [] });

    await client.query('ALTER TABLE parent DROP CONSTRAINT named');
    await client.query('ALTER TABLE parent ALTER COLUMN name DROP NOT NULL');
    for (const [id, ns, name, code, price, email] of [
      ['3000000000', 'ns1', `'big'`, 'NULL', 'NULL', 'NULL'],
      ['60', 'ns1', `'long'`, `'sixsix'`, 'NULL', 'NULL'],
      ['61', 'ns2', `'precise'`, 'NULL', '1.255', 'NULL'],
      ['62', 'ns3', `''`, 'NULL', 'NULL', 'NULL'],
      ['63', 'ns4', 'NULL', 'NULL', 'NULL', 'NULL'],
      ['64', 'ns0', `'twice'`, 'NULL', 'NULL', `'7@example.org'`],
      ['8', 'ns0', `'same id'`, 'NULL', 'NULL', 'NULL'],
      ['65', 'ns0', `'Loud'`, 'NULL', '200.00', 'NULL'],
      ['66', 'ns1', `'loud'`, 'NULL', '200.00', 'NULL'],
    ])
      await client.query(`INSERT INTO parent VALUES (${id}, '${ns}', ${name}, ${code}, ${price}, ${email})`);
    await client.query(`INSERT INTO note VALUES (70, 'ns1', 4711), (71, 'ns3', 4711)`);
    // What Citus no longer does: the parent goes, and the rows that refer to it stay as they are.
    await client.query(`DELETE FROM parent WHERE namespace = 'ns0' AND id = 10`);
    const before = await twin.differences('it is not closed');
    const wanted = [
      'note.parent_id refer to rows of parent that are not there: 3 (10; 70; 71)',
      'parent. are there more than once: 1 (65)',
      'parent.code are longer than character varying: 1 (60)',
      'parent.email are there more than once: 1 (7@example.org)',
      'parent.id are there more than once: 1 (8)',
      'parent.id do not fit integer: 1 (3000000000)',
      'parent.name are NULL: 1 (63)',
      'parent.name break the check named of the source: 1 (62)',
      'parent.price cannot be told by numeric: 1 (61)',
    ];
    for (const line of ['rollback --dry-run', 'rollback', 'rollback --share 10'])
      expect(await told(line)).toEqual(wanted);
    expect(await twin.differences('it is not closed')).toEqual(before);
    await expect(twin.source.client.query(`UPDATE parent SET code = NULL`)).rejects.toMatchObject({
      code: 'CM001',
    });
    expect(await twin.migrate('status')).toMatchObject({ phase: 'cut-over', writes: { share: 100 } });

    await client.query(`DELETE FROM parent WHERE id BETWEEN 60 AND 66 OR id = 3000000000`);
    await client.query(`DELETE FROM parent WHERE namespace = 'ns0' AND id = 8`);
    await client.query(`DELETE FROM note WHERE id IN (70, 71)`);
    await client.query(`INSERT INTO parent VALUES (10, 'ns0', 'name 10', 'c10', 10.00, '10@example.org')`);
    // A value that cannot be cast keeps the others from being counted, and is told all the same.
    await client.query(`INSERT INTO parent VALUES (60, 'ns1', 'endless', NULL, 12345678901.5, NULL)`);
    expect(await told('rollback')).toEqual(['parent.price cannot be told by numeric: null ()']);
    await client.query(`DELETE FROM parent WHERE namespace = 'ns1' AND id = 60`);

    const { exit, error, obstacles } = await twin.migrate('rollback', ...ACCEPT);
    expect({ exit, error, obstacles }).toEqual({ exit: 0, obstacles: [] });
    twin.owned(0);
    await twin.write();
    expect(await twin.migrate('finish -y')).toMatchObject({ exit: 0 });
    await twin.expectEqual();
  });
});
