import type { Expectation } from './follow.js';

/**
 * Every way to a shard: a reference table, an own column, one foreign key, two of them, partitions; a unique value
 * that rows can swap, foreign keys that cascade.
 */
export const FOLLOW_SCHEMA = `
  CREATE TABLE kind (id int PRIMARY KEY, label text NOT NULL);
  CREATE TABLE account (
    id bigint PRIMARY KEY, namespace varchar(20) NOT NULL, name text NOT NULL, UNIQUE (namespace, name));
  CREATE TABLE item (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE ON UPDATE CASCADE,
    kind_id int NOT NULL REFERENCES kind (id), note text);
  CREATE TABLE part (
    id uuid PRIMARY KEY, item_id bigint NOT NULL REFERENCES item (id) ON DELETE CASCADE ON UPDATE CASCADE, note text);
  CREATE TABLE event (id int, day int, namespace text NOT NULL, what text, PRIMARY KEY (id, day))
    PARTITION BY LIST (day);
  CREATE TABLE event_1 (what text, day int NOT NULL, id int NOT NULL, namespace text NOT NULL);
  ALTER TABLE event ATTACH PARTITION event_1 FOR VALUES IN (1);
  CREATE TABLE event_2 PARTITION OF event FOR VALUES IN (2);
`;

/** Some rows of each, few enough that writers meet on them. */
export const FOLLOW_FILL = `
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(1, 3) g;
  INSERT INTO account SELECT g, 'ns' || g % 5, 'account ' || g FROM generate_series(1, 10) g;
  INSERT INTO item SELECT g, 1 + g % 10, 1 + g % 3, 'item ' || g FROM generate_series(1, 14) g;
  INSERT INTO part SELECT md5(g::text)::uuid, g, 'part ' || g FROM generate_series(1, 14) g;
  INSERT INTO event SELECT g, 1 + g % 2, 'ns' || g % 5, 'event ' || g FROM generate_series(1, 14) g;
`;

export const FOLLOW_EXPECTED: readonly Expectation[] = [
  { table: 'kind', source: 'SELECT id, label FROM kind', target: 'SELECT id, label FROM kind' },
  {
    table: 'account',
    source: 'SELECT id, namespace, name FROM account',
    target: 'SELECT id, namespace, name FROM account',
  },
  {
    table: 'item',
    source:
      'SELECT i.id, a.namespace, i.account_id, i.kind_id, i.note FROM item i JOIN account a ON a.id = i.account_id',
    target: 'SELECT id, namespace, account_id, kind_id, note FROM item',
  },
  {
    table: 'part',
    source:
      'SELECT p.id, a.namespace, p.item_id, p.note FROM part p JOIN item i ON i.id = p.item_id JOIN account a ON a.id = i.account_id',
    target: 'SELECT id, namespace, item_id, note FROM part',
  },
  {
    table: 'event',
    source: 'SELECT id, day, namespace, what FROM event',
    target: 'SELECT id, day, namespace, what FROM event',
  },
];

export const FOLLOW_DISTRIBUTED = ['account', 'item', 'part', 'event'] as const;
