-- Takes the triggers off one table or partition; nothing happens where there are none.
DROP TRIGGER IF EXISTS citus_migrate_insert ON :relation;
DROP TRIGGER IF EXISTS citus_migrate_update ON :relation;
DROP TRIGGER IF EXISTS citus_migrate_delete ON :relation;
DROP TRIGGER IF EXISTS citus_migrate_truncate ON :relation;
