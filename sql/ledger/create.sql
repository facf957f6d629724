-- The ledger: which chunks of which load have been committed. A row commits together with the rows it speaks of.
CREATE SCHEMA IF NOT EXISTS citus_migrate;
CREATE TABLE IF NOT EXISTS citus_migrate.load (
  load_id text PRIMARY KEY,
  kind text NOT NULL,
  plan_hash text NOT NULL,
  run_id text NOT NULL,
  -- Rows went straight into shards: every node keeps a part of the ledger.
  lanes boolean NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS citus_migrate.chunk (
  load_id text NOT NULL,
  table_name text NOT NULL,
  chunk text NOT NULL,
  rows bigint NOT NULL,
  -- Rows that the target refused and that were set aside.
  rejected bigint NOT NULL,
  -- For a chunk that came straight from the source: what tells whether it is still the same there.
  source jsonb,
  loaded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (load_id, table_name, chunk)
);
