-- Who holds the lock that admits one run per target, and for how long it has said nothing.
SELECT a.application_name AS run, a.pid, coalesce(host(a.client_addr), 'local') AS client,
       to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS since,
       CASE WHEN a.state LIKE 'idle%' THEN (extract(epoch FROM clock_timestamp() - a.state_change) * 1000)::float8 END AS "silentMs",
       false AS lane
FROM pg_locks l
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND (l.classid::bigint << 32 | l.objid::bigint) = :key;
