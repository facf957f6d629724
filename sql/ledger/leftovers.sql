-- Backends of other runs that still write here. They do not hold the lock when their process was killed.
SELECT a.application_name AS run, a.pid, coalesce(host(a.client_addr), 'local') AS client,
       to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS since
FROM pg_stat_activity a
WHERE a.datname = current_database()
  AND a.application_name LIKE 'migrate %'
  AND a.application_name <> current_setting('application_name')
  AND a.backend_xid IS NOT NULL
ORDER BY a.backend_start;
