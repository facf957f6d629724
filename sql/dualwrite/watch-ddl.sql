-- A tracked column that is renamed, dropped or given another type would make every statement fail that writes to its
-- table. This lets go of the capture first. Needs a superuser.
CREATE OR REPLACE FUNCTION citus_migrate.watch_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS :'body';
DROP EVENT TRIGGER IF EXISTS citus_migrate_ddl;
CREATE EVENT TRIGGER citus_migrate_ddl ON ddl_command_end WHEN TAG IN ('ALTER TABLE')
EXECUTE FUNCTION citus_migrate.watch_ddl();
ALTER EVENT TRIGGER citus_migrate_ddl ENABLE ALWAYS;
