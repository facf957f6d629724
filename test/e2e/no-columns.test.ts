import { expect, test } from 'vitest';
import { freshSource } from '../support/databases.js';
import { load, prepare } from '../support/load.js';

/** PostgreSQL takes tables without columns, and without any that travels; their rows still count. */
test('rows of tables without a column to carry arrive, none more and none less', async () => {
  const source = await freshSource();
  const target = await freshSource();
  await source.client.query(`
      CREATE TABLE bare ();
      INSERT INTO bare SELECT FROM generate_series(1, 3);
      CREATE TABLE made (one int GENERATED ALWAYS AS (1) STORED);
      INSERT INTO made SELECT FROM generate_series(1, 5);
    `);
  const journey = await prepare(source, target);
  const { tables } = await load(journey);
  expect(tables.map(({ table, rows }) => [table, rows]).sort()).toEqual([
    ['bare', 3],
    ['made', 5],
  ]);
  const { rows } = await target.client.query(
    'SELECT (SELECT count(*)::int FROM bare) AS bare, (SELECT count(*)::int FROM made WHERE one = 1) AS made',
  );
  expect(rows).toEqual([{ bare: 3, made: 5 }]);
});
