-- Transactions that have written to these units and not ended; prepared ones have no process.
SELECT DISTINCT concat_ws(' ', l.virtualtransaction, l.pid) AS writer, l.pid
FROM pg_locks l
WHERE l.locktype = 'advisory' AND l.classid = :lock_class AND l.objsubid = 2 AND l.objid = ANY (ARRAY[:locks]::oid[])
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND l.mode = 'ShareLock' AND l.granted;
