import type { Document } from './migrate.js';

/** Tables that the damage below is done to; all of them fit both kinds of target. */
export const SCHEMA = `
  CREATE TYPE mood AS ENUM ('ok', 'bad');
  CREATE TABLE item (
    id bigint PRIMARY KEY, namespace varchar(50) NOT NULL, note text, amount numeric, ratio float8, single real,
    span interval, doc jsonb, raw bytea, code char(5), mood mood, moods mood[], at timestamptz, big numeric
  );
  INSERT INTO item
  SELECT g, 'ns' || g % 20, 'note ' || g, g / 4.0, g / 3.0, g / 7.0, make_interval(mins => g),
         jsonb_build_object('n', g), decode(md5(g::text), 'hex'), 'c' || g % 100, 'ok', '{ok,bad}',
         timestamptz '2024-01-01 00:00:00+00' + make_interval(hours => g), g
  FROM generate_series(1, 5000) g;
  UPDATE item SET note = '' WHERE id = 10;
  UPDATE item SET note = NULL WHERE id = 11;
  UPDATE item SET amount = 1.0, ratio = 0, single = 1.5, span = '1 mon', doc = '{"n": 1.0}', code = 'ab' WHERE id = 12;
  CREATE TABLE loose (namespace varchar(50) NOT NULL, what text);
  INSERT INTO loose SELECT 'ns' || g % 5, 'w' || g % 100 FROM generate_series(1, 400) g;
  CREATE TABLE empty_one (id int PRIMARY KEY, namespace varchar(50) NOT NULL);
`;

/** What is done to the target, how it is undone, and what verify has to say, and nothing else. */
export const DAMAGE: readonly [name: string, damage: string, restore: string, expected: Document[]][] = [
  [
    'one changed value',
    `UPDATE item SET note = 'changed' WHERE id = 77`,
    `UPDATE item SET note = 'note 77' WHERE id = 77`,
    [{ kind: 'mismatched', key: { id: '77' }, columns: ['note'] }],
  ],
  [
    'NULL instead of an empty string',
    `UPDATE item SET note = NULL WHERE id = 10`,
    `UPDATE item SET note = '' WHERE id = 10`,
    [{ kind: 'mismatched', key: { id: '10' }, columns: ['note'] }],
  ],
  [
    'an empty string instead of NULL',
    `UPDATE item SET note = '' WHERE id = 11`,
    `UPDATE item SET note = NULL WHERE id = 11`,
    [{ kind: 'mismatched', key: { id: '11' }, columns: ['note'] }],
  ],
  [
    '1.00 instead of 1.0',
    `UPDATE item SET amount = 1.00 WHERE id = 12`,
    `UPDATE item SET amount = 1.0 WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['amount'] }],
  ],
  [
    'minus zero instead of zero',
    `UPDATE item SET ratio = '-0' WHERE id = 12`,
    `UPDATE item SET ratio = 0 WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['ratio'] }],
  ],
  [
    'the last bit of a float',
    `UPDATE item SET single = 1.5000001 WHERE id = 12`,
    `UPDATE item SET single = 1.5 WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['single'] }],
  ],
  [
    '30 days instead of a month',
    `UPDATE item SET span = '30 days' WHERE id = 12`,
    `UPDATE item SET span = '1 mon' WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['span'] }],
  ],
  [
    '1.00 instead of 1.0 inside jsonb',
    `UPDATE item SET doc = '{"n": 1.00}' WHERE id = 12`,
    `UPDATE item SET doc = '{"n": 1.0}' WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['doc'] }],
  ],
  [
    'another label of an enum, and inside an array of it',
    `UPDATE item SET mood = 'bad', moods = '{ok,ok}' WHERE id = 12`,
    `UPDATE item SET mood = 'ok', moods = '{ok,bad}' WHERE id = 12`,
    [{ kind: 'mismatched', key: { id: '12' }, columns: ['mood', 'moods'] }],
  ],
  [
    'a shifted time zone',
    `UPDATE item SET at = '2024-01-21 21:00:00+00' WHERE id = 500`,
    `UPDATE item SET at = '2024-01-21 20:00:00+00' WHERE id = 500`,
    [{ kind: 'mismatched', key: { id: '500' }, columns: ['at'] }],
  ],
  [
    'a missing row',
    `DELETE FROM item WHERE id = 300`,
    `INSERT INTO item SELECT * FROM item_copy WHERE id = 300`,
    [{ kind: 'missing', key: { id: '300' } }],
  ],
  [
    'an extra row',
    `INSERT INTO item (id, namespace) VALUES (6000, 'ns1')`,
    `DELETE FROM item WHERE id = 6000`,
    [{ kind: 'extra', key: { id: '6000' } }],
  ],
  [
    'two changes that cancel under XOR',
    `UPDATE item SET note = CASE id WHEN 31 THEN 'note 51' ELSE 'note 31' END WHERE id IN (31, 51)`,
    `UPDATE item SET note = 'note ' || id::text WHERE id IN (31, 51)`,
    [
      { kind: 'mismatched', key: { id: '31' }, columns: ['note'] },
      { kind: 'mismatched', key: { id: '51' }, columns: ['note'] },
    ],
  ],
  [
    'a duplicated row of a table without a key',
    `INSERT INTO loose VALUES ('ns1', 'w1')`,
    '',
    [{ kind: 'extra', key: null }],
  ],
];

/** The discrepancies of a table without the places where they lie. */
export const strip = (table: Document): Document[] =>
  table.discrepancies.map(({ kind, key, columns }: Document) => ({
    kind,
    key,
    ...(columns ? { columns } : {}),
  }));
