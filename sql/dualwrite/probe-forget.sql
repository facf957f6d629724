-- What the way back leaves on the single node: the ends of its probes, and a ledger of no load at all.
DROP TABLE IF EXISTS citus_migrate.probe, citus_migrate.probe_local;
DO $$
BEGIN
  IF to_regclass('citus_migrate.load') IS NOT NULL AND to_regclass('citus_migrate.chunk') IS NOT NULL THEN
    IF NOT EXISTS (SELECT FROM citus_migrate.load) AND NOT EXISTS (SELECT FROM citus_migrate.chunk) THEN
      DROP TABLE citus_migrate.load, citus_migrate.chunk;
      DROP TABLE IF EXISTS citus_migrate.owner;
    END IF;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = to_regnamespace('citus_migrate')) THEN
    DROP SCHEMA IF EXISTS citus_migrate;
  END IF;
END
$$;
