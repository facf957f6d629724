-- How Citus names, on other nodes, the backends that it opened for this run's sessions on the coordinator.
SELECT coalesce(
  string_agg(citus_calculate_gpid(citus_nodeid_for_gpid(citus_backend_gpid()), a.pid)::text, '|'), '') AS gpids
FROM pg_stat_activity a
WHERE a.application_name = :'application';
