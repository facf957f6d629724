import type pg from 'pg';
import type { Document } from './migrate.js';

/** Tables that the damage below is done to; all of them fit both kinds of target. */
export const SCHEMA = `
  -- A server without the extension has it as a name for text.
  DO $$ BEGIN CREATE EXTENSION citext; EXCEPTION WHEN OTHERS THEN CREATE DOMAIN citext AS text; END $$;
  CREATE TYPE mood AS ENUM ('ok', 'bad');
  CREATE TABLE item (
    id bigint PRIMARY KEY, namespace varchar(50) NOT NULL, note text, amount numeric, ratio float8, single real,
    span interval, doc jsonb, raw bytea, code char(5), mood mood, moods mood[], at timestamptz, big numeric,
    padded bpchar, folded citext
  );
  INSERT INTO item
  SELECT g, 'ns' || g % 20, 'note ' || g, g / 4.0, g / 3.0, g / 7.0, make_interval(mins => g),
         jsonb_build_object('n', g), decode(md5(g::text), 'hex'), 'c' || g % 100, 'ok', '{ok,bad}',
         timestamptz '2024-01-01 00:00:00+00' + make_interval(hours => g), g, 'p ', 'Folded'
  FROM generate_series(1, 5000) g;
  UPDATE item SET note = '' WHERE id = 10;
  UPDATE item SET note = NULL WHERE id = 11;
  UPDATE item SET note = E'one\\r\\ntwo' WHERE id = 13;
  UPDATE item SET amount = 1.0, ratio = 0, single = 1.5, span = '1 mon', doc = '{"n": 1.0}', code = 'ab' WHERE id = 12;
  CREATE TABLE loose (namespace varchar(50) NOT NULL, what text);
  INSERT INTO loose SELECT 'ns' || g % 5, 'w' || g % 100 FROM generate_series(1, 400) g;
  INSERT INTO loose VALUES ('ns3', 'single'), ('ns4', 'twin'), ('ns4', 'twin');
  CREATE TABLE empty_one (id int PRIMARY KEY, namespace varchar(50) NOT NULL);
`;

/** What is done to the target, how it is undone, and what verify has to say, and nothing else. */
export const DAMAGE: readonly [name: string, damage: string, restore: string, expected: Document[]][] = [
  [
    'a trailing blank',
    `UPDATE item SET note = 'note 77 ' WHERE id = 77`,
    `UPDATE item SET note = 'note 77' WHERE id = 77`,
    [{ kind: 'mismatched', key: { id: '77' }, columns: ['note'] }],
  ],
  [
    'an end of line without its carriage return',
    `UPDATE item SET note = E'one\\ntwo' WHERE id = 13`,
    `UPDATE item SET note = E'one\\r\\ntwo' WHERE id = 13`,
    [{ kind: 'mismatched', key: { id: '13' }, columns: ['note'] }],
  ],
  [
    'another case, to a type that takes both as equal',
    `UPDATE item SET folded = 'folded' WHERE id = 77`,
    `UPDATE item SET folded = 'Folded' WHERE id = 77`,
    [{ kind: 'mismatched', key: { id: '77' }, columns: ['folded'] }],
  ],
  [
    'padding that the type does not look at',
    `UPDATE item SET padded = 'p' WHERE id = 77`,
    `UPDATE item SET padded = 'p ' WHERE id = 77`,
    [{ kind: 'mismatched', key: { id: '77' }, columns: ['padded'] }],
  ],
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
    `INSERT INTO item_copy SELECT * FROM item WHERE id = 300; DELETE FROM item WHERE id = 300`,
    `INSERT INTO item SELECT * FROM item_copy; DELETE FROM item_copy`,
    [{ kind: 'missing', key: { id: '300' } }],
  ],
  [
    'an extra row',
    `INSERT INTO item (id, namespace) VALUES (6000, 'ns1')`,
    `DELETE FROM item WHERE id = 6000`,
    [{ kind: 'extra', key: { id: '6000' } }],
  ],
  [
    'values swapped between two rows',
    `UPDATE item SET raw = CASE id WHEN 41 THEN decode(md5('61'), 'hex') ELSE decode(md5('41'), 'hex') END WHERE id IN (41, 61)`,
    `UPDATE item SET raw = decode(md5(id::text), 'hex') WHERE id IN (41, 61)`,
    [
      { kind: 'mismatched', key: { id: '41' }, columns: ['raw'] },
      { kind: 'mismatched', key: { id: '61' }, columns: ['raw'] },
    ],
  ],
  [
    'two changes that cancel under XOR, count for count',
    `UPDATE loose SET what = 'other twin' WHERE what = 'twin'`,
    `UPDATE loose SET what = 'twin' WHERE what = 'other twin'`,
    [
      { kind: 'extra', key: null },
      { kind: 'extra', key: null },
      { kind: 'missing', key: null },
      { kind: 'missing', key: null },
    ],
  ],
  [
    'a duplicated row of a table without a key',
    `INSERT INTO loose VALUES ('ns3', 'single')`,
    `DELETE FROM loose WHERE what = 'single'; INSERT INTO loose VALUES ('ns3', 'single')`,
    [{ kind: 'extra', key: null }],
  ],
];

/** One statement at a time: Citus does not take several in one message. */
export async function runAll(client: pg.Client, text: string): Promise<void> {
  try {
    for (const statement of text.split('; ')) await client.query(statement);
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
