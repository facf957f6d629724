-- The record of a run: phases and evidence, only ever added to. Plain tables of this node alone: a row commits here,
-- and waits for no other node.
SET citus.enable_ddl_propagation = off;
CREATE SCHEMA IF NOT EXISTS citus_migrate;
CREATE TABLE IF NOT EXISTS citus_migrate.phase (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  run_id text NOT NULL,
  phase text NOT NULL,
  detail jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS citus_migrate.evidence (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  run_id text NOT NULL,
  kind text NOT NULL,
  detail jsonb NOT NULL
);
RESET citus.enable_ddl_propagation;
