-- Transactions of others that have lasted this many milliseconds on this node: writers whose end a move has to wait for.
SELECT a.pid, coalesce(nullif(a.application_name, ''), 'unnamed') AS application, a.state,
       (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::float8 AS ms
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.xact_start IS NOT NULL
  AND a.application_name !~ '^(migrate |citus_)' AND a.pid <> pg_backend_pid()
  AND a.xact_start < clock_timestamp() - :ms * interval '1 millisecond'
ORDER BY a.xact_start;
