-- Connections of applications to this database. Those of this program and those that Citus opens do not count.
SELECT count(*)::int AS clients
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.backend_type = 'client backend'
  AND a.application_name !~ '^(migrate |citus_)';
