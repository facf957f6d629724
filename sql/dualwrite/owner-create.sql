-- Who takes the writes of which unit, as this node has it. A table of this node alone, for the guards of its shards
-- look here and nowhere else. Everybody may read it: applications follow it.
SET citus.enable_ddl_propagation = off;
CREATE SCHEMA IF NOT EXISTS citus_migrate;
-- Spread over many pages, so that a writer's look goes by the index: on two pages the planner prefers to read all 101
-- rows (127,000 instructions against 48,000).
CREATE TABLE IF NOT EXISTS citus_migrate.ownership (
  -- b00 … b99, n:<namespace> or *.
  unit text COLLATE "C" PRIMARY KEY,
  owner text NOT NULL CHECK (owner IN ('source', 'target')),
  -- Number of the move that made it so. A named unit with 0 is only held: its bucket decides.
  epoch bigint NOT NULL DEFAULT 0,
  -- Until then nobody may write; infinity on a worker: until the coordinator has decided.
  blocked_until timestamptz,
  -- The one attempt at a move that may decide.
  blocked_by text,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The advisory lock that writers share: a name has that of its bucket.
  lock int GENERATED ALWAYS AS (
    CASE WHEN unit = '*' THEN 100 WHEN unit LIKE 'n:%' THEN :named_bucket ELSE substr(unit, 2)::int END) STORED
) WITH (fillfactor = 10);
INSERT INTO citus_migrate.ownership (unit, owner)
SELECT u.unit, 'source' FROM unnest(ARRAY[:units]) AS u (unit)
ON CONFLICT (unit) DO NOTHING;
CREATE INDEX IF NOT EXISTS ownership_lock ON citus_migrate.ownership (lock);
CREATE OR REPLACE FUNCTION citus_migrate.bucket_unit(namespace text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS :'bucket_body';
CREATE OR REPLACE FUNCTION citus_migrate.adopt(later jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS :'adopt_body';
REVOKE EXECUTE ON FUNCTION citus_migrate.adopt(jsonb) FROM PUBLIC;
CREATE OR REPLACE FUNCTION citus_migrate.take_over(unit text, epoch bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS :'take_over_body';
CREATE OR REPLACE FUNCTION citus_migrate.settle_owners() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS :'settle_body';
GRANT USAGE ON SCHEMA citus_migrate TO PUBLIC;
GRANT SELECT ON citus_migrate.ownership TO PUBLIC;
RESET citus.enable_ddl_propagation;
