-- Statement triggers with transition tables, on a table or on each of its partitions: rows that are written through
-- the root fire those of the root alone. ALWAYS: also for writers with session_replication_role = replica.
CREATE TRIGGER citus_migrate_insert AFTER INSERT ON :relation
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION :capture();
CREATE TRIGGER citus_migrate_update AFTER UPDATE ON :relation
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION :capture();
CREATE TRIGGER citus_migrate_delete AFTER DELETE ON :relation
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION :capture();
CREATE TRIGGER citus_migrate_truncate AFTER TRUNCATE ON :relation
FOR EACH STATEMENT EXECUTE FUNCTION :capture();
ALTER TABLE :relation ENABLE ALWAYS TRIGGER citus_migrate_insert, ENABLE ALWAYS TRIGGER citus_migrate_update,
  ENABLE ALWAYS TRIGGER citus_migrate_delete, ENABLE ALWAYS TRIGGER citus_migrate_truncate;
