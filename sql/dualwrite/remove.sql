DROP FUNCTION IF EXISTS citus_migrate.watch_size();
DROP TABLE IF EXISTS citus_migrate.captured, citus_migrate.capture, citus_migrate.truncation;
DROP SEQUENCE IF EXISTS citus_migrate.segment, citus_migrate.dropped;
