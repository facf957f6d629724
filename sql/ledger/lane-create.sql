-- The ledger of the lanes that end on this node: which hashes of which chunk have been committed here. A table of
-- this node alone, so that its rows commit in the same local transaction as the rows they speak of.
SET citus.enable_ddl_propagation = off;
CREATE SCHEMA IF NOT EXISTS citus_migrate;
CREATE TABLE IF NOT EXISTS citus_migrate.lane (
  load_id text NOT NULL,
  table_name text NOT NULL,
  chunk text NOT NULL,
  attempt text NOT NULL,
  -- [[min, max], …], both included; where shards are replicated [min, max, groups that held them].
  ranges jsonb NOT NULL,
  -- Rows whose first placement is here.
  rows bigint NOT NULL,
  -- Rows that were refused here and set aside.
  rejected bigint NOT NULL,
  source jsonb,
  committed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (load_id, table_name, chunk, attempt)
);
RESET citus.enable_ddl_propagation;
