-- Ends the transactions of earlier attempts at a chunk on this node: nobody waits for their outcome any more, and
-- behind a link that swallows packets they would keep their locks.
SELECT pg_terminate_backend(l.pid)
FROM pg_locks l
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND (l.classid::bigint << 32 | l.objid::bigint) = :chunk
  AND pg_has_role(a.usesysid, 'USAGE');
