-- Distributed transactions that are prepared on this node: most are decided within milliseconds.
SELECT gid FROM pg_prepared_xacts WHERE gid LIKE 'citus\_%' AND database = current_database();
