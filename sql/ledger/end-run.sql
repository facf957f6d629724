-- Ends every connection of the run :run on this node but this one.
SELECT pg_terminate_backend(a.pid)
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.application_name = :'run' AND a.pid <> pg_backend_pid()
  AND pg_has_role(a.usesysid, 'USAGE');
