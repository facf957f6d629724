-- Backends of other runs that still write here, and whether they are lanes (:lanes is the lock that every lane shares).
-- They do not hold the run's lock when their process was killed. One that is idle in its transaction waits for a client.
SELECT a.application_name AS run, a.pid, coalesce(host(a.client_addr), 'local') AS client,
       to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS since,
       CASE WHEN a.state LIKE 'idle%' THEN (extract(epoch FROM clock_timestamp() - a.state_change) * 1000)::float8 END AS "silentMs",
       EXISTS (SELECT FROM pg_locks l
               WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
                 AND (l.classid::bigint << 32 | l.objid::bigint) = :lanes) AS lane
FROM pg_stat_activity a
WHERE a.datname = current_database()
  AND a.application_name LIKE 'migrate %'
  AND a.application_name <> current_setting('application_name')
  AND a.backend_xid IS NOT NULL
ORDER BY a.backend_start;
