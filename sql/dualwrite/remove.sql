DROP EVENT TRIGGER IF EXISTS citus_migrate_ddl;
DROP FUNCTION IF EXISTS citus_migrate.watch_size(), citus_migrate.watch_ddl();
DROP TABLE IF EXISTS citus_migrate.captured, citus_migrate.capture, citus_migrate.truncation,
  citus_migrate.member, citus_migrate.unseen;
DROP SEQUENCE IF EXISTS citus_migrate.segment, citus_migrate.dropped;
