-- What the shim keeps on the side that takes writes, before the first table is captured.
CREATE SCHEMA IF NOT EXISTS citus_migrate;
CREATE TABLE IF NOT EXISTS citus_migrate.capture (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  installed_at timestamptz NOT NULL DEFAULT now(),
  -- Every change that this snapshot sees has been applied on the other side.
  drained pg_snapshot,
  drained_at timestamptz,
  -- The one database that changes are applied to.
  target text,
  limit_bytes bigint NOT NULL,
  policy text NOT NULL CHECK (policy IN ('warn', 'drop'))
);
CREATE TABLE IF NOT EXISTS citus_migrate.captured (
  id int PRIMARY KEY,
  table_name text NOT NULL UNIQUE,
  -- Columns that are logged of a changed row: its key, and what its place on the other side follows from.
  tracked text[] NOT NULL,
  -- Every transaction that this snapshot does not see has been captured whole; NULL while the install is under way.
  since pg_snapshot,
  -- Digest of the loaded chunks for which a pass has found as many rows on the target as on the source.
  proven text,
  shape jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS citus_migrate.truncation (
  xid xid8 NOT NULL,
  at timestamptz NOT NULL,
  table_id int NOT NULL
);
-- Outside of transactions on purpose: whoever writes sees at once where to, and nobody waits for anybody.
-- 1, 2: the segment that is written; 3: none, capture was dropped.
CREATE SEQUENCE IF NOT EXISTS citus_migrate.segment MAXVALUE 3 CYCLE;
-- Why. 1: it was not; 2: dropped at the limit of the log; 3: dropped because a tracked column was changed.
CREATE SEQUENCE IF NOT EXISTS citus_migrate.dropped MAXVALUE 3 CYCLE;
SELECT setval('citus_migrate.segment', coalesce(pg_sequence_last_value('citus_migrate.segment'::regclass), 1)),
       setval('citus_migrate.dropped', coalesce(pg_sequence_last_value('citus_migrate.dropped'::regclass), 1));
INSERT INTO citus_migrate.capture (limit_bytes, policy) VALUES (:limit_bytes, :'policy')
ON CONFLICT (one) DO UPDATE SET limit_bytes = excluded.limit_bytes, policy = excluded.policy;
-- Called now and then by those who write, so that a log that nobody drains is noticed where the disk is.
CREATE OR REPLACE FUNCTION citus_migrate.watch_size() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS :'watch_body';
